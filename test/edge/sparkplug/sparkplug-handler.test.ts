/** The timers of a host on a connection, and how much it says. */
import { expect, test } from "bun:test";
import type { Publication } from "../../../src/edge/sparkplug/host-output.ts";
import { NOTICES_PER_MINUTE, SparkplugHandler } from "../../../src/edge/sparkplug/sparkplug-handler.ts";
import type { DeviceEvent } from "../../../src/model/device-event.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { aliased, double, ScriptedNode, type Message } from "./scripted-node.ts";

function rigOf(hostId?: string) {
  const clock = new ManualClock();
  const published: Publication[] = [];
  const events: DeviceEvent[] = [];
  const notices: string[] = [];
  const handler = new SparkplugHandler(
    { reorderMs: 2_000, deviceNames: "short", asksForRebirths: true, hostId },
    {
      clock,
      onDeviceEvent: (event) => void events.push(event),
      publish: (publication) => void published.push(publication),
      onNotice: (notice) => void notices.push(notice),
    },
  );
  const take = ({ topic, payload }: Message) =>
    handler.handle({ topic, payload, retain: false, receivedMs: clock.nowMs() });
  return { clock, handler, published, events, notices, take };
}

test("what is missing is asked for without another message, and no timer stays behind", () => {
  const { clock, handler, published, take } = rigOf();
  const node = new ScriptedNode();
  take(node.birth([double("Temp", 1, 1)]));
  expect(clock.timers).toBe(0);
  node.data([]);
  take(node.data([aliased(1, 2)]));
  clock.advance(1_000);
  expect(published).toEqual([]);
  clock.advance(2_000);
  expect(published).toHaveLength(1);
  expect(clock.timers).toBe(0);
  node.data([]);
  take(node.data([]));
  expect(clock.timers).toBe(1);
  handler.close();
  expect(clock.timers).toBe(0);
});

test("devices that are not born again with their node are told as dead", () => {
  const { clock, events, take } = rigOf();
  const node = new ScriptedNode();
  take(node.birth([]));
  take(node.deviceBirth("pump", []));
  take(node.birth([]));
  clock.advance(31_000);
  expect(events.map(({ kind, device }) => `${kind} ${device}`)).toEqual([
    "birth edge1",
    "birth pump",
    "birth edge1",
    "death pump",
  ]);
});

test("after a reconnect all nodes that are alive are asked; after the first connect none", () => {
  const { handler, published, take } = rigOf();
  handler.connecting();
  handler.subscribed();
  const [alive, dead] = [new ScriptedNode("g", "alive"), new ScriptedNode("g", "dead")];
  for (const node of [alive, dead]) take(node.birth([]));
  take(dead.death());
  expect(published).toEqual([]);
  handler.connecting();
  handler.subscribed();
  expect(published.map(({ topic }) => topic)).toEqual(["spBv1.0/g/NCMD/alive"]);
});

test("birth and will of a primary host have the time of the connect, its leave that of now", () => {
  const { clock, handler, published } = rigOf("scada");
  const text = ({ payload }: Publication) => new TextDecoder().decode(payload);
  const connectMs = clock.nowMs();
  const will = handler.connecting()!;
  clock.advance(500);
  handler.subscribed();
  expect([text(will), ...published.map(text)]).toEqual([
    `{"online":false,"timestamp":${connectMs}}`,
    `{"online":true,"timestamp":${connectMs}}`,
  ]);
  expect(text(handler.leaving()!)).toBe(`{"online":false,"timestamp":${connectMs + 500}}`);
  expect(handler.topics).toEqual(["spBv1.0/STATE/scada"]);
  expect(rigOf().handler.connecting()).toBeUndefined();
});

test("a flood of nonsense is a few sentences", () => {
  const { clock, notices, take } = rigOf();
  const nonsense = { topic: "spBv1.0/g/NDATA/n", payload: new Uint8Array([0xff]) };
  for (let i = 0; i < 500; i++) take(nonsense);
  expect(notices).toHaveLength(NOTICES_PER_MINUTE);
  clock.advance(60_000);
  take(nonsense);
  expect(notices[NOTICES_PER_MINUTE]).toBe("480 more sentences about Sparkplug were left out");
});
