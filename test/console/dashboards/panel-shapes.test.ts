import { expect, test } from "bun:test";
import fc from "fast-check";
import { cellAfter, heatCells, strengthOf } from "../../../src/console/views/dashboards/panels/heat-cells.ts";
import { stepFor } from "../../../src/console/data/step-length.ts";
import { holdMsOf, shares, stateRuns } from "../../../src/console/views/dashboards/panels/state-runs.ts";
import { severityOf } from "../../../src/console/views/dashboards/thresholds.ts";

const THRESHOLDS = [
  { value: 80, severity: "critical" },
  { value: 50, severity: "medium" },
];
const input = { thresholds: THRESHOLDS, holdMs: 100, untilMs: 1_000, textOf: String };

test("a value means what the highest threshold says that it has reached", () => {
  expect([49.9, 50, 79, 80, 1e9, NaN].map((value) => severityOf(value, THRESHOLDS))).toEqual([
    undefined,
    "medium",
    "medium",
    "critical",
    "critical",
    undefined,
  ]);
  expect(severityOf(1, [{ value: 0, severity: "unheard of" }])).toBe("low");
});

test("values of one state are one run; where nothing came for long, nothing is said", () => {
  const timesMs = [0, 50, 100, 150, 400, 450];
  const runs = stateRuns({ ...input, timesMs, values: [10, 60, 70, 90, 90, NaN] });
  expect(runs).toEqual([
    { fromMs: 0, toMs: 50, severity: undefined, state: "" },
    { fromMs: 50, toMs: 150, severity: "medium", state: "medium" },
    { fromMs: 150, toMs: 250, severity: "critical", state: "critical" },
    { fromMs: 400, toMs: 450, severity: "critical", state: "critical" },
  ]);
});

test("the last value holds to now and no further; without thresholds the value is the state", () => {
  const runs = stateRuns({ ...input, thresholds: [], timesMs: [0, 950, 990], values: [1, 1, 0] });
  expect(runs.map(({ fromMs, toMs, state }) => [fromMs, toMs, state])).toEqual([
    [0, 100, "1"],
    [950, 990, "1"],
    [990, 1_000, "0"],
  ]);
  expect(shares(runs, 0, 1_000)).toEqual([
    { state: "1", share: 0.14 },
    { state: "0", share: 0.01 },
  ]);
});

test("a value holds for three usual gaps of its series, at least three steps", () => {
  expect(holdMsOf([0, 10, 20, 500], 10)).toBe(30);
  expect(holdMsOf([0, 3_600, 7_200, 10_700], 10)).toBe(10_800);
  expect([holdMsOf([], 10), holdMsOf([5], 10)]).toEqual([30, 30]);
});

test("runs ascend, do not overlap, and those that touch differ", () => {
  const points = fc.array(fc.tuple(fc.integer({ min: 1, max: 150 }), fc.constantFrom(0, 55, 85, NaN)), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(points, (gaps) => {
      let atMs = 0;
      const timesMs = gaps.map(([gapMs]) => (atMs += gapMs));
      const runs = stateRuns({ ...input, untilMs: atMs + 30, timesMs, values: gaps.map(([, value]) => value) });
      for (const [i, run] of runs.entries()) {
        expect(run.toMs).toBeGreaterThan(run.fromMs);
        const next = runs[i + 1];
        if (next === undefined) continue;
        expect(next.fromMs).toBeGreaterThanOrEqual(run.toMs);
        if (next.fromMs === run.toMs) expect(next.state).not.toBe(run.state);
      }
    }),
  );
});

test("a value stands in the cell of its series and step, and nowhere where it is out of range", () => {
  const series = [
    { timesMs: [-1, 0, 9, 10, 29, 30], values: [9, 1, 2, 3, 4, 9] },
    { timesMs: [20], values: [NaN] },
  ];
  const cells = heatCells(series, 0, 30, 10);
  expect([cells.columns, cells.rows, cells.min, cells.max]).toEqual([3, 2, 2, 4]);
  expect([...cells.values]).toEqual([2, 3, 4, NaN, NaN, NaN]);
});

test("arrows go from cell to cell, from the newest on, and not beyond", () => {
  const cells = { rows: 2, columns: 3 };
  const after = (...keys: string[]) =>
    keys.reduce<ReturnType<typeof cellAfter>>((at, key) => cellAfter(key, at, cells), undefined);
  expect(after("ArrowDown")).toEqual({ row: 0, column: 2 });
  expect(after("ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowDown")).toEqual({ row: 1, column: 1 });
  expect(after("ArrowLeft", "Home", "ArrowLeft", "ArrowUp")).toEqual({ row: 0, column: 0 });
  expect(after("ArrowLeft", "Home", "End", "ArrowRight")).toEqual({ row: 0, column: 2 });
  expect(cellAfter("a", undefined, cells)).toBe(undefined);
});

test("strength goes from 0 to 1, by magnitude where the scale is logarithmic", () => {
  expect([0, 5, 10, 20, -1].map((value) => strengthOf(value, 0, 10, false))).toEqual([0, 0.5, 1, 1, 0]);
  expect(strengthOf(10, 1, 100, true)).toBeCloseTo(0.5);
  expect(strengthOf(3, 3, 3, false)).toBe(0.5);
});

test("steps are round, and no more than fit", () => {
  expect([300_000, 3_600_000, 86_400_000].map((rangeMs) => stepFor(rangeMs, 120))).toEqual([5_000, 30_000, 900_000]);
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 1e12 }), (rangeMs) => {
      expect(rangeMs / stepFor(rangeMs, 120)).toBeLessThanOrEqual(120);
    }),
  );
});
