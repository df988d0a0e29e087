/** Which lines a node without Redis has to the others, while that comes and goes; nothing here takes time of its own. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { OTHERS_MAX, StraightFrames } from "../../src/cluster/live/straight-frames.ts";
import type { ExchangeInit } from "../../src/cluster/live/straight-line.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { Outgoing } from "../../src/model/outgoing.ts";
import {
  LiveExchangeSchema,
  NodeRecordSchema,
  SeriesNamedSchema,
  type LiveExchange,
  type NodeRecord,
} from "../../src/wire/gen/nodes_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";

const NAMES = create(SeriesNamedSchema, {});

/** The node "b" and others by their ids; `isUp`: whether Redis is there as it begins. */
function nodeOf(...others: string[]) {
  const clock = new ManualClock();
  const followers: ((isUp: boolean) => void)[] = [];
  const lookers: (() => void)[] = [];
  const redis = {
    isUp: true,
    follow: (listener: (isUp: boolean) => void) => (followers.push(listener), () => {}),
  };
  let there = others;
  /** Those that answer, and what this node has told each. */
  const reached = new Set(others);
  const told = new Map<string, LiveExchange[]>();
  const answers = new Map<string, Outgoing<Uint8Array>>();
  const say = (id: string, message: ExchangeInit) =>
    answers.get(id)!.push(toBinary(LiveExchangeSchema, create(LiveExchangeSchema, message)));
  const troubles: string[] = [];
  const frames = new StraightFrames({
    ...{ nodeId: "b", redis, clock, onChanged() {}, onTrouble: (sentence) => void troubles.push(sentence) },
    members: { follow: (listener) => (lookers.push(listener), () => {}) },
    others: () => there.map((nodeId): NodeRecord => create(NodeRecordSchema, { nodeId, address: nodeId })),
    wantedShards: () => new Uint8Array(8),
    async *newest() {},
    namesOf: () => NAMES,
    take() {},
    onNamed() {},
    peers: {
      async *bidi(id, _, requests, { signal }) {
        if (!reached.has(id)) throw new WatchpostError("UNAVAILABLE", `${id} does not answer`);
        const own = new Outgoing<Uint8Array>(1_000);
        answers.set(id, own);
        signal.addEventListener("abort", () => own.end());
        const heard: LiveExchange[] = [];
        told.set(id, heard);
        void (async () => {
          for await (const request of requests) heard.push(fromBinary(LiveExchangeSchema, request));
          own.end();
        })();
        say(id, { nodeId: id });
        yield* own;
      },
    },
  });
  return {
    ...{ frames, clock, reached, told, say, troubles },
    setRedis(isUp: boolean) {
      redis.isUp = isUp;
      for (const follower of followers) follower(isUp);
      return settled();
    },
    see(...ids: string[]) {
      there = ids;
      for (const looker of lookers) looker();
      return settled();
    },
    async pass(ms: number) {
      clock.advance(ms);
      await settled();
    },
  };
}

/** All that follows without a clock has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

test("without Redis there is a line to each of the others, and while one is missing not all is heard", async () => {
  const node = nodeOf("a", "c");
  expect([node.frames.count, node.frames.hearsAll]).toEqual([0, true]);
  node.reached.delete("c");
  await node.setRedis(false);
  expect([node.frames.count, node.frames.hearsAll]).toEqual([1, false]);
  node.reached.add("c");
  await node.pass(1_000);
  expect([node.frames.count, node.frames.hearsAll]).toEqual([2, true]);
  await node.setRedis(true);
  await node.pass(5_000);
  expect(node.frames.count).toBe(2);
  await node.pass(1_000);
  expect([node.frames.count, node.frames.hearsAll]).toEqual([0, true]);
});

test("a Redis that is back for a moment takes others for gone: they are not forgotten, and lines to them stay", async () => {
  const node = nodeOf("a");
  await node.setRedis(false);
  await node.setRedis(true);
  // None of them has been seen for the length of the outage.
  await node.see();
  await node.pass(1_000);
  expect(node.frames.count).toBe(1);
  node.reached.delete("a");
  await node.setRedis(false);
  for (let i = 0; i < 6; i++) await node.pass(2_000);
  expect([node.frames.count, node.frames.hearsAll]).toEqual([0, false]);
  await node.setRedis(true);
  await node.pass(6_000);
  await node.setRedis(false);
  expect(node.frames.hearsAll).toBe(true);
});

test("a line over which nothing comes is none, and is opened again", async () => {
  const node = nodeOf("a");
  await node.setRedis(false);
  for (let i = 0; i < 4; i++) await node.pass(2_000);
  node.say("a", {});
  await settled();
  for (let i = 0; i < 4; i++) await node.pass(2_000);
  expect(node.frames.hearsAll).toBe(true);
  const before = node.told.get("a");
  await node.pass(2_000);
  expect([node.told.get("a") === before, node.frames.hearsAll]).toEqual([false, true]);
});

test("a line that another node opens is the one that stays, until it ends; of two of a node the later one is asked", async () => {
  const node = nodeOf("a");
  await node.setRedis(false);
  const own = node.told.get("a");
  const messages = new Outgoing<LiveExchange>(10);
  const heard: unknown[] = [];
  const serve = (incoming: Outgoing<LiveExchange>, into: unknown[]) =>
    (async () => {
      for await (const message of node.frames.serve(incoming)) into.push(message);
    })();
  const first = serve(messages, heard);
  messages.push(create(LiveExchangeSchema, { nodeId: "a" }));
  await node.pass(1_000);
  expect([node.frames.count, node.told.get("a") === own]).toEqual([1, true]);
  const [again, heardAgain] = [new Outgoing<LiveExchange>(10), [] as unknown[]];
  const second = serve(again, heardAgain);
  again.push(create(LiveExchangeSchema, { nodeId: "a" }));
  await settled();
  await first;
  void node.frames.ask("a", [7]);
  await settled();
  expect([heard.length, heardAgain]).toEqual([1, [expect.anything(), { unknownIds: [7] }]]);
  again.end();
  await second;
  await settled();
  expect([node.frames.count, node.told.get("a") === own]).toEqual([1, false]);
  node.frames.close();
  await settled();
  expect(node.frames.count).toBe(0);
});

test("of too many others none is heard, which is said", async () => {
  const ids = Array.from({ length: OTHERS_MAX + 1 }, (_, i) => `n${i}`);
  const node = nodeOf(...ids);
  await node.setRedis(false);
  await node.pass(2_000);
  expect([node.frames.count, node.frames.hearsAll]).toEqual([0, false]);
  expect(node.troubles[0]).toContain(`there are ${OTHERS_MAX + 1}`);
});
