/** Aggregates of windows against windows without any cleverness; their edges, precision and memory. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import { SumWindow } from "../../../src/alerts/conditions/sum-window.ts";
import { quantileOf } from "../../../src/model/quantile.ts";
import type { Condition, Limit, WindowFunction } from "../../../src/alerts/rule.ts";
import { randomOf } from "../../support/random.ts";
import { exactQuotient, exactSum } from "./exact.ts";
import { heapBytesOf } from "./heap.ts";
import { narrowGap, OVER_MS, OVER_US, paneWindowOf, samplesOf, wideGap, windowOf, type Sample } from "./samples.ts";
import { above, below, linesOf, played, START_US } from "./timeline.ts";

/** As the window clamps them. */
const HUGE = 1e290;

function windowed(func: WindowFunction, limit: Limit, overMs = OVER_MS, pointsMin = 1): Condition {
  return { kind: "window", func, overMs, limit, pointsMin };
}

const valuesOf = (samples: readonly Sample[]) => samples.map(({ value }) => value);
const clamped = (samples: readonly Sample[]) => valuesOf(samples).map((v) => Math.max(-HUGE, Math.min(HUGE, v)));

const NAIVE: Record<Exclude<WindowFunction, "count">, (samples: readonly Sample[]) => number> = {
  avg: (samples) => exactQuotient(exactSum(clamped(samples)), samples.length),
  sum: (samples) => exactQuotient(exactSum(clamped(samples)), 1),
  min: (samples) => Math.min(...valuesOf(samples)),
  max: (samples) => Math.max(...valuesOf(samples)),
  p95: (samples) => quantileOf(Float64Array.from(valuesOf(samples)).sort(), 0.95),
};
const FUNCTIONS = Object.keys(NAIVE) as (keyof typeof NAIVE)[];

/** Double the precision of doubles is no end of it: where values cancel out, what is left of the largest may be off. */
function expectNear(got: number, wanted: number, samples: readonly Sample[]): void {
  const largest = Math.max(...clamped(samples).map(Math.abs));
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 2 ** -52 + largest * 2 ** -98 + 5e-324);
}

function expectAggregates(
  func: keyof typeof NAIVE,
  gap: fc.Arbitrary<number>,
  windowAt: (samples: readonly Sample[], endUs: number) => Sample[],
): void {
  const property = fc.property(samplesOf(gap), (samples) => {
    const limit = above(0.15, -1);
    const state = conditionStateOf(windowed(func, limit));
    let level = 0;
    for (const { timeUs, value } of samples) {
      const was = level;
      level = state.take(timeUs, value, was);
      const within = windowAt(samples, timeUs);
      if (func === "avg" || func === "sum") expectNear(state.observed, NAIVE[func](within), within);
      else expect(state.observed + 0).toBe(NAIVE[func](within) + 0);
      expect(level).toBe(state.observed > (was === 1 ? limit.clearAt : limit.at) ? 1 : 0);
      expect(state.dueUs).toBe(Infinity);
    }
  });
  fc.assert(property, { numRuns: 300 });
}

describe("random samples", () => {
  for (const func of FUNCTIONS) {
    test(`${func} where samples are panes apart`, () => expectAggregates(func, wideGap, windowOf));
    const windowAt = func === "p95" ? windowOf : paneWindowOf;
    test(`${func} where they share panes`, () => expectAggregates(func, narrowGap, windowAt));
  }

  test("too few samples are never met", () => {
    const property = fc.property(samplesOf(wideGap), fc.constantFrom(...FUNCTIONS), (samples, func) => {
      const state = conditionStateOf(windowed(func, below(Infinity), OVER_MS, 3));
      for (const { timeUs, value } of samples) {
        expect(state.take(timeUs, value, 1)).toBe(
          windowOf(samples, timeUs).length >= 3 && state.observed < Infinity ? 1 : 0,
        );
      }
    });
    fc.assert(property);
  });
});

