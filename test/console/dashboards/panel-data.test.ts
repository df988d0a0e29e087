import { expect, test } from "bun:test";
import type { StepSeries } from "../../../src/console/data/series-values.ts";
import { kioskTurn } from "../../../src/console/views/dashboards/kiosk-turn.ts";
import { together } from "../../../src/console/views/dashboards/panel-data.ts";
import { shortLabels } from "../../../src/console/views/dashboards/panels/short-labels.ts";
import { sparkPath } from "../../../src/console/views/dashboards/panels/spark-path.ts";
import { scaleOf, shareOf } from "../../../src/console/views/dashboards/panels/value-scale.ts";
import { lengthMsOf, paramsOf, rangeOf } from "../../../src/console/views/dashboards/time-range.ts";

function stepSeries(device: string, values: number[], metric = "t"): StepSeries {
  const named = { metric, source: "gw", tags: { device, site: "hall-1" }, device };
  return { ...named, key: `${metric} ${device}`, unit: "°C", timesMs: values.map((_, i) => i * 10), values };
}

const steps = (series: StepSeries[], isRead = true) => ({
  series,
  fromMs: 0,
  toMs: 100,
  stepMs: 10,
  isRead,
  notes: ["damaged"],
  failure: "",
});

test("a series has its steps and its last value; what is silent for longer than the range is not left out", () => {
  const p3 = { ...stepSeries("p-3", []), value: 9, timeMs: -5_000, isStale: true };
  const p1 = { ...stepSeries("p-1", []), value: 4, timeMs: 95, isStale: false };
  const last = new Map([p1, p3].map((each) => [each.key, each]));
  const { series } = together([{ steps: steps([stepSeries("p-1", [1, 2]), stepSeries("p-2", [5])]), last }]);
  expect(series.map(({ label, values, now, nowMs, isStale }) => [label, values, now, nowMs, isStale])).toEqual([
    ["p-1", [1, 2], 4, 95, false],
    ["p-2", [5], 5, 0, false],
    ["p-3", [], 9, -5_000, true],
  ]);
});

test("names leave out what all series share, and say the metric where there are several", () => {
  const one = { steps: steps([stepSeries("p-1", [1])]), last: new Map() };
  expect(together([one]).series[0].label).toBe("p-1 site=hall-1");
  const other = { steps: steps([stepSeries("p-1", [1], "u")]), last: new Map() };
  expect(together([one, other]).series.map(({ label }) => label)).toEqual(["t p-1", "u p-1"]);
  expect(shortLabels(["cooler-0001", "cooler-0002"])).toEqual(["…0001", "…0002"]);
  expect(shortLabels(["a-1", "b-1"])).toEqual(["a-1", "b-1"]);
  expect(shortLabels(["cooler-", "cooler-2"])).toEqual(["cooler-", "cooler-2"]);
});

test("it is read once all queries are; one that fails is said, and once what several say", () => {
  const asked = [steps([]), steps([], false), { ...steps([]), failure: "too many series" }];
  const { isRead, failure, notes } = together(asked.map((each) => ({ steps: each, last: new Map() })));
  expect([isRead, failure, notes]).toEqual([false, "too many series", ["damaged"]]);
});

test("a scale goes from zero to a round number, unless the panel says otherwise", () => {
  const scale = (values: number[], more: object = {}) =>
    scaleOf({ min: undefined, max: undefined, logScale: false, values, thresholds: [], ...more });
  expect(scale([3, 47])).toEqual({ min: 0, max: 50, isLog: false });
  expect(scale([-12, 4])).toEqual({ min: -15, max: 4, isLog: false });
  expect(scale([5], { min: 4, max: 6 })).toEqual({ min: 4, max: 6, isLog: false });
  expect(scale([30, 400], { logScale: true })).toEqual({ min: 10, max: 1_000, isLog: true });
  expect(scale([])).toEqual({ min: 0, max: 1, isLog: false });
  expect([100, 1, 1e9, NaN].map((value) => shareOf(value, { min: 10, max: 1_000, isLog: true }))).toEqual([
    0.5, 0, 1, 0,
  ]);
});

test("a line in small is broken where nothing came", () => {
  const frame = { fromMs: 0, toMs: 100, width: 100, height: 10, gapMs: 30 };
  expect(sparkPath({ timesMs: [0, 20, 100], values: [1, 3, 2] }, frame)).toBe("M0.0 10.0L20.0 0.0M100.0 5.0");
  expect(sparkPath({ timesMs: [0, 10], values: [4, NaN] }, frame)).toBe("M0.0 5.0");
  expect(sparkPath({ timesMs: [], values: [] }, frame)).toBe("");
});

test("the range stands in the address, and nonsense in it does not matter", () => {
  const read = (query: string) => rangeOf(new URLSearchParams(query), 60_000);
  expect(read("")).toEqual({ lastMs: 60_000 });
  expect(read("range=6h")).toEqual({ lastMs: 21_600_000 });
  expect(read("range=soon&from=x")).toEqual({ lastMs: 60_000 });
  expect(read("from=5&to=9&range=1h")).toEqual({ fromMs: 5, toMs: 9 });
  expect(read("from=9&to=5")).toEqual({ lastMs: 60_000 });
  for (const range of [{ lastMs: 300_000 }, { lastMs: 60_000 }, { fromMs: 5, toMs: 9 }]) {
    const params = Object.entries(paramsOf(range, 60_000)).filter(([, value]) => value !== "");
    expect(rangeOf(new URLSearchParams(params), 60_000)).toEqual(range);
    expect(lengthMsOf(range)).toBe("lastMs" in range ? range.lastMs : 4);
  }
});

test("a wall screen shows its dashboards one after the other, and comes back to the first", () => {
  const order: string[] = [];
  let [id, params] = ["a", new URLSearchParams("kiosk=1&cycle=30s&with=b,c&var-site=x")];
  for (let i = 0; i < 4; i++) {
    const turn = kioskTurn(id, params)!;
    expect([turn.afterMs, turn.params.get("var-site")]).toEqual([30_000, "x"]);
    [id, params] = [turn.nextId, turn.params];
    order.push(id);
  }
  expect(order).toEqual(["b", "c", "a", "b"]);
  expect(kioskTurn("a", new URLSearchParams("kiosk=1&cycle=30s"))).toBeUndefined();
  expect(kioskTurn("a", new URLSearchParams("cycle=1ms&with=b"))?.afterMs).toBe(5_000);
});
