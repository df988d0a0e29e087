/** Series that cannot be told in the unit that was asked for are left out by name. */
import { expect, test } from "bun:test";
import type { Asked } from "../../src/dashboard/answer-units.ts";
import { seriesInUnit } from "../../src/dashboard/series-in-unit.ts";
import { SlicedWork } from "../../src/dashboard/sliced-work.ts";
import { seriesKey } from "../../src/model/series-key.ts";

const RAW = { func: "avg", stepUs: 0, aggregation: "avg", fill: "none", top: undefined, groupBy: undefined } as const;

/** Series of devices in these units. */
function inUnit(unit: string, units: Readonly<Record<string, string>>, more: Partial<Asked> = {}) {
  const keyOf = new Map(Object.keys(units).map((device) => [seriesKey("temp", "gw", [["device", device]]), device]));
  const sliced = new SlicedWork(() => 0);
  const chosen = seriesInUnit({ ...RAW, ...more, unit }, [...keyOf.keys()], {
    unitOf: (key) => units[keyOf.get(key)!],
    inSlices: (work) => sliced.run(work, new AbortController().signal),
  });
  return chosen.then(({ keys, notes }) => ({ devices: keys.map((key) => keyOf.get(key)!), notes }));
}

test("one without a unit, or with another kind, holds up nothing: it is left out and named", async () => {
  expect(await inUnit("°C", { a: "°F", b: "", c: "K", d: "kPa" })).toEqual({
    devices: ["a", "c"],
    notes: ["2 series are left out, which cannot be told in °C: temp of b has no unit, temp of d is in kPa"],
  });
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`n${i}`, ""]));
  expect((await inUnit("°C", { a: "°F", ...many })).notes).toEqual([
    "9 series are left out, which cannot be told in °C: temp of n0 has no unit, temp of n1 has no unit, temp of n2 has no unit and 6 more",
  ]);
  expect((await inUnit("°C", { a: "°F", b: "" })).notes[0]).toStartWith("1 series is left out");
});

test("where all can be told nothing is said; text is a unit where the sensors have it", async () => {
  expect(await inUnit("°C", { a: "°F", b: "K" })).toEqual({ devices: ["a", "b"], notes: [] });
  expect(await inUnit("widgets", { a: "widgets" })).toEqual({ devices: ["a"], notes: [] });
  expect(await inUnit("", { a: "", b: "K" })).toEqual({ devices: ["a", "b"], notes: [] });
  expect(await inUnit("°C", {})).toEqual({ devices: [], notes: [] });
  // Counts have none.
  expect(await inUnit("°C", { a: "" }, { func: "count", stepUs: 1 })).toEqual({ devices: ["a"], notes: [] });
});

test.each<[string, string, Readonly<Record<string, string>>]>([
  [
    '"blorp"; wanted a unit that is known, such as "°C", "kPa" or "km/h"; the series asked for are in "°F", "K"',
    "blorp",
    { a: "°F", b: "K" },
  ],
  ['"blorp"; wanted a unit that is known, such as "°C", "kPa" or "km/h"', "blorp", {}],
  ['"kPa"; wanted one of the same kind as the series asked for have: "°F"', "kPa", { a: "°F", b: "" }],
  [
    '"kPa"; wanted series of sensors that are registered with a unit; these have none (watchpost device update',
    "kPa",
    { a: "" },
  ],
])("is refused: unit is %s", async (message, unit, units) => {
  expect(inUnit(unit, units)).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
    message: expect.stringContaining(`unit is ${message}`),
  });
});
