import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import {
  EMPTY_LOG,
  laterCount,
  LOADED_MAX,
  withEarlier,
  withLast,
  withLive,
  withSnapshot,
} from "../../src/console/data/room-log.ts";
import { CollaborationMessageSchema, type CollaborationMessage } from "../../src/wire/gen/collaboration_pb.ts";
import { randomOf } from "../support/random.ts";

const SNAPSHOT = 10;

function message(number: number): CollaborationMessage {
  return create(CollaborationMessageSchema, { number: BigInt(number), message: `m${number}` });
}

function run(from: number, to: number): CollaborationMessage[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => message(from + i));
}

const numbers = ({ messages }: { messages: readonly CollaborationMessage[] }) =>
  messages.map(({ number }) => Number(number));

test("through breaks, resumes, snapshots and pages all messages stand once and in order", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = randomOf(seed);
    let [said, heard] = [0, 0];
    let log = EMPTY_LOG;
    for (let step = 0; step < 120; step++) {
      const kind = Math.floor(random() * 6);
      if (kind <= 1) said += Math.floor(random() * 5);
      if (kind === 2) {
        // A stream that goes on behind its cursor, which may be one that was handled before.
        for (let at = Math.max(1, heard - Math.floor(random() * 3)); at <= said; at++) log = withLive(log, message(at));
        heard = said;
      }
      if (kind === 3) {
        said += Math.floor(random() * 40);
        log = withSnapshot(log, run(Math.max(1, said - SNAPSHOT + 1), said));
        heard = said;
      }
      if (kind === 4 && log.messages.length > 0) {
        const first = numbers(log)[0];
        const from = Math.max(1, first - 7);
        // A page may reach into what is loaded.
        log = withEarlier(log, run(from, Math.min(said, first + 2)), from > 1);
      }
      if (kind === 5) {
        log = withLast(log, run(Math.max(1, said - SNAPSHOT + 1), said), said > SNAPSHOT);
        heard = said;
      }
      const all = numbers(log);
      const end = (all.at(-1) ?? 0) + laterCount(log);
      expect({ seed, step, all, end }).toEqual({ seed, step, all: Array.from(all, (_, i) => all[0] + i), end: heard });
      if (all.length > 0) expect(log.hasEarlier).toBe(all[0] > 1);
    }
  }
});

test("whoever goes far back lets the end go, is told how much there is, and comes back to it", () => {
  const end = LOADED_MAX * 2;
  let log = withSnapshot(EMPTY_LOG, run(end - 99, end));
  for (let first = end - 99; first > 1; first = numbers(log)[0]) {
    const from = Math.max(1, first - 200);
    log = withEarlier(log, run(from, first - 1), from > 1);
    expect(log.messages.length).toBeLessThanOrEqual(LOADED_MAX);
  }
  expect(numbers(log)[0]).toBe(1);
  expect(laterCount(log)).toBe(end - LOADED_MAX);
  log = withLive(log, message(end + 1));
  expect(laterCount(log)).toBe(end + 1 - LOADED_MAX);
  expect(numbers(log).at(-1)).toBe(LOADED_MAX);
  log = withLast(log, run(end - 98, end + 1), true);
  expect([laterCount(log), numbers(log).at(-1), log.hasEarlier]).toEqual([0, end + 1, true]);
});

test("a room that stays open holds a bounded number of messages, and says that there are earlier ones", () => {
  const log = run(1, LOADED_MAX * 2 + 5).reduce(withLive, EMPTY_LOG);
  expect(log.messages.length).toBeLessThanOrEqual(LOADED_MAX);
  expect(numbers(log).at(-1)).toBe(LOADED_MAX * 2 + 5);
  expect(log.hasEarlier).toBe(true);
});

test("a server that was set back begins anew", () => {
  const log = withSnapshot(withSnapshot(EMPTY_LOG, run(90, 100)), run(1, 3));
  expect(numbers(log)).toEqual([1, 2, 3]);
});
