/** What a plot makes of its columns before it draws them. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { countBelow, nearestIndex } from "../../src/console/data/columns.ts";
import { drawSeries, gapBreaks, type Pen } from "../../src/console/charts/draw-lines.ts";
import { valueExtent } from "../../src/console/charts/extent.ts";
import { panned, zoomed } from "../../src/console/charts/moved-range.ts";
import { isolated, toggled, valueAt } from "../../src/console/charts/legend-values.ts";
import { marksAt } from "../../src/console/charts/marks-at.ts";
import { timeTicks, timeTickSpacePx } from "../../src/console/charts/time-ticks.ts";
import { logTicks, valueTicks } from "../../src/console/charts/value-ticks.ts";
import type { Column, PlotSeries } from "../../src/console/charts/plot-model.ts";

const series = (timesMs: Column, values: Column, more: Partial<PlotSeries> = {}): PlotSeries => {
  return { key: "a", label: "a", unit: "", timesMs, values, ...more };
};
const range = { fromMs: 0, toMs: 1_000 };

/** Says what was drawn, in place of a canvas. */
class Strokes implements Pen {
  globalAlpha = 1;
  lineWidth = 1;
  fillStyle = "";
  strokeStyle = "";
  lineJoin = "";
  readonly moves: [x: number, y: number][] = [];
  readonly lines: [x: number, y: number][] = [];
  dots = 0;
  moveTo = (x: number, y: number) => void this.moves.push([x, y]);
  lineTo = (x: number, y: number) => void this.lines.push([x, y]);
  arc = () => void this.dots++;
  beginPath = () => {};
  closePath = () => {};
  stroke = () => {};
  fill = () => {};
  setLineDash = () => {};
}

function drawn(of: PlotSeries, widthPx = 100): Strokes {
  const strokes = new Strokes();
  const projection = { range, x: (ms: number) => (ms / 1_000) * widthPx, y: (value: number) => value };
  drawSeries(strokes, of, projection, { colour: "", dash: [], widthPx: 1 });
  return strokes;
}

test("indices by time are those of a search from the beginning", () => {
  const columns = fc.array(fc.integer({ min: 0, max: 50 })).map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(columns, fc.integer({ min: -5, max: 55 }), (column, value) => {
      expect(countBelow(column, value)).toBe(column.filter((each) => each < value).length);
      const nearest = nearestIndex(column, value);
      const distances = column.map((each) => Math.abs(each - value));
      if (column.length === 0) expect(nearest).toBe(-1);
      else expect(distances[nearest]).toBe(Math.min(...distances));
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("a line has a few strokes a pixel however many points there are, and all of its peaks", () => {
  const count = 100_000;
  const timesMs = Float64Array.from({ length: count }, (_, i) => (i / count) * 1_000);
  const values = new Float64Array(count);
  values[12_345] = 80;
  values[67_890] = -70;
  const { lines } = drawn(series(timesMs, values));
  expect(lines.length).toBeLessThan(101 * 4);
  const ys = lines.map(([, y]) => y);
  expect([Math.max(...ys), Math.min(...ys)]).toEqual([80, -70]);
});

test("a line breaks at a gap and where there is no value; what stands alone is a dot", () => {
  const gap = (fromMs: number) => ({ fromMs, toMs: fromMs + 500, kind: "silent" as const, reason: "" });
  expect(drawn(series([100, 200, 700, 800], [1, 2, 3, 4], { gaps: [gap(200)] })).lines).toEqual([
    [20, 2],
    [80, 4],
  ]);
  // Of times as they are today, too; the latest gap first.
  const since = 1_764_000_000_000;
  const times = [0, 1_000, 2_000, 3_000, 4_000].map((ms) => since + ms);
  expect(gapBreaks(series(times, times, { gaps: [gap(since + 3_000), gap(since + 1_000)] }))).toEqual([2, 4]);
  expect(drawn(series([100, 200, 300], [1, NaN, 3])).lines).toEqual([]);
  expect(drawn(series([500], [1])).dots).toBe(1);
});

test("the value axis holds what is in the range, its band and near limits; its bounds come first, and it has a length", () => {
  const model = { series: [series([0, 500, 5_000], [1, 3, 900], { mins: [0, 3, 0], maxs: [1, 5, 0] })], range };
  const [low, high] = valueExtent({ ...model, range: { fromMs: 0, toMs: 400 } });
  expect([low < 0, high > 5, high < 6]).toEqual([true, true, true]);
  const near = valueExtent({ ...model, range: { fromMs: 0, toMs: 400 }, thresholds: [{ value: 7, severity: "high" }] });
  expect(near[1]).toBeGreaterThan(7);
  const far = valueExtent({
    ...model,
    range: { fromMs: 0, toMs: 400 },
    thresholds: [{ value: 700, severity: "high" }],
  });
  expect(far[1]).toBeLessThan(7);
  expect(valueExtent({ ...model, min: -10, max: 10 })).toEqual([-10, 10]);
  const flat = valueExtent({ series: [series([0], [5])], range });
  expect(flat[0]).toBeLessThan(5);
  expect(flat[1]).toBeGreaterThan(5);
  expect(valueExtent({ series: [series([0, 1], [-4, 0])], range, logScale: true }).every((value) => value > 0)).toBe(
    true,
  );
});

test("zooming keeps the time under the pointer, and moving keeps the length", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999 }), fc.double({ min: 0.1, max: 10, noNaN: true }), (aroundMs, factor) => {
      const { fromMs, toMs } = zoomed(range, factor, aroundMs);
      expect((aroundMs - fromMs) / (toMs - fromMs)).toBeCloseTo(aroundMs / 1_000, 6);
      expect(panned(range, aroundMs).toMs - panned(range, aroundMs).fromMs).toBe(1_000);
    }),
    { seed: 4, numRuns: 100 },
  );
});

