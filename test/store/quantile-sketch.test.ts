/** Quantiles of steps with more points than are kept for exact ones: within 1 % of the value, and exact up to there. */
import { describe, expect, test } from "bun:test";
import { quantileOf } from "../../src/model/quantile.ts";
import { NOVEMBER_US, openStore, randomOf, recordOf, type Opened, type Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const EXACT_MAX = 100_000;
const POINTS = 150_000;
const RECORD_POINTS = 40_000;
const STEP_US = 3_600e6;
const QUANTILES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

/** Roughly normal. */
function bell(random: () => number): number {
  return random() + random() + random() + random() - 2;
}

/** `share`: how much of the step is over. */
const SHAPES: Record<string, (random: () => number, share: number) => number> = {
  "a temperature": (random) => 20 + 5 * bell(random),
  "a latency of many sizes": (random) => Math.exp(6 * bell(random)),
  "losses and gains": (random) => 1_000 * bell(random) - 300,
  "all below zero": (random) => -1e-6 * Math.exp(4 * bell(random)),
  "mostly nothing": (random) => (random() < 0.93 ? 0 : 1e6 * random()),
  "one value": () => 21.5,
  "an end unlike the rest": (random, share) => 20 + bell(random) + (share > 0.9 ? 60 : 0),
};

/** `count` values in one step, a millisecond apart, in records of which the last stays in the head. */
function fill(open: Opened, values: Float64Array): void {
  for (let from = 0, seq = 1; from < values.length; from += RECORD_POINTS, seq++) {
    const part = values.subarray(from, from + RECORD_POINTS);
    open.store.absorb(
      recordOf(
        seq,
        [...part].map((value, i): Point => [1, NOVEMBER_US + (from + i) * 1_000, value]),
      ),
    );
    if (from + RECORD_POINTS < values.length) open.seal();
  }
}

function valueOf(open: Opened, func: keyof typeof QUANTILES): number {
  const { timesUs, values } = open.range({ seriesIds: Uint32Array.of(1), stepUs: STEP_US, func });
  expect([...timesUs]).toEqual([NOVEMBER_US]);
  return values[0];
}

describe("of one and a half times as many points in a step", () => {
  for (const [seed, [name, draw]] of Object.entries(SHAPES).entries()) {
    test(name, () => {
      using folder = tempDir("sketch");
      using open = openStore({ dir: folder.path });
      const random = randomOf(seed + 1);
      const values = Float64Array.from({ length: POINTS }, (_, i) => draw(random, i / POINTS));
      fill(open, values);
      const sorted = values.slice().sort();
      let exact = 0;
      for (const [func, q] of Object.entries(QUANTILES) as [keyof typeof QUANTILES, number][]) {
        const wanted = quantileOf(sorted, q);
        const found = valueOf(open, func);
        expect([name, func, found, wanted, Math.abs(found - wanted) <= 0.01 * Math.abs(wanted)]).toEqual([
          name,
          func,
          found,
          wanted,
          true,
        ]);
        if (found === wanted) exact++;
      }
      // Sorting all of them would be exact four times: then this was not a sketch.
      if (new Set(values).size > 1_000) expect(exact).toBeLessThan(4);
    });
  }
});

test("of as many as are kept it is exact, of one more it need not be", () => {
  using folder = tempDir("sketch");
  using open = openStore({ dir: folder.path });
  const random = randomOf(9);
  const values = Float64Array.from({ length: EXACT_MAX + 1 }, () => random() * 1_000);
  fill(open, values.subarray(0, EXACT_MAX));
  const sorted = values.slice(0, EXACT_MAX).sort();
  expect([valueOf(open, "p50"), valueOf(open, "p99")]).toEqual([quantileOf(sorted, 0.5), quantileOf(sorted, 0.99)]);
  open.store.absorb(recordOf(99, [[1, NOVEMBER_US + EXACT_MAX * 1_000, values[EXACT_MAX]]]));
  const wanted = quantileOf(values.slice().sort(), 0.5);
  expect(valueOf(open, "p50")).not.toBe(wanted);
  expect(Math.abs(valueOf(open, "p50") - wanted)).toBeLessThanOrEqual(0.01 * wanted);
});

test("a step with many points leaves nothing behind for the next", () => {
  using folder = tempDir("sketch");
  using open = openStore({ dir: folder.path });
  const random = randomOf(10);
  fill(
    open,
    Float64Array.from({ length: EXACT_MAX + 50_000 }, () => random() * 1_000),
  );
  open.store.absorb(
    recordOf(
      98,
      [3, 1, 2].map((value, i): Point => [1, NOVEMBER_US + STEP_US + i, value]),
    ),
  );
  open.store.absorb(
    recordOf(
      99,
      [4, 5].map((value, i): Point => [2, NOVEMBER_US + STEP_US + i, value]),
    ),
  );
  const query = { seriesIds: Uint32Array.of(1, 2), stepUs: STEP_US, func: "p50" } as const;
  const { offsets, values } = open.range(query);
  expect([[...offsets], [...values].slice(1)]).toEqual([
    [0, 2, 3],
    [2, 4.5],
  ]);
});
