/** Types, flags, times, names and templates of metrics. */
import fc from "fast-check";
import { expect, test } from "bun:test";
import { DATA_TYPE, numberOf, type MetricValue } from "../../../src/edge/sparkplug/data-type.ts";
import { aliased, double, HostRig, leftOut, ScriptedNode, shown, START_MS, texts } from "./scripted-node.ts";

const int = (value: number): MetricValue => ({ case: "intValue", value });
const long = (value: bigint): MetricValue => ({ case: "longValue", value });

test("integers have the sign of their type, whichever field and sign extension they come in", () => {
  const cases: [MetricValue, keyof typeof DATA_TYPE, number][] = [
    [int(0xff), "int8", -1],
    [int(0xffff_ffff), "int8", -1],
    [long(0xffff_ffff_ffff_ff80n), "int8", -128],
    [int(0xff), "uint8", 255],
    [int(0x8000), "int16", -32_768],
    [int(0xffff_8000), "int16", -32_768],
    [int(0xffff), "uint16", 65_535],
    [int(0xffff_fffe), "int32", -2],
    [long(0xffff_fffen), "int32", -2],
    [int(0xffff_fffe), "uint32", 4_294_967_294],
    [long(4_294_967_294n), "uint32", 4_294_967_294],
    [long(0xffff_ffff_ffff_fffdn), "int64", -3],
    [int(0xffff_fffd), "int64", -3],
    [long(2n ** 64n - 1n), "uint64", 18_446_744_073_709_551_615],
    [long(1_486_144_502_122n), "dateTime", 1_486_144_502_122],
    [{ case: "booleanValue", value: true }, "boolean", 1],
    [{ case: "booleanValue", value: false }, "boolean", 0],
    [int(1), "boolean", 1],
    [{ case: "floatValue", value: Math.fround(21.1) }, "float", 21.1],
    [{ case: "floatValue", value: Math.fround(1 / 3) }, "float", 0.33333334],
    [{ case: "floatValue", value: 16_777_216 }, "float", 16_777_216],
    [{ case: "doubleValue", value: 0.1 + 0.2 }, "double", 0.1 + 0.2],
    [{ case: "doubleValue", value: 2.5 }, "unknown", 2.5],
  ];
  for (const [value, type, wanted] of cases) expect([type, numberOf(value, DATA_TYPE[type])]).toEqual([type, wanted]);
});

test("what is no number is told apart", () => {
  const cases: [MetricValue, number, string][] = [
    [{ case: "stringValue", value: "21" }, DATA_TYPE.string, "not a number"],
    [{ case: "stringValue", value: "21" }, DATA_TYPE.unknown, "not a number"],
    [{ case: undefined }, 16, "not a number"],
    [{ case: undefined }, DATA_TYPE.double, "wrong type"],
    [int(3), DATA_TYPE.double, "wrong type"],
    [int(3), DATA_TYPE.unknown, "unknown type"],
    [{ case: "doubleValue", value: 3 }, DATA_TYPE.int32, "wrong type"],
    [{ case: "doubleValue", value: NaN }, DATA_TYPE.double, "not finite"],
    [{ case: "floatValue", value: Infinity }, DATA_TYPE.float, "not finite"],
  ];
  for (const [value, type, wanted] of cases) expect(numberOf(value, type)).toBe(wanted as "wrong type");
});

test("a 32-bit number stays the same 32-bit number", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (float) => {
      const value = numberOf({ case: "floatValue", value: float }, DATA_TYPE.float) as number;
      expect(Math.fround(value)).toBe(float);
    }),
  );
});

function bornWith(...metrics: Parameters<ScriptedNode["birth"]>[0][number][]) {
  const rig = new HostRig();
  const node = new ScriptedNode();
  const birth = rig.take(node.birth(metrics));
  return { rig, node, birth };
}

test("null, transient and bad ones are no points, and counted: tck-id-payloads-propertyset-quality-value-value", () => {
  const { rig, node } = bornWith(double("Temp", 1, 20), double("Passing", 2, 1, { isTransient: true }));
  const quality = (code: number) => ({
    keys: ["Quality"],
    values: [{ type: DATA_TYPE.int32, value: { case: "intValue" as const, value: code } }],
  });
  const output = rig.take(
    node.data([
      { alias: 1n, isNull: true },
      aliased(1, 1, { properties: quality(0) }),
      aliased(1, 2, { properties: quality(500) }),
      aliased(1, 3, { properties: quality(192) }),
      aliased(1, 4, { isTransient: true }),
      aliased(2, 5),
    ]),
  );
  expect(shown(output)).toEqual(["Temp@edge1=3"]);
  expect(leftOut(output)).toEqual({ null: 1, "bad quality": 2, transient: 2 });
  expect(output.publications).toEqual([]);
});

test("times: the metric's, else the payload's; what is historical is stored with its own and counted", () => {
  const { rig, node } = bornWith(double("Temp", 1, 20));
  node.nowMs += 5_000;
  const output = rig.take(
    node.data([
      aliased(1, 1),
      aliased(1, 2, { timestamp: BigInt(START_MS + 1_234) }),
      aliased(1, 3, { timestamp: BigInt(START_MS - 86_400_000), isHistorical: true }),
    ]),
  );
  expect(output.points.map(({ timeUs }) => timeUs / 1_000 - START_MS)).toEqual([5_000, 1_234, -86_400_000]);
  expect(output.historical).toBe(1);
  node.nowMs = 0;
  expect(rig.take(node.data([aliased(1, 4)])).points[0]!.timeUs).toBeNaN();
});