describe("timelines", () => {
  const timelines: [string, Condition, string][] = [
    [
      "what is exactly as old as the window is out of it",
      windowed("max", above(5)),
      `0s       9 1 9
       59.999s  1 1 9
       60s      1 0 1
       119.999s 0 0 1
       120s     0 0 0`,
    ],
    [
      "a microsecond before that it is in it",
      windowed("sum", above(1)),
      `0s         1 0 1
       59999999us 1 1 2
       60s        1 1 2
       200s       1 0 1`,
    ],
    [
      "avg has a clear value of its own",
      windowed("avg", above(10, 5)),
      `0s  10 0 10
       10s 12 1 11
       20s 2  1 8
       30s -4 0 5
       40s 30 0 10
       50s 30 1 13.3333`,
    ],
    [
      "an average of equal values is their value",
      windowed("avg", above(0.1)),
      `0s  0.1 0 0.1
       7s  0.1 0
       11s 0.1 0
       13s 0.1 0
       17s 0.1 0
       23s 0.1 0
       31s 0.1 0 0.1`,
    ],
    [
      "min, met again when the low one is out",
      windowed("min", above(5)),
      `0s  4 0
       30s 8 0
       59s 9 0
       60s 9 1 8
       90s 6 1 6`,
    ],
    [
      "p95 is interpolated",
      windowed("p95", above(8.5)),
      `0s  0  0 0
       10s 10 1 9.5
       20s 2  1 9.2
       30s 3  1 8.95
       40s 0  1 8.6
       50s 0  0 8.25`,
    ],
    [
      "three samples, else not met",
      windowed("avg", above(5), OVER_MS, 3),
      `0s   9 0
       10s  9 0
       20s  9 1
       60s  9 1
       100s 9 0
       101s 9 1`,
    ],
  ];
  for (const [name, condition, text] of timelines) {
    test(name, () => {
      expect(played(conditionStateOf(condition), text)).toEqual(linesOf(text));
    });
  }
});

test("a window's function must be one that changes only with samples", () => {
  expect(() => conditionStateOf(windowed("count", above(1)))).not.toThrow();
});

describe("ten million samples", () => {
  const SAMPLES = 10_000_000;
  const KEPT = 500;

  test("an average does not drift, and what a large value covers comes back when it leaves", () => {
    const random = randomOf(7);
    const window = new SumWindow(OVER_US);
    const values = new Float64Array(SAMPLES);
    const gapUs = OVER_US / KEPT;
    for (let i = 0; i < SAMPLES; i++) {
      values[i] = i % 3_000 === 0 ? (random() - 0.5) * 1e20 : Math.round(random() * 1_000) / 100;
      window.take(START_US + i * gapUs, values[i]);
      if (i % 997_001 !== 0) continue;
      const last = values.subarray(Math.max(0, i + 1 - KEPT), i + 1);
      expect(window.mean).toBe(exactQuotient(exactSum(last), last.length));
      expect(window.sum).toBe(exactQuotient(exactSum(last), 1));
    }
  });
});

describe("a 20 kHz sensor", () => {
  const GAP_US = 50;
  const BYTES_MAX: Record<WindowFunction, number> = {
    avg: 36_000,
    sum: 36_000,
    min: 20_000,
    max: 20_000,
    count: 20_000,
    p95: 2_000_000,
  };

  for (const [func, bytesMax] of Object.entries(BYTES_MAX) as [WindowFunction, number][]) {
    test(`a window of ${func} stays below ${bytesMax / 1_000} kB`, () => {
      const random = randomOf(11);
      // Falling, so that each is the maximum once; of many sizes, so that there are many buckets.
      const valueAt = (i: number) => (func === "p95" ? Math.exp(600 * (random() - 0.5)) * (random() - 0.5) : -i);
      const bytes = heapBytesOf(func === "p95" ? 2 : 10, () => {
        const state = conditionStateOf(windowed(func, above(1e9)));
        for (let i = 0; i < 150_000; i++) state.take(START_US + i * 10 * GAP_US, valueAt(i), 0);
        return state;
      });
      expect(bytes).toBeLessThan(bytesMax);
    });
  }

  test("room is given back when samples become rare", () => {
    const bytes = heapBytesOf(20, () => {
      const state = conditionStateOf(windowed("avg", above(1e9)));
      for (let i = 0; i < 20_000; i++) state.take(START_US + i * 10_000, i, 0);
      for (let i = 0; i < 100; i++) state.take(START_US + 200e6 + i * OVER_US, i, 0);
      return state;
    });
    expect(bytes).toBeLessThan(2_000);
  });
});
