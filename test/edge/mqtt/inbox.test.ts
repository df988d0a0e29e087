/** What was received on its way to the disk: gathered, in order, tried again, and never said to be stored before it is. */
import { expect, test } from "bun:test";
import { Inbox } from "../../../src/edge/mqtt/inbox.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import type { IncomingPoint, PointsTaken } from "../../../src/model/incoming-point.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const TAKEN: PointsTaken = { kept: 1, refusedTotal: 0, refused: [] };

class Rig {
  readonly clock = new ManualClock();
  readonly calls: { values: number[]; done: PromiseWithResolvers<PointsTaken> }[] = [];
  readonly stored: number[] = [];
  readonly heldBack: number[] = [];
  readonly taken: PointsTaken[] = [];
  rooms = 0;
  #deferred: (() => void)[] = [];
  readonly inbox: Inbox;

  constructor(messagesMax = 10) {
    this.inbox = new Inbox(
      { messagesMax },
      {
        clock: this.clock,
        random: () => 1,
        takePoints: (points, { signal }) => {
          const done = Promise.withResolvers<PointsTaken>();
          signal.addEventListener("abort", () => done.reject(new Error("aborted")));
          this.calls.push({ values: points.map(({ value }) => value), done });
          return done.promise;
        },
        defer: (run) => void this.#deferred.push(run),
        onStored: ({ taken }) => void this.taken.push(taken),
        onHeldBack: (_, delayMs) => void this.heldBack.push(delayMs),
        onRoom: () => void this.rooms++,
      },
    );
  }

  add(value: number, points = 1): void {
    const point: IncomingPoint = { metric: "m", source: "s", tags: [], timeUs: NaN, value };
    const all = Array.from({ length: points }, () => point);
    this.inbox.add({ points: all, bytes: 10, topic: 0, onStored: () => void this.stored.push(value) });
  }

  /** The turn of the event loop ends. */
  async turn(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      for (const run of this.#deferred.splice(0)) run();
      await Promise.resolve();
    }
  }

  get sent(): number[][] {
    return this.calls.map(({ values }) => values);
  }
}

test("what comes in a turn, or while a call runs, is one call; it is stored in order once that resolves", async () => {
  const rig = new Rig();
  [1, 2, 3].forEach((value) => rig.add(value));
  expect(rig.sent).toEqual([]);
  await rig.turn();
  expect(rig.sent).toEqual([[1, 2, 3]]);
  rig.add(4);
  rig.add(5, 0);
  rig.add(6);
  await rig.turn();
  expect([rig.sent.length, rig.stored, rig.inbox.messages]).toEqual([1, [], 6]);
  rig.calls[0].done.resolve(TAKEN);
  await rig.turn();
  expect([rig.sent.slice(1), rig.stored, rig.inbox.messages]).toEqual([[[4, 6]], [1, 2, 3], 3]);
  rig.calls[1].done.resolve(TAKEN);
  await rig.turn();
  expect([rig.stored, rig.inbox.messages]).toEqual([[1, 2, 3, 4, 5, 6], 0]);
});

test("a call holds at most as many points as may be taken at once, and a message is never in two", async () => {
  const rig = new Rig();
  rig.add(1, 6_000);
  rig.add(2, 4_000);
  rig.add(3, 1);
  rig.add(4, 10_000);
  for (const done of [0, 1, 2]) {
    await rig.turn();
    rig.calls[done].done.resolve(TAKEN);
  }
  await rig.turn();
  expect(rig.sent.map(({ length }) => length)).toEqual([10_000, 1, 10_000]);
  expect(rig.stored).toEqual([1, 2, 3, 4]);
});

