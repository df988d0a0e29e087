import { expect, test } from "bun:test";
import { metricNameOf } from "../../src/model/metric-name.ts";

test("letters, digits, '_' and '.' stay, every other character becomes '_'", () => {
  const cases = [
    ["temperature_c.max2", "temperature_c.max2"],
    ["Line 1/Temp °C", "Line_1_Temp__C"],
    ["größe", "gr__e"],
    ["a😀b", "a_b"],
    ["", ""],
  ];
  for (const [text, wanted] of cases) expect(metricNameOf(text!)).toBe(wanted!);
});

test("of what is far too long the beginning is looked at: it stays too long", () => {
  expect(metricNameOf("°".repeat(5_000_000))).toBe("_".repeat(1_024));
});
