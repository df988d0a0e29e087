/** Payloads, topics and floods of somebody who means harm. */
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, test } from "bun:test";
import {
  DEVICES_PER_NODE_MAX,
  METRICS_PER_NODE_MAX,
  NODES_MAX,
  PAYLOAD_BYTES_MAX,
  PAYLOAD_ELEMENTS_MAX,
  TEMPLATE_DEPTH_MAX,
} from "../../../src/edge/sparkplug/limits.ts";
import { HostOutput } from "../../../src/edge/sparkplug/host-output.ts";
import { takeMetrics } from "../../../src/edge/sparkplug/metric-points.ts";
import { decodePayload } from "../../../src/edge/sparkplug/payload.ts";
import { parseTopic } from "../../../src/edge/sparkplug/topic.ts";
import { PayloadSchema } from "../../../src/wire/gen/sparkplug/sparkplug_b_pb.ts";
import { aliased, double, HostRig, leftOut, ScriptedNode, shown } from "./scripted-node.ts";

const KINDS = ["NBIRTH", "NDEATH", "NDATA", "DBIRTH/d", "DDATA/d", "DDEATH/d", "NCMD", "DCMD/d"];

function topicOf(kind: string, node = "edge1"): string {
  const [verb, device] = kind.split("/");
  return `spBv1.0/Plant/${verb}/${node}${device === undefined ? "" : `/${device}`}`;
}

test("topics that are none of the specification", () => {
  const wrong = [
    "",
    "spBv1.0",
    "spBv1.0/a",
    "spBv1.0/a/NDATA",
    "spBv1.0/a/NDATA/",
    "spBv1.0//NDATA/b",
    "spBv1.0/a/NDATA/b/c",
    "spBv1.0/a/DDATA/b",
    "spBv1.0/a/DDATA/b/",
    "spBv1.0/a/DDATA/b/c/d",
    "spBv1.0/a/ndata/b",
    "spBv1.0/STATE",
    "spAv1.0/a/NDATA/b",
    "STATE/host",
    `spBv1.0/${"a".repeat(257)}/NDATA/b`,
    "spBv1.0/a/NDATA/b\0",
    "spBv1.0/a+/NDATA/b",
  ];
  expect(wrong.filter((topic) => parseTopic(topic) !== undefined)).toEqual([]);
  expect(parseTopic("spBv1.0/STATE/host")).toEqual({ kind: "STATE", hostId: "host" });
  // A group may be called like that.
  expect(parseTopic("spBv1.0/STATE/NDATA/b")).toEqual({ kind: "NDATA", group: "STATE", node: "b" });
});

test("bytes of any kind: counted, never thrown", () => {
  const rig = new HostRig();
  const node = new ScriptedNode();
  rig.take(node.birth([double("Temp", 1, 20)]));
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), fc.uint8Array({ maxLength: 300 }), (kind, payload) => {
      rig.take({ topic: topicOf(kind), payload });
    }),
    { numRuns: 2_000 },
  );
});

