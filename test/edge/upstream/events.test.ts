/** Alerts and devices on their way to the upstream. */
import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import type { EventCall } from "../../../src/edge/upstream/event-calls.ts";
import { UpstreamEvents } from "../../../src/edge/upstream/upstream-events.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { PublishAlertRequestSchema } from "../../../src/wire/gen/alerts_pb.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

function createEvents() {
  const journal = new MemoryJournal();
  const clock = new ManualClock();
  const calls: EventCall[] = [];
  const troubles: string[] = [];
  const state = {
    eventsAfter: null as number | null,
    eventsDelivered(position: number) {
      this.eventsAfter = position;
    },
  };
  const at = { isConnected: true, failure: undefined as WatchpostError | undefined };
  const start = () =>
    new UpstreamEvents({
      ...{ journal, clock, state, name: "hall-3" },
      isConnected: () => at.isConnected,
      call: async (call) => {
        if (at.failure !== undefined) throw at.failure;
        calls.push(call);
      },
      onTrouble: (sentence) => void troubles.push(sentence),
    });
  const raise = async (rule: string, more: object = {}) => {
    const says = { labels: { device: "d1" }, title: rule, ...more };
    const payload = JSON.stringify({ change: "fired", text: "", alert: { id: rule, rule, severity: "high", says } });
    await journal.append([{ atMs: 1, kind: "alert", subject: rule, actor: "", payload }]);
    await turns();
  };
  const told = () => calls.map(({ request }) => fromBinary(PublishAlertRequestSchema, request));
  return { journal, clock, state, at, troubles, start, raise, told };
}

test("what happens is told in order, with whose it is; what has no meaning there is not", async () => {
  const { journal, start, raise, told } = createEvents();
  await raise("before");
  start();
  await raise("first");
  await journal.append([{ atMs: 1, kind: "session", subject: "s", actor: "ann", payload: "{}" }]);
  await raise("second", { labels: { origin: "line-7" }, metric: "temp" });
  expect(told().map(({ rule, labels }) => [rule, labels])).toEqual([
    ["first", { device: "d1", origin: "hall-3" }],
    ["second", { origin: "line-7", metric: "temp" }],
  ]);
});

test("what cannot be told now is told later, over a restart, too", async () => {
  const { start, at, clock, raise, told } = createEvents();
  const events = start();
  at.failure = new WatchpostError("UNAVAILABLE", "gone");
  await raise("first");
  expect(events.queued).toBe(1);
  events.close();
  at.isConnected = false;
  const again = start();
  await raise("second");
  at.isConnected = true;
  again.wake();
  await turns();
  expect(told()).toEqual([]);
  at.failure = undefined;
  clock.advance(2_000);
  await turns();
  expect(told().map(({ rule }) => rule)).toEqual(["first", "second"]);
  expect(again.queued).toBe(0);
});

test("what the upstream refuses is said and left out; what it does not know is over", async () => {
  const { start, at, raise, told, troubles } = createEvents();
  start();
  at.failure = new WatchpostError("INVALID_ARGUMENT", "no such severity");
  await raise("refused");
  at.failure = new WatchpostError("NOT_FOUND", "no alert");
  await raise("unknown");
  at.failure = undefined;
  await raise("fine");
  expect(told().map(({ rule }) => rule)).toEqual(["fine"]);
  expect(troubles).toEqual(["the upstream refuses event 1 of refused, which is left out: no such severity"]);
});
