import { expect, test } from "bun:test";
import { parseSeries } from "../../../src/alerts/rule-tests/series-text.ts";
import { parseSeriesValues } from "../../../src/alerts/rule-tests/series-values.ts";
import { parseSeriesKey } from "../../../src/model/series-key.ts";

test("values in promtool's notation", () => {
  for (const [text, values] of [
    ["1 2.5 -3", [1, 2.5, -3]],
    ["1+2x3", [1, 3, 5, 7]],
    [" 1-2x2  4 ", [1, -1, -3, 4]],
    ["-2+4x3", [-2, 2, 6, 10]],
    ["5x2", [5, 5, 5]],
    ["1+1x0", [1]],
    ["1 _ 2 _x3 3", [1, null, 2, null, null, null, 3]],
    ["1e3 .5 1.", [1000, 0.5, 1]],
    ["0+0.1x3", [0, 0.1, 0.2, 0.30000000000000004]],
    ["_x0 1", [1]],
  ] as const) {
    expect([text, parseSeriesValues(text)]).toEqual([text, [...values]]);
  }
});

test("what is none of them is refused by name", () => {
  for (const text of ["a", "1+2", "x3", "1x", "_1", "1 stale", "NaN", "Inf", "1+-2x3"]) {
    expect(() => parseSeriesValues(text)).toThrow(/"[^"]+" is none of them: wanted numbers/);
  }
  expect(() => parseSeriesValues(" ")).toThrow("wanted numbers");
  expect(() => parseSeriesValues("1x1000000")).toThrow("longer than 1000000 values");
  expect(() => parseSeriesValues("1x999999 _")).toThrow("_ makes it longer");
  expect(() => parseSeriesValues("1e308+1e308x3")).toThrow("past what a number can be");
});

test("series as Prometheus writes them; the source is a label", () => {
  const read = (text: string) => parseSeriesKey(parseSeries(text).key);
  expect(read("temp")).toEqual({ metric: "temp", source: "test", tags: [] });
  expect(read('temp{source="gw", device = "pump-1",}')).toEqual({
    metric: "temp",
    source: "gw",
    tags: [["device", "pump-1"]],
  });
  expect(read('line/3.temp-a{"a b"="x\\"y\\\\z"}').tags).toEqual([["a b", 'x"y\\z']]);
  for (const text of ["", "{}", "a b", "temp{a}", "temp{a=b}", 'temp{a="b"', 'temp{a="b" c="d"}', 'temp{a!="b"}']) {
    expect(() => parseSeries(text)).toThrow("wanted a metric and its labels");
  }
  expect(() => parseSeries('t{a="1",a="2"}')).toThrow("wanted a once");
  expect(() => parseSeries('t{a=""}')).toThrow("a tag is not empty");
});
