import { expect, test } from "bun:test";
import type { PlotModel } from "../../src/console/charts/plot-model.ts";
import { unseenIn } from "../../src/console/charts/unseen.ts";

const model = (values: number[], more: Partial<PlotModel> = {}): PlotModel => ({
  series: [{ key: "a", label: "a", unit: "", timesMs: values.map((_, i) => i * 1_000), values }],
  range: { fromMs: 0, toMs: 10_000 },
  ...more,
});

test("limits that are out of sight are said, those that are drawn are not", () => {
  const thresholds = [
    { value: 80, severity: "high", label: "hot > 80" },
    { value: 3, severity: "medium" },
    { value: -50, severity: "low" },
  ] as const;
  expect(unseenIn(model([2, 4], { thresholds }))).toEqual([
    "Above what is shown: limit hot > 80.",
    "Below what is shown: limit -50.",
  ]);
  expect(unseenIn(model([2, 4], { thresholds, min: -100, max: 100 }))).toEqual([]);
});

test("a logarithmic scale says that it leaves out values of 0 and less, where there are any in sight", () => {
  const said = (values: number[], more: Partial<PlotModel> = {}) => unseenIn(model(values, more)).length;
  expect([said([0, 1], { logScale: true }), said([-1, 1], { logScale: true })]).toEqual([1, 1]);
  expect([said([1, 2], { logScale: true }), said([0, 1])]).toEqual([0, 0]);
  expect(said([0, 1, 2], { logScale: true, range: { fromMs: 1_000, toMs: 3_000 } })).toBe(0);
  expect(said([0, 1], { logScale: true, hidden: new Set(["a"]) })).toBe(0);
});
