import { expect, test } from "bun:test";
import { conversionBetween, inOtherUnit, isUnit } from "../../src/model/units.ts";

test.each<[from: string, to: string, of: number, is: number]>([
  ["°F", "°C", 212, 100],
  ["°C", "°F", 37, 98.6],
  ["C", "K", 0, 273.15],
  ["℉", "degC", 32, 0],
  ["psi", "kPa", 1, 6.894757],
  ["mbar", "hPa", 1013, 1013],
  ["inHg", "hPa", 29.92, 1013.207],
  ["mph", "m/s", 100, 44.704],
  ["km/h", "m/s", 36, 10],
  ["kn", "km/h", 10, 18.52],
  ["kWh", "MJ", 1, 3.6],
  ["W", "kW", 1500, 1.5],
  ["m³/h", "l/s", 3.6, 1],
  ["gpm", "l/min", 1, 3.785411784],
  ["µg/m³", "mg/m3", 250, 0.25],
  ["m/s²", "ft/s^2", 1, 3.28084],
  ["%", "ppm", 1, 10_000],
  ["kΩ", "Ω", 4.7, 4_700],
  ["lx", "lux", 5, 5],
])("%s becomes %s", async (from, to, of, is) => {
  const { factor, offset } = (await conversionBetween(from, to))!;
  expect(factor * of + offset).toBeCloseTo(is, 3);
});

test("a unit that nobody knows stays what it is, and is converted to nothing else", async () => {
  expect(await conversionBetween("widgets", "widgets")).toEqual({ factor: 1, offset: 0 });
  for (const [from, to] of [
    ["widgets", "kg"],
    ["°C", "kPa"],
    ["", "kg"],
    ["kg", ""],
    ["__proto__", "constructor"],
    ["kg".repeat(40), "g"],
    ["USD", "EUR"],
    ["1e999 m", "m"],
  ]) {
    expect(await conversionBetween(from, to)).toBeUndefined();
  }
});

test("what is no unit is told apart from one of another kind", async () => {
  for (const unit of ["°C", "F", "kPa", "m/s²", "µg/m³", "%", "lx", "kΩ", "rpm"])
    expect([unit, await isUnit(unit)]).toEqual([unit, true]);
  for (const text of ["", "widgets", "blorp", "5", "°X", "x".repeat(40)])
    expect([text, await isUnit(text)]).toEqual([text, false]);
});

test("values are told in the digits that are known", async () => {
  for (const [from, to, value, is] of [
    ["°F", "°C", 212, 100],
    ["°F", "°C", 50, 10],
    ["°F", "°C", 1_000_032, 555_555.555556],
    ["kPa", "Pa", 101.325, 101_325],
    ["°C", "°F", 37, 98.6],
    ["m", "km", 1e-12, 1e-15],
    ["km", "mm", 1e20, 1e26],
    ["°C", "K", NaN, NaN],
    ["kPa", "Pa", -Infinity, -Infinity],
    ["kPa", "Pa", 0, 0],
  ] as const) {
    expect(inOtherUnit(value, (await conversionBetween(from, to))!)).toBe(is);
  }
});