test("true payloads with bits turned and ends cut: never thrown, and values stay finite", () => {
  const rig = new HostRig();
  const whole = new ScriptedNode().birth([
    double("a/b", 1, 20, { isHistorical: true, timestamp: 1n }),
    { name: "T", alias: 2n, datatype: 19, value: { case: "templateValue", value: { metrics: [double("x", 3, 1)] } } },
    { name: "S", datatype: 12, value: { case: "stringValue", value: "é" } },
  ]).payload;
  fc.assert(
    fc.property(
      fc.constantFrom(...KINDS),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(whole.length),
      (kind, changes, end) => {
        const payload = whole.slice(0, end);
        for (const [at, byte] of changes) if (at < end) payload[at] = byte;
        const { points } = rig.take({ topic: topicOf(kind), payload });
        expect(points.every(({ value }) => Number.isFinite(value))).toBe(true);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("too many bytes", () => {
  const rig = new HostRig();
  const output = rig.take({ topic: topicOf("NDATA"), payload: new Uint8Array(PAYLOAD_BYTES_MAX + 1) });
  expect(output.malformed).toBe("the payload has 1048577 bytes; wanted at most 1048576");
});

test("few bytes that would become many objects", () => {
  const metrics = Buffer.alloc(2 * (PAYLOAD_ELEMENTS_MAX + 1));
  for (let at = 0; at < metrics.length; at += 2) metrics[at] = (2 << 3) | WireType.LengthDelimited;
  expect(() => decodePayload(metrics)).toThrow(
    `it has more than ${PAYLOAD_ELEMENTS_MAX} metrics, members and properties`,
  );
  expect(decodePayload(metrics.subarray(0, 2 * PAYLOAD_ELEMENTS_MAX)).metrics).toHaveLength(PAYLOAD_ELEMENTS_MAX);
  // The same within a template.
  const writer = new BinaryWriter();
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(18, WireType.LengthDelimited).bytes(metrics);
  const nested = writer.join().finish();
  expect(() => decodePayload(nested)).toThrow("it has more than");
});

test("objects that hide in a field of another wire type are no payload: decoders go by field numbers", () => {
  const metrics = Buffer.alloc(600_000);
  for (let at = 0; at < metrics.length; at += 2) metrics[at] = (2 << 3) | WireType.LengthDelimited;
  // To a decoder the time is the length alone, and what follows is fields of the payload.
  const inTime = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(metrics).finish();
  const inMetric = new BinaryWriter().tag(2, WireType.Varint).uint32(600_000).raw(metrics).finish();
  for (const payload of [inTime, inMetric]) {
    expect(() => decodePayload(payload)).toThrow(/^the payload is no Sparkplug B payload: .* has wire type [02]$/);
  }
});

test("templates as deep as they may be, and deeper", () => {
  const deep = (levels: number) => {
    let metric = double("x", undefined, 1);
    for (let i = 0; i < levels; i++)
      metric = { name: "t", datatype: 19, value: { case: "templateValue", value: { metrics: [metric] } } };
    return toBinary(PayloadSchema, create(PayloadSchema, { metrics: [metric] }));
  };
  const rig = new HostRig();
  expect(shown(rig.take({ topic: topicOf("NBIRTH"), payload: deep(TEMPLATE_DEPTH_MAX) }))).toEqual([
    "t_t_t_t_t_t_t_t_x@edge1=1",
  ]);
  expect(rig.take({ topic: topicOf("NBIRTH"), payload: deep(TEMPLATE_DEPTH_MAX + 1) }).malformed).toContain(
    "the payload is no Sparkplug B payload: ",
  );
  // Deeper than a stack.
  let bytes: Uint8Array = new Uint8Array();
  while (bytes.length < 60_000) {
    for (const field of [18, 2]) bytes = new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes).finish();
  }
  expect(rig.take({ topic: topicOf("NDATA"), payload: bytes }).malformed).toContain(
    "the payload is no Sparkplug B payload: ",
  );
});

test("names that would be repeated in many members, and long ones, are left out", () => {
  const rig = new HostRig();
  const node = new ScriptedNode();
  const members = Array.from({ length: 15 }, (_, i) => double(`${i}`.padStart(i, "0"), undefined, i));
  const template = (name: string) => ({
    name,
    datatype: 19,
    value: { case: "templateValue" as const, value: { metrics: members } },
  });
  const output = rig.take(node.birth([template("n".repeat(250)), template("m".repeat(50_000))]));
  expect([leftOut(output), output.points.length]).toEqual([{ "name too long": 10 }, 6]);
});

test("a template of many members and many properties: these are looked through once, not once for each member", () => {
  const members = Array.from({ length: 1_000 }, (_, i) => double(`m${i}`, undefined, i));
  const keys = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
  const properties = create(PayloadSchema, { metrics: [{ properties: { keys, values: keys.map(() => ({})) } }] });
  let looks = 0;
  const payload = create(PayloadSchema, {
    metrics: [{ name: "t", datatype: 19, value: { case: "templateValue", value: { metrics: members } } }],
  });
  const [metric] = payload.metrics;
  Object.defineProperty(metric, "properties", {
    get: () => {
      looks++;
      return properties.metrics[0].properties;
    },
  });
  const output = new HostOutput();
  takeMetrics(payload, { source: "s", tags: [], definitions: undefined }, output);
  expect([output.points.length, looks < 10]).toEqual([1_000, true]);
});

test("a flood of nodes: those that were born stay, the others make room", () => {
  const rig = new HostRig();
  const real = new ScriptedNode("Plant", "real");
  rig.take(real.birth([double("Temp", 1, 20)]));
  const payload = new ScriptedNode().data([aliased(1, 1)]).payload;
  for (let i = 0; i < NODES_MAX + 500; i++) rig.take({ topic: topicOf("NDATA", `n${i}`), payload });
  expect(rig.host.nodes.size).toBe(NODES_MAX);
  expect(shown(rig.take(real.data([aliased(1, 21)])))).toEqual(["Temp@real=21"]);
});

test("a flood of nodes that say they are alive", () => {
  const rig = new HostRig();
  const payload = new ScriptedNode().birth([]).payload;
  for (let i = 0; i < NODES_MAX; i++) rig.take({ topic: topicOf("NBIRTH", `n${i}`), payload });
  expect(leftOut(rig.take({ topic: topicOf("NBIRTH", "one more"), payload }))).toEqual({ "too many nodes": 1 });
  expect(rig.host.nodes.size).toBe(NODES_MAX);
});

test("a flood of devices, and room again when they die", () => {
  const rig = new HostRig({ reorderMs: 0 });
  const node = new ScriptedNode();
  rig.take(node.birth([]));
  for (let i = 0; i < DEVICES_PER_NODE_MAX; i++) rig.take(node.deviceBirth(`d${i}`, []));
  const refused = rig.take(node.deviceBirth("one more", [double("x", 1, 1)]));
  expect([leftOut(refused), shown(refused)]).toEqual([{ "too many devices": 1 }, []]);
  rig.take(node.deviceDeath("d0"));
  expect(shown(rig.take(node.deviceBirth("one more", [double("x", 1, 1)])))).toEqual(["x@one more=1"]);
});

test("more metrics than a node may have: its births are refused, not its neighbours'", () => {
  const rig = new HostRig({ reorderMs: 0 });
  const node = new ScriptedNode();
  rig.take(node.birth([]));
  const many = Array.from({ length: 20_000 }, (_, i) => double(`m${i}`, i, 1));
  const results = Array.from({ length: 4 }, (_, i) => leftOut(rig.take(node.deviceBirth(`d${i}`, many))));
  expect(METRICS_PER_NODE_MAX).toBe(50_000);
  expect(results.map((left) => left["too many metrics"] ?? 0)).toEqual([0, 0, 1, 1]);
  expect(leftOut(rig.take(node.deviceData("d1", [aliased(5, 2)])))).toEqual({});
  expect(leftOut(rig.take(node.deviceData("d3", [aliased(5, 2)])))).toEqual({ "before birth": 1 });
  // A birth anew takes the place of the one before.
  expect(leftOut(rig.take(node.deviceBirth("d1", many)))).toEqual({});
  rig.take(node.death());
  expect(rig.host.nodes.get("Plant/edge1")!.metrics).toBe(0);
});
