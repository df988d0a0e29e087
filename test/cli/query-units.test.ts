/** `watchpost query` with units: in which the values are, and what cannot be told in the one that is asked for. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;
const RANGE = ["--from", "2026-01-01", "--to", "2026-01-02"];

beforeAll(async () => {
  rig = await startCommandRig("query-units");
  const readings = [
    ["oven", "temp", 212],
    ["cellar", "temp", 50],
    ["pump", "pressure", 3],
    ["old", "temp", 7],
  ].map(([device, metric, value]) => {
    return JSON.stringify({ metric, value, timestamp: "2026-01-01T00:00:00Z", tags: { device } });
  });
  await rig.ok(["upload", "-", "--source", "gw"], { stdin: `${readings.join("\n")}\n` });
  await rig.ok(["device", "register", "oven", "--sensor", "temp,unit=°F"]);
  await rig.ok(["device", "register", "cellar", "--sensor", "temp,unit=°F"]);
  await rig.ok(["device", "register", "pump", "--sensor", "pressure,unit=kPa"]);
});
afterAll(() => rig.close());

test("CSV says the units where there are some, and upload reads it back", async () => {
  const out = await rig.ok(["query", "*", ...RANGE, "--csv"]);
  expect(out.split("\n")).toEqual([
    "metric,value,value_unit,timestamp,source,device",
    "pressure,3,kPa,2026-01-01T00:00:00.000Z,gw,pump",
    "temp,50,°F,2026-01-01T00:00:00.000Z,gw,cellar",
    "temp,7,,2026-01-01T00:00:00.000Z,gw,old",
    "temp,212,°F,2026-01-01T00:00:00.000Z,gw,oven",
    "",
  ]);
  await rig.ok(["upload", "-", "--source", "again", "--strict"], { stdin: out });
  const again = await rig.ok(["query", "*", "--filter", "source=again", ...RANGE, "--csv"]);
  expect(again).toBe(out.replaceAll(",gw,", ",again,"));
  const plain = await rig.ok(["query", "*", "--filter", "device=old", "--filter", "source=gw", ...RANGE, "--csv"]);
  expect(plain).toStartWith("metric,value,timestamp,source,device\n");
});

test("what cannot be told in the unit is left out by name, and holds up nothing", async () => {
  const asked = ["query", "*", "--filter", "source=gw", ...RANGE, "--csv", "--unit", "°C"];
  const { code, out, err } = await rig.run(asked);
  expect(err).toContain(
    "2 series are left out, which cannot be told in °C: pressure of pump is in kPa, temp of old has no unit",
  );
  expect(out.split("\n").slice(1, 3)).toEqual([
    "temp,10,°C,2026-01-01T00:00:00.000Z,gw,cellar",
    "temp,100,°C,2026-01-01T00:00:00.000Z,gw,oven",
  ]);
  expect(code).toBe(0);
});

test("where none can be told in it the reason is said: another kind, no unit, or no unit at all", async () => {
  for (const [metric, filter, unit, said] of [
    ["temp", "device=oven", "V", 'unit is "V"; wanted one of the same kind as the series asked for have: "°F"'],
    [
      "temp",
      "device=old",
      "V",
      'unit is "V"; wanted series of sensors that are registered with a unit; these have none',
    ],
    ["temp", "device=oven", "blorp", 'unit is "blorp"; wanted a unit that is known, such as "°C", "kPa" or "km/h"'],
  ] as const) {
    const asked = await rig.run(["query", metric, "--filter", filter, ...RANGE, "--unit", unit]);
    expect(asked).toMatchObject({ code: 2, out: "", err: expect.stringContaining(said) });
  }
});

test("what is reckoned has no digits that only arithmetic made; what is stored is exact", async () => {
  const line = JSON.stringify({ metric: "odd", value: 0.1 + 0.2, timestamp: "2026-01-01", tags: { device: "d" } });
  const other = JSON.stringify({ metric: "odd", value: 0.3, timestamp: "2026-01-01T00:00:01Z", tags: { device: "d" } });
  await rig.ok(["upload", "-", "--source", "gw"], { stdin: `${line}\n${other}\n` });
  await rig.ok(["device", "register", "d", "--sensor", "odd,unit=bar"]);
  const values = async (...flags: string[]) => {
    const csv = await rig.ok(["query", "odd", ...RANGE, "--csv", ...flags]);
    const json = await rig.ok(["query", "odd", ...RANGE, "--json", ...flags]);
    const of = csv.trim().split("\n").slice(1);
    const found = of.map((row) => row.split(",")[1]);
    expect(
      json
        .trim()
        .split("\n")
        .map((each) => /"value":([^,]*)/.exec(each)?.[1]),
    ).toEqual(found);
    return found;
  };
  expect(await values()).toEqual(["0.30000000000000004", "0.3"]);
  expect(await values("--step", "1d", "--function", "max")).toEqual(["0.30000000000000004"]);
  expect(await values("--step", "1d", "--function", "sum")).toEqual(["0.6"]);
  expect(await values("--step", "1d")).toEqual(["0.3"]);
  expect(await values("--unit", "kPa")).toEqual(["30", "30"]);
});
