/** A host on its connection: what it is asked when, and its STATE. */
import { expect, test } from "bun:test";
import type { Handled, Publication } from "../../../src/edge/mqtt/topic-handler.ts";
import { SparkplugHandler } from "../../../src/edge/sparkplug/sparkplug-handler.ts";
import { aliased, double, ScriptedNode, START_MS, type Message } from "./scripted-node.ts";

class Rig {
  readonly handler: SparkplugHandler;
  nowMs = 0;

  constructor(hostId?: string) {
    this.handler = new SparkplugHandler({ reorderMs: 2_000, deviceNames: "short", asksForRebirths: true, hostId });
  }

  take({ topic, payload }: Message): Handled {
    const receivedMs = START_MS + this.nowMs;
    const message = { topic, payload, captures: new Map(), qos: 0, retain: false, receivedMs, stampUs: 0 } as const;
    return this.handler.handle(message, this.nowMs);
  }

  connect(isFirst: boolean): Handled {
    return this.handler.connected({ connectMs: START_MS + this.nowMs, nowMs: this.nowMs, isFirst, isResumed: true });
  }

  tick(ms: number): Handled {
    this.nowMs += ms;
    return this.handler.tick(START_MS + this.nowMs, this.nowMs);
  }
}

const text = ({ payload }: Publication) => new TextDecoder().decode(payload);

test("what is missing is asked for when its time is over, and ticks do nothing else", () => {
  const rig = new Rig();
  const node = new ScriptedNode();
  rig.take(node.birth([double("Temp", 1, 1)]));
  expect(rig.tick(60_000)).toEqual({});
  node.data([]);
  rig.take(node.data([aliased(1, 2)]));
  expect(rig.tick(1_000).publications).toEqual([]);
  expect(rig.tick(1_000).publications).toHaveLength(1);
  expect(rig.tick(1_000)).toEqual({});
});

test("after a reconnect all nodes that are alive are asked; after the first connect none", () => {
  const rig = new Rig();
  expect(rig.connect(true).publications).toEqual([]);
  const [alive, dead] = [new ScriptedNode("g", "alive"), new ScriptedNode("g", "dead")];
  for (const node of [alive, dead]) rig.take(node.birth([]));
  rig.take(dead.death());
  expect(rig.connect(false).publications!.map(({ topic }) => topic)).toEqual(["spBv1.0/g/NCMD/alive"]);
});

test("birth and will of a primary host have the time of the connect, its goodbye that of now", () => {
  const rig = new Rig("scada");
  const will = rig.handler.will(START_MS)!;
  const births = rig.connect(true).publications!;
  expect([text(will), ...births.map(text)]).toEqual([
    `{"online":false,"timestamp":${START_MS}}`,
    `{"online":true,"timestamp":${START_MS}}`,
  ]);
  // tck-id-message-flow-hid-sparkplug-state-message-delivered
  rig.nowMs += 500;
  const denial = { topic: "spBv1.0/STATE/scada", payload: new TextEncoder().encode('{"online":false,"timestamp":1}') };
  expect(rig.take(denial)).toEqual({ publications: births });
  expect(rig.handler.goodbye(START_MS + 500).map(text)).toEqual([`{"online":false,"timestamp":${START_MS + 500}}`]);
});

test("a host that is no primary one says nothing of itself", () => {
  const { handler } = new Rig();
  expect([handler.will(START_MS), handler.goodbye(START_MS)]).toEqual([undefined, []]);
});

test("a message that is wrong as a whole says what is", () => {
  const rig = new Rig();
  expect(rig.take({ topic: "spBv1.0/g/NDATA/n", payload: new Uint8Array([0xff]) }).malformed).toContain(
    "no Sparkplug B",
  );
  expect(rig.take({ topic: "spBv1.0/g/x/n", payload: new Uint8Array() }).malformed).toBe(
    "its topic is none of Sparkplug B",
  );
});
