/** How the worker's thread is shared: slices, turns, cancelling; and that the store's work comes in short pieces. */
import { expect, test } from "bun:test";
import { Scheduler, type Task } from "../../src/store/scheduler.ts";
import type { Slice } from "../../src/store/slice.ts";
import { NOVEMBER_US, openStore, recordOf, type Opened, type Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

/** A scheduler under a clock that its work moves, and slices that run when they are told to. */
class Bench {
  nowMs = 0;
  urgent = false;
  readonly trace: string[] = [];
  readonly #deferred: (() => void)[] = [];
  readonly scheduler = new Scheduler(
    () => this.nowMs,
    () => this.urgent,
    () => {},
    (run) => this.#deferred.push(run),
  );

  /** Work of `steps` steps of `stepMs` each. */
  task(name: string, steps: number, stepMs: number, failsAt = -1): Task {
    const { trace } = this;
    const work = function* (bench: Bench, slice: Slice): Generator<void, string> {
      try {
        for (let step = 0; step < steps; step++) {
          bench.nowMs += stepMs;
          if (step === failsAt) throw new Error(`${name} failed`);
          if (trace.at(-1) !== name) trace.push(name);
          if (slice.over()) yield;
        }
        return name;
      } finally {
        trace.push(`${name} ended`);
      }
    };
    return {
      work: work(this, this.scheduler.slice),
      onDone: (result) => trace.push(`${String(result)} done`),
      onError: (error) => trace.push((error as Error).message),
    };
  }

  /** Runs one slice; returns how long it took, and null when nothing waits. */
  slice(): number | null {
    const run = this.#deferred.shift();
    if (run === undefined) return null;
    const start = this.nowMs;
    run();
    return this.nowMs - start;
  }

  run(): number[] {
    const slices: number[] = [];
    for (let ms = this.slice(); ms !== null; ms = this.slice()) slices.push(ms);
    return slices;
  }
}

test("a slice ends with the first step that reaches 8 ms; what waits is heard between slices", () => {
  const bench = new Bench();
  bench.scheduler.query(bench.task("a", 100, 1));
  bench.scheduler.maintain(bench.task("m", 100, 1));
  const slices = bench.run();
  expect(Math.max(...slices)).toBe(8);
  expect(slices.length).toBeGreaterThanOrEqual(25);
  expect(bench.trace).toContain("a done");
  expect(bench.trace).toContain("m done");
});

test("queries take turns, four at a time; sealing gets every second slice, merging one in eight", () => {
  for (const [urgent, shareMin, shareMax] of [
    [true, 0.45, 0.55],
    [false, 0.1, 0.15],
  ] as const) {
    const bench = new Bench();
    bench.urgent = urgent;
    for (let i = 0; i < 6; i++) bench.scheduler.query(bench.task(`q${i}`, 80, 1));
    bench.scheduler.maintain(bench.task("m", 10_000, 1));
    for (let i = 0; i < 40; i++) bench.slice();
    expect(bench.trace).not.toContain("q4");
    const share = bench.trace.filter((name) => name === "m").length / 40;
    expect(share).toBeGreaterThanOrEqual(shareMin);
    expect(share).toBeLessThanOrEqual(shareMax);
    bench.run();
    expect(bench.trace.filter((name) => name.endsWith(" done")).length).toBe(7);
  }
});

test("a cancelled query runs its cleanup and nothing else, one that waits is forgotten", () => {
  const bench = new Bench();
  const tasks = Array.from({ length: 6 }, (_, i) => bench.task(`q${i}`, 80, 1));
  for (const task of tasks) bench.scheduler.query(task);
  bench.slice();
  bench.scheduler.cancel(tasks[0]);
  bench.scheduler.cancel(tasks[5]);
  bench.run();
  expect(bench.trace).toContain("q0 ended");
  expect(bench.trace).not.toContain("q0 done");
  expect(bench.trace.filter((name) => name.startsWith("q5"))).toEqual([]);
  expect(bench.trace.filter((name) => name.endsWith(" done")).length).toBe(4);
});

test("work that fails is told, and the rest goes on", () => {
  const bench = new Bench();
  bench.scheduler.query(bench.task("bad", 20, 1, 3));
  bench.scheduler.query(bench.task("good", 20, 1));
  bench.scheduler.maintain(bench.task("broken", 20, 1, 12));
  bench.run();
  expect(bench.trace).toEqual(expect.arrayContaining(["bad failed", "good done", "broken failed"]));
  expect(bench.scheduler.maintains).toBe(false);
});

test("after stop nothing runs", () => {
  const bench = new Bench();
  bench.scheduler.query(bench.task("q", 80, 1));
  bench.scheduler.maintain(bench.task("m", 80, 1));
  bench.slice();
  bench.scheduler.stop();
  bench.run();
  expect(bench.trace).toEqual(["q", "q ended"]);
});

/** Rows in an order that is the worst for each: many series, few, all late, each time often. */
const WORKLOADS: Record<string, (i: number) => Point> = {
  "one series": (i) => [1, NOVEMBER_US + i, i % 700],
  "a series for each row": (i) => [i, NOVEMBER_US, i % 700],
  "falling times": (i) => [i % 3, NOVEMBER_US + 1e9 - i, i % 700],
  "one time": (i) => [i % 5, NOVEMBER_US, i % 700],
};

for (const [name, pointOf] of Object.entries(WORKLOADS)) {
  test(`sealing, merging and asking are cut into short pieces: ${name}`, () => {
    using folder = tempDir("store");
    using open = openStore({ dir: folder.path });
    const count = 120_000;
    for (let seq = 0; seq < 3; seq++) {
      const points = Array.from({ length: count }, (_, i) => pointOf(seq * count + i));
      open.store.absorb(recordOf(seq + 1, points));
      if (seq === 2) break;
      void open.store.seal();
      expectShortPieces(open, open.store.maintain({ over: () => true }));
    }
    const seriesIds = Uint32Array.from({ length: 2000 }, (_, i) => i);
    for (const stepUs of [0, 1e6]) {
      const query = { seriesIds, fromUs: 0, toUs: 2 ** 53, stepUs, pointsMax: 1e9 };
      expectShortPieces(open, open.store.range(query, { over: () => true }));
    }
    void open.store.seal();
    open.store.compact().catch(() => {});
    expectShortPieces(open, open.store.maintain({ over: () => true }));
  }, 120_000);
}

/** Many pieces, and none that is most of the work. Where the work is short, noise is most of it. */
function expectShortPieces(open: Opened, work: Generator<void, unknown>): void {
  const pieces: number[] = [];
  for (let done = false; !done;) {
    const before = process.cpuUsage();
    done = work.next().done === true;
    pieces.push(process.cpuUsage(before).user / 1000);
  }
  const totalMs = pieces.reduce((sum, ms) => sum + ms, 0);
  const longestMs = Math.max(...pieces);
  expect(pieces.length).toBeGreaterThan(20);
  if (totalMs > 150) expect({ totalMs, longestMs, short: longestMs < totalMs / 2 }).toMatchObject({ short: true });
  expect(open.trouble).toEqual([]);
}
