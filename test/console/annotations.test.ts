import { expect, test } from "bun:test";
import { isPinned, pinOnChart, wordsIn } from "../../src/console/data/annotation-pin.ts";
import { SharedRange } from "../../src/console/data/shared-range.ts";
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

test("all who want what is from a time on share one stream, from the earliest of these times", () => {
  const log: string[] = [];
  let due: (() => void)[] = [];
  const settle = () => due.splice(0).forEach((run) => run());
  const range = new SharedRange(
    (fromMs) => {
      log.push(`from ${fromMs}`);
      return () => log.push(`stop ${fromMs}`);
    },
    1_000,
    (run) => (due = [...due, run]),
  );
  const told = () => log.splice(0);
  const [late, later] = [range.want(5_500), range.want(9_000)];
  settle();
  expect(told()).toEqual(["from 5000"]);
  // The range has moved on, and others come within it.
  late();
  range.want(5_600)();
  const moved = range.want(7_000);
  settle();
  expect(told()).toEqual([]);
  const early = range.want(-50);
  settle();
  expect(told()).toEqual(["stop 5000", "from 0"]);
  for (const stop of [early, moved, later, later]) stop();
  settle();
  expect(told()).toEqual(["stop 0"]);
  range.want(100);
  settle();
  expect(told()).toEqual(["from 0"]);
});
