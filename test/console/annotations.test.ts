import { expect, test } from "bun:test";
import { isPinned, pinOnChart, wordsIn } from "../../src/console/data/annotation-pin.ts";
import { localText, msOfLocalText } from "../../src/console/data/local-time.ts";

test("a note on a chart is pinned to what the chart names one of", () => {
  const chart = { metric: "load", filters: { device: "pump-1", source: "hall-*", site: "north", line: "a|b" } };
  expect(pinOnChart(chart)).toEqual({ metric: "load", device: "pump-1", source: "", tags: { site: "north" } });
  const all = pinOnChart({ metric: "load_*", filters: { device: "*" } });
  expect(all).toEqual({ metric: "", device: "", source: "", tags: {} });
  expect([isPinned(pinOnChart(chart)), isPinned(all)]).toEqual([true, false]);
});

test("words have commas between them, each once", () => {
  expect(wordsIn(" works, ,late ,works")).toEqual(["works", "late"]);
});

test("times of fields are those of this place, to the second", () => {
  for (const ms of [0, Date.UTC(2026, 5, 1, 23, 59, 59), Date.UTC(2031, 11, 31)]) {
    expect(localText(ms)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    expect(msOfLocalText(localText(ms))).toBe(ms);
  }
  expect(msOfLocalText("")).toBeUndefined();
  expect(msOfLocalText("yesterday")).toBeUndefined();
});
