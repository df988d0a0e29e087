/** Charts: where points stand, where the line is broken, what stands beside and below it. */
import { expect, test } from "bun:test";
import { chart, type ChartSeries } from "../../src/cli/chart.ts";

const START_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

/** Values a minute apart from 2026 on, or at the minutes given. */
function series(values: readonly number[], minutes: readonly number[] = values.map((_, i) => i)): ChartSeries {
  return { timesMs: minutes.map((minute) => START_MS + minute * MINUTE_MS), values };
}

/** 20 columns beside the labels. */
function drawn(given: ChartSeries, height = 3, gapFactor = 1.5): string[] {
  return chart(given, { width: 0, height, gapFactor }).split("\n");
}

test("a line from point to point, with values at the left and the first and last time below", () => {
  expect(drawn(series([0, 10, 5]))).toEqual([
    "10 ┤        ╭──────╮",
    " 5 ┤   ╭────╯      ╰────",
    " 0 ┤───╯",
    "   └────────────────────",
    "    2026-01-01T00:00:00Z  2026-01-01T00:02:00Z",
  ]);
});

test("columns are times, not rows", () => {
  const line = (minutes: number[]) => drawn(series([1, 2, 2, 2], minutes), 2, 100)[0].indexOf("╭");
  expect(line([0, 1, 2, 3])).toBeLessThan(line([0, 18, 19, 20]));
  const wide = chart(series([1, 2]), { width: 80, height: 2, gapFactor: 3 }).split("\n");
  expect(wide.map((text) => text.length)).toEqual([80, 43, 80, 80]);
});

test("the line is broken where there is no value", () => {
  const lines = drawn(series([1, 1, NaN, NaN, 2, 2, NaN, 1]), 2);
  expect(lines.slice(0, 2)).toEqual(["2 ┤           ────", "1 ┤────               •"]);
});

test("and where more time than usual lies between two points: of steps at once, of uneven points later", () => {
  const flat = (minutes: number[], gapFactor: number) =>
    drawn(
      series(
        minutes.map(() => 1),
        minutes,
      ),
      3,
      gapFactor,
    )[0].slice(3);
  expect(flat([0, 1, 2, 3, 5, 6, 7, 8, 9, 10], 3)).toBe("─".repeat(20));
  expect(flat([0, 1, 2, 3, 5, 6, 7, 8, 9, 10], 1.5)).toBe("───────   ──────────");
  expect(flat([0, 1, 2, 3, 9, 10], 3)).toMatch(/^─+ +─+$/);
});

test("a column shows all values in it", () => {
  const values = Array.from({ length: 2_000 }, (_, i) => (i === 777 ? 50 : 0));
  expect(drawn(series(values))[0]).toMatch(/^50 ┤ +│$/);
  expect(drawn(series(values))[2]).toMatch(/^ 0 ┤─+┴─+$/);
});

test("labels are as exact as it takes to tell them apart", () => {
  const labels = (...values: number[]) =>
    drawn(series(values))
      .slice(0, -2)
      .map((line) => line.split("┤")[0].trim());
  expect(labels(0.001, 0.003)).toEqual(["0.003", "0.002", "0.001"]);
  expect(labels(1e-9, 3e-9)).toEqual(["3.000e-9", "2.000e-9", "1.000e-9"]);
  expect(labels(1_000_000, 1_000_000.002)).toEqual(["1000000.00200", "1000000.00100", "1000000.00000"]);
  expect(labels(-1e308, 1e308)).toEqual(["1.000e+308", "0", "-1.000e+308"]);
  expect(labels(7, 7)).toEqual(["7"]);
});

test("nothing of fewer than two points", () => {
  for (const values of [[], [1], [NaN, NaN], [NaN, 1, NaN]]) expect(drawn(series(values))).toEqual([""]);
});