test("what steers a node is no reading", () => {
  const { birth } = bornWith({
    name: "Node Control/Scan Rate",
    datatype: DATA_TYPE.int64,
    value: { case: "longValue", value: 1_000n },
  });
  expect([birth.points, leftOut(birth)]).toEqual([[], {}]);
});

test("names become metric names, and what Sparkplug called them can be read in the announced sensors", () => {
  const { birth } = bornWith(
    double("Line 1/Oven/Temp °C", 1, 200, { properties: texts({ engUnit: "°C", Documentation: "upper zone" }) }),
    double("plain_name.x", 2, 1, { properties: texts({ engUnit: "bar" }) }),
  );
  expect(shown(birth)).toEqual(["Line_1_Oven_Temp__C@edge1=200", "plain_name.x@edge1=1"]);
  expect(birth.events[0]!.sensors).toEqual([
    {
      metric: "Line_1_Oven_Temp__C",
      unit: "°C",
      description: "upper zone (Sparkplug metric Line 1/Oven/Temp °C)",
    },
    { metric: "plain_name.x", unit: "bar" },
  ]);
});

test("two names that become one stay two series", () => {
  const { rig, node } = bornWith(double("a/b", 1, 1), double("a b", 2, 2), double("c", 3, 3));
  const { points } = rig.take(node.data([aliased(1, 1), aliased(2, 2), aliased(3, 3)]));
  expect(points.map(({ metric, tags }) => [metric, new Map(tags).get("sparkplug_name")])).toEqual([
    ["a_b", "a/b"],
    ["a_b", "a b"],
    ["c", undefined],
  ]);
});

test("what a node says of itself", () => {
  const text = (name: string, value: string) => ({
    name,
    datatype: DATA_TYPE.string,
    value: { case: "stringValue" as const, value },
  });
  const { birth } = bornWith(
    text("Properties/Hardware Model", "EG-200"),
    text("Properties/FW", "v1.2.3"),
    text("Properties/OS", "Linux".repeat(1_000)),
    ...Array.from({ length: 100 }, (_, i) => text(`Properties/${i}`, "x")),
  );
  const event = birth.events[0]!;
  expect([event.model, event.firmware]).toEqual(["EG-200", "v1.2.3"]);
  expect(event.properties!.get("Hardware Model")).toBe("EG-200");
  expect(event.properties!.get("OS")).toHaveLength(256);
  expect(event.properties!.size).toBe(32);
});

test("members of templates are metrics of their own, in births and after; definitions are none", () => {
  const motor = (rpm: number, members: object[] = []) => ({
    case: "templateValue" as const,
    value: {
      templateRef: "Motor",
      metrics: [
        { name: "RPM", datatype: DATA_TYPE.int32, value: { case: "intValue" as const, value: rpm } },
        ...members,
      ],
    },
  });
  const inner = { name: "Bearing", datatype: DATA_TYPE.template, value: motor(7) };
  const { rig, node, birth } = bornWith(
    {
      name: "_types_/Motor",
      datatype: DATA_TYPE.template,
      value: { case: "templateValue", value: { isDefinition: true, metrics: [double("RPM", undefined, 0)] } },
    },
    { name: "Motor 1", alias: 5n, datatype: DATA_TYPE.template, value: motor(1_500, [inner]) },
  );
  expect(shown(birth)).toEqual(["Motor_1_RPM@edge1=1500", "Motor_1_Bearing_RPM@edge1=7"]);
  const output = rig.take(
    node.data([
      {
        alias: 5n,
        timestamp: BigInt(START_MS + 10),
        value: {
          case: "templateValue",
          value: { metrics: [{ name: "RPM", value: { case: "intValue", value: 0xffff_ffff } }] },
        },
      },
    ]),
  );
  expect(shown(output)).toEqual(["Motor_1_RPM@edge1=-1"]);
  expect(output.points[0]!.timeUs).toBe((START_MS + 10) * 1_000);
});

test("a value that is not of its metric's type is another metric's: not stored, and births are asked for", () => {
  const { rig, node } = bornWith(double("Temp", 1, 20), double("Level", 2, 5));
  const output = rig.take(
    node.data([
      { alias: 1n, value: { case: "booleanValue", value: true } },
      { alias: 1n, datatype: DATA_TYPE.float, value: { case: "floatValue", value: 3 } },
      aliased(2, 6),
    ]),
  );
  expect([shown(output), leftOut(output)]).toEqual([["Level@edge1=6"], { "wrong type": 2 }]);
  expect(output.publications).toHaveLength(1);
});

test("texts and the like are counted, not stored, and are no reason to ask", () => {
  const { rig, node } = bornWith({
    name: "State",
    alias: 1n,
    datatype: DATA_TYPE.string,
    value: { case: "stringValue", value: "RUN" },
  });
  const output = rig.take(node.data([{ alias: 1n, value: { case: "stringValue", value: "STOP" } }]));
  expect([output.points, leftOut(output), output.publications]).toEqual([[], { "not a number": 1 }, []]);
});
