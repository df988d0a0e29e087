/** Payloads of another encoder, that of Eclipse Tahu, give what was put into them. */
import { expect, test } from "bun:test";
import { events, HostRig, leftOut, shown, START_MS } from "./scripted-node.ts";
import { messages } from "./tahu-payloads.json";

test("a session as Eclipse Tahu encodes it", () => {
  const rig = new HostRig({ reorderMs: 0 });
  const [birth, deviceBirth, data, deviceDeath, death] = messages.map(({ topic, hex }) => {
    const output = rig.take({ topic, payload: Buffer.from(hex, "hex") });
    rig.monotonicMs += 10;
    return output;
  });
  expect(shown(birth!)).toEqual([
    "i8@edge1=-5",
    "i16@edge1=-300",
    "i32@edge1=-70000",
    "i64@edge1=-5000000000",
    "u8@edge1=250",
    "u16@edge1=65000",
    "u32@edge1=4000000000",
    "u64@edge1=9000000000",
    "float@edge1=21.1",
    "double@edge1=0.1",
    "bool@edge1=1",
    `time@edge1=${START_MS}`,
    "Oven_Temp@edge1=180.5",
    "Motor_1_RPM@edge1=1500",
  ]);
  expect(leftOut(birth!)).toEqual({ "not a number": 4, null: 1 });
  expect(birth!.points.every(({ timeUs }) => timeUs === START_MS * 1_000)).toBe(true);
  expect(birth!.events).toMatchObject([{ kind: "birth", device: "edge1", model: "EG-200" }]);
  expect(birth!.events[0]!.sensors).toContainEqual({
    metric: "Oven_Temp",
    unit: "°C",
    description: "Sparkplug metric Oven/Temp",
  });
  expect(events(deviceBirth!)).toEqual(["birth pump at edge1"]);
  expect(shown(data!)).toEqual(["Pressure@pump=3.5", "Pressure@pump=3"]);
  expect(data!.points.map(({ timeUs }) => timeUs / 1_000 - START_MS)).toEqual([2, -60_000]);
  expect([data!.historical, leftOut(data!)]).toEqual([1, { "bad quality": 1 }]);
  expect(deviceDeath!.events).toMatchObject([{ kind: "death", device: "pump", timeMs: START_MS + 25 }]);
  expect(events(death!)).toEqual(["death edge1"]);
  expect(rig.host.nodes.get("Plant/edge1")).toMatchObject({ session: 3n, gaps: 0, rebirthsAsked: 0, staleDeaths: 0 });
});
