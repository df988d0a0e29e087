import { expect, test } from "bun:test";
import { answerUnits } from "../../src/dashboard/answer-units.ts";

type Asked = Parameters<typeof answerUnits>[0];

const RAW: Asked = {
  unit: "",
  func: "avg",
  stepUs: 0,
  aggregation: "avg",
  fill: "none",
  top: undefined,
  groupBy: undefined,
};
const STEPS: Asked = { ...RAW, stepUs: 1_000_000 };

/** One row of each series, or group. */
function rows(...values: number[]) {
  return {
    slots: Uint32Array.from(values.keys()),
    offsets: Uint32Array.from({ length: values.length + 1 }, (_, i) => i),
    timesUs: new Float64Array(values.length),
    values: Float64Array.from(values),
  };
}

async function converted(asked: Asked, units: readonly string[], ...values: number[]) {
  const answer = await answerUnits(asked, units);
  const result = rows(...values);
  answer.convert(result);
  return [...result.values].map((value, i) => `${Number(value.toFixed(6))} ${answer.unitOf(i)}`);
}

test("values are as they are stored, in the units of their sensors, unless another one is asked for", async () => {
  expect(await converted(RAW, ["°F", "", "kPa"], 50, 7, 101)).toEqual(["50 °F", "7 ", "101 kPa"]);
});

test("series of different units come in one", async () => {
  expect(await converted({ ...RAW, unit: "°C" }, ["°F", "K", "°C"], 50, 273.15, 21)).toEqual([
    "10 °C",
    "0 °C",
    "21 °C",
  ]);
});

test("differences know no zero, rates are a second's, counts have no unit", async () => {
  expect(await converted({ ...STEPS, unit: "°C", func: "delta" }, ["°F"], 9)).toEqual(["5 °C"]);
  expect(await converted({ ...STEPS, unit: "°C", func: "stddev" }, ["°F"], 1.8)).toEqual(["1 °C"]);
  expect(await converted({ ...STEPS, unit: "Wh", func: "rate" }, ["kWh"], 0.002)).toEqual(["2 Wh/s"]);
  expect(await converted({ ...STEPS, func: "rate" }, ["kWh"], 0.002)).toEqual(["0.002 kWh/s"]);
  expect(await converted({ ...STEPS, unit: "°C", func: "count" }, ["°F"], 12)).toEqual(["12 "]);
  // Of raw points there is no function.
  expect(await converted({ ...RAW, unit: "°C", func: "rate" }, ["°F"], 212)).toEqual(["100 °C"]);
});

test("a group has the unit that all its series have", async () => {
  const grouping = { groupOf: Uint32Array.of(0, 0, 1, 1), groups: 2, aggregation: "avg" as const };
  const asked = { ...STEPS, groupBy: ["site"] };
  const { unitOf } = await answerUnits(asked, ["bar", "bar", "bar", "kPa"], grouping);
  expect([unitOf(0), unitOf(1)]).toEqual(["bar", ""]);
  const same = await answerUnits({ ...asked, unit: "kPa" }, ["bar", "bar", "bar", "bar"], grouping);
  const result = rows(1, 2);
  same.convert(result);
  expect([...result.values]).toEqual([100, 200]);
});

test.each<[string, Partial<Asked>, readonly string[]]>([
  ["none", { unit: "°C" }, ["°F", ""]],
  ['the same kind as "°F"', { unit: "kPa" }, ["°F"]],
  ['the same kind as "widgets"', { unit: "kPa" }, ["widgets"]],
  ["a sum", { unit: "°C", stepUs: 1, func: "sum" }, ["°F"]],
  ["a sum", { unit: "°C", stepUs: 1, aggregation: "sum", groupBy: [] }, ["°F"]],
  ["fill with zeros", { unit: "°C", stepUs: 1, fill: "zero" }, ["°F"]],
  ["compared", { unit: "°C", top: { count: 1, by: "max", lowest: false } }, ["°F", "K"]],
])("is refused, naming %s", async (named, asked, units) => {
  expect(answerUnits({ ...RAW, ...asked }, units)).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
    message: expect.stringContaining(named),
  });
});
