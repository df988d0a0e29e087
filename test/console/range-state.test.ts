import { expect, test } from "bun:test";
import { together, type RangeState } from "../../src/console/data/range-state.ts";
import { seriesNameOf } from "../../src/console/data/series-name.ts";

const range = { fromMs: 0, toMs: 1_000 };

function state(metric: string, devices: readonly string[], more: Partial<RangeState> = {}): RangeState {
  const names = devices.map((device) => {
    const named = { metric, source: "gw", tags: { device }, device, unit: "bar" };
    return { ...named, ...seriesNameOf(named) };
  });
  const series = names.map(({ key, label, unit }) => ({ key, label, unit, timesMs: [1], values: [2] }));
  const told = { isRead: true, failure: undefined, stepMs: 0, more: 0, notes: [], range };
  return { series, names, ...told, ...more };
}

test("of several queries series are called so that they differ, and one that two have is there twice", () => {
  const shown = together([state("flow", ["p1", "p2"]), state("load", ["p1"]), state("flow", ["p1"])]);
  expect(shown.series.map(({ label }) => label)).toEqual(["flow p1", "flow p2", "load p1", "flow p1"]);
  expect(new Set(shown.series.map(({ key }) => key)).size).toBe(4);
  expect(shown.names.map(({ device }) => device)).toEqual(["p1", "p2", "p1", "p1"]);
});

test("it is read once all are; what one cannot show, or says, is said of all", () => {
  const failure = { text: "busy", field: "" };
  const waiting = together([state("a", []), state("b", [], { isRead: false, more: 2, notes: ["cut"] })]);
  expect([waiting.isRead, waiting.failure, waiting.more]).toEqual([false, undefined, 2]);
  const read = together([
    state("a", [], { more: 3, notes: ["cut"] }),
    state("b", [], { failure, more: 2, notes: ["cut"] }),
  ]);
  expect([read.isRead, read.failure, read.more, read.notes]).toEqual([true, failure, 5, ["cut"]]);
});

test("one alone is what it was", () => {
  const alone = state("a", ["p1"]);
  expect(together([alone])).toBe(alone);
});