test("what fails is tried again, later each time and not before it was asked to, and nothing overtakes it", async () => {
  const rig = new Rig();
  rig.add(1);
  await rig.turn();
  rig.add(2);
  const failures = [new Error("defect"), new WatchpostError("RESOURCE_EXHAUSTED", "no memory", { retryAfterMs: 700 })];
  for (const [i, failure] of [...failures, ...Array.from({ length: 8 }, () => new Error("again"))].entries()) {
    rig.calls[i].done.reject(failure);
    await rig.turn();
    expect([rig.calls.length, rig.stored]).toEqual([i + 1, []]);
    rig.clock.advance(rig.heldBack[i] - 1);
    await rig.turn();
    expect(rig.calls.length).toBe(i + 1);
    rig.clock.advance(1);
    await rig.turn();
  }
  expect(rig.heldBack).toEqual([100, 700, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
  expect(rig.sent.every((values) => values.join() === "1")).toBe(true);
  rig.calls.at(-1)!.done.resolve(TAKEN);
  await rig.turn();
  rig.calls.at(-1)!.done.resolve(TAKEN);
  await rig.turn();
  expect(rig.stored).toEqual([1, 2]);
});

test("what can never be stored costs only itself: it is refused with the reason, and the others are stored", async () => {
  const rig = new Rig(1_000);
  const bad = new Set([5, 77]);
  for (let value = 0; value < 100; value++) rig.add(value, value % 3);
  for (let at = 0; rig.inbox.messages > 0; at++) {
    await rig.turn();
    const { values, done } = rig.calls[at];
    const isBad = values.some((value) => bad.has(value));
    if (isBad) done.reject(at % 2 ? new TypeError("met a defect") : new WatchpostError("INVALID_ARGUMENT", "is wrong"));
    else done.resolve({ kept: values.length, refusedTotal: 0, refused: [] });
    await rig.turn();
  }
  expect(rig.stored).toEqual(Array.from({ length: 100 }, (_, value) => value));
  const taken = rig.taken.filter(({ refusedTotal }) => refusedTotal > 0);
  expect(taken).toEqual([
    { kept: 0, refusedTotal: 2, refused: [{ index: 0, reason: expect.stringMatching(/^(met a defect|is wrong)$/) }] },
    { kept: 0, refusedTotal: 2, refused: [{ index: 0, reason: expect.stringMatching(/^(met a defect|is wrong)$/) }] },
  ]);
  expect(rig.taken.reduce((sum, { kept }) => sum + kept, 0)).toBe(99 - 4);
  expect([rig.heldBack, rig.calls.length < 40]).toEqual([[], true]);
});

test("it is full by messages, by points or by bytes, and says when there is room again", async () => {
  const large = (rig: Rig) => {
    rig.inbox.add({ points: [], bytes: 64 * 1024 * 1024, topic: 0, onStored: () => {} });
    rig.add(1);
  };
  const adds = [(rig: Rig) => [1, 2, 3].forEach((value) => rig.add(value)), (rig: Rig) => rig.add(1, 100_000), large];
  for (const add of adds) {
    const rig = new Rig(3);
    add(rig);
    expect(rig.inbox.isFull).toBe(true);
    await rig.turn();
    expect(rig.rooms).toBe(0);
    for (let at = 0; at < rig.calls.length; at++) {
      rig.calls[at].done.resolve(TAKEN);
      await rig.turn();
    }
    expect([rig.inbox.isFull, rig.rooms]).toEqual([false, 1]);
  }
});

test("what is to be durable besides is begun once the points are, and nobody is told before it is", async () => {
  const rig = new Rig();
  const begun: number[] = [];
  const settling = [1, 2].map(() => Promise.withResolvers<void>());
  for (const value of [1, 2]) {
    rig.inbox.add({
      ...{ points: [], bytes: 10, topic: 0, onStored: () => void rig.stored.push(value) },
      settle: () => (begun.push(value), settling[value - 1].promise),
    });
  }
  rig.add(3);
  await rig.turn();
  expect([begun, rig.inbox.messages]).toEqual([[], 3]);
  rig.calls[0].done.resolve(TAKEN);
  await rig.turn();
  settling[1].resolve();
  await rig.turn();
  expect([begun, rig.stored, rig.inbox.messages]).toEqual([[1, 2], [], 3]);
  settling[0].resolve();
  await rig.turn();
  expect([rig.stored, rig.inbox.messages]).toEqual([[1, 2, 3], 0]);

  rig.inbox.add({
    points: [],
    bytes: 10,
    topic: 0,
    onStored: () => void rig.stored.push(4),
    settle: () => new Promise(() => {}),
  });
  await rig.turn();
  rig.calls.at(-1)!.done.resolve(TAKEN);
  await rig.turn();
  const closing = rig.inbox.close(5_000);
  await rig.turn();
  rig.clock.advance(5_000);
  await closing;
  expect([rig.stored, rig.clock.timers]).toEqual([[1, 2, 3], 0]);
});

test("closing waits for what is in flight, but not for ever, and nothing is said to be stored then", async () => {
  const good = new Rig();
  good.add(1);
  const closing = good.inbox.close(5_000);
  await good.turn();
  good.calls[0].done.resolve(TAKEN);
  await good.turn();
  await closing;
  expect(good.stored).toEqual([1]);

  const stuck = new Rig();
  stuck.add(1);
  await stuck.turn();
  stuck.calls[0].done.reject(new Error("the disk is full"));
  await stuck.turn();
  stuck.add(2);
  const ended = stuck.inbox.close(5_000);
  await stuck.turn();
  stuck.clock.advance(5_000);
  await stuck.turn();
  await ended;
  expect([stuck.stored, stuck.clock.timers]).toEqual([[], 0]);
});