test("names hide their series, or all others, and bring them back", () => {
  const all = ["a", "b", "c"].map((key) => series([0, 10], [1, 2], { key }));
  const onlyB = isolated(all, new Set(), "b");
  expect([...onlyB]).toEqual(["a", "c"]);
  expect(isolated(all, onlyB, "b").size).toBe(0);
  expect([...toggled(toggled(new Set(), "a"), "a")]).toEqual([]);
  expect([valueAt(all[0], undefined), valueAt(all[0], 3), valueAt(series([], []), 3)]).toEqual([2, 1, NaN]);
});

test("what is marked at a time is said, not more than a few of it", () => {
  const episodes = Array.from({ length: 7 }, (_, i) => ({
    fromMs: i * 100,
    severity: "high" as const,
    title: `a${i}`,
  }));
  const annotations = [{ id: "1", fromMs: 50, text: "Changed\nthe filter", author: "Ada" }];
  expect(marksAt({ series: [], range, episodes, annotations }, 52, 5)).toEqual(["high: a0", "Ada: Changed the filter"]);
  expect(marksAt({ series: [], range, episodes }, 900, 5).at(-1)).toBe("2 more");
  const gaps = [{ fromMs: 10, toMs: 20, kind: "lost" as const, reason: "gw gave it up" }];
  const one = { ...series([], []), gaps };
  expect([10, 11].map((at) => marksAt({ series: [one], range }, at, 5))).toEqual([[], ["lost: gw gave it up"]]);
  expect(marksAt({ series: [one, series([], [])], range }, 11, 5)).toEqual([`lost: ${one.label}: gw gave it up`]);
});

test("ticks are told apart, whatever lies between them", () => {
  const steps = fc.tuple(
    fc.constantFrom(1, 2, 2.5, 5),
    fc.integer({ min: -6, max: 9 }),
    fc.integer({ min: -9_999, max: 9_999 }),
  );
  fc.assert(
    fc.property(steps, ([digit, exponent, first]) => {
      const step = Number(`${digit}e${exponent}`);
      const ticks = Array.from({ length: 6 }, (_, i) => (first + i) * step);
      expect(new Set(valueTicks(ticks, step)).size).toBe(6);
    }),
    { seed: 6, numRuns: 500 },
  );
  expect(valueTicks([null, 0.5], 0.5)[0]).toBe("");
  expect(valueTicks([1000.1], 0.01)).toEqual([(1000.1).toLocaleString(undefined, { minimumFractionDigits: 2 })]);
  expect(logTicks([0.01, null, 5])).toEqual([(0.01).toLocaleString(), "", "5"]);
});

test("the first tick and each new day have their date", () => {
  const day = 86_400_000;
  const ticks = [day - 7_200_000, day - 3_600_000, day, day + 3_600_000];
  expect(timeTicks(ticks, 3_600_000, "UTC").map((text) => text.includes("\n"))).toEqual([true, false, true, false]);
  expect(new Set(timeTicks([0, 1, 2], 1, "UTC")).size).toBe(3);
});

test("texts of times have room beside each other, whatever the step", () => {
  const characterPx = 7;
  for (const stepMs of [1, 250, 1_000, 15_000, 30_000, 60_000, 300_000, 3_600_000]) {
    const [, text] = timeTicks([0, stepMs], stepMs, "UTC");
    // As wide as makes a step of this length the shortest that there is room for.
    const spacePx = [...Array(300).keys()].find((px) => px > 0 && timeTickSpacePx(stepMs / px, characterPx) <= px)!;
    expect(spacePx).toBeGreaterThan(text.length * characterPx);
  }
});
