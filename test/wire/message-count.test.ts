/** Messages are counted as the decoder would make them. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { countFields, countMessages } from "../../src/wire/message-count.ts";
import { DeviceSchema } from "../../src/wire/gen/devices_pb.ts";
import { ExportMetricsServiceRequestSchema as RequestSchema } from "../../src/wire/gen/opentelemetry/metrics_service_pb.ts";

/** Messages within a decoded value. */
function made(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, inner) => sum + made(inner), 0);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return 0;
  return ("$typeName" in value ? 1 : 0) + made(Object.values(value));
}

function attempted<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

const DEPTH = 20;
const attribute = { key: "k", value: { value: { case: "intValue", value: 300n } } } as const;
const request = create(RequestSchema, {
  resourceMetrics: [
    {
      resource: { attributes: [attribute, attribute] },
      scopeMetrics: [
        {
          metrics: [
            { name: "g", data: { case: "gauge", value: { dataPoints: [{}, { attributes: [attribute] }] } } },
            {
              name: "h",
              data: {
                case: "histogram",
                value: { dataPoints: [{ count: 3n, sum: 4, bucketCounts: [1n, 2n], explicitBounds: [7] }] },
              },
            },
            {
              name: "e",
              data: {
                case: "exponentialHistogram",
                value: { dataPoints: [{ scale: -2, positive: { offset: -1, bucketCounts: [1n, 300n] } }] },
              },
            },
          ],
        },
      ],
    },
  ],
});
const bytes = toBinary(RequestSchema, request);

test("all of a request are counted, and no more than one past the most", () => {
  expect(countMessages(RequestSchema, bytes, 1_000, DEPTH)).toBe(made(request));
  expect(countMessages(RequestSchema, bytes, 10, DEPTH)).toBe(11);
  expect(countMessages(RequestSchema, new Uint8Array(), 10, DEPTH)).toBe(1);
});

test("fields are counted wherever they are: in messages, maps and lists, and unknown ones", () => {
  const device = create(DeviceSchema, {
    deviceId: "d",
    sensors: [{ metricName: "m", validMin: 0 }, {}],
    tags: { a: "1", b: "2" },
  });
  // The id, two sensors with two fields, two entries with a key and a value.
  const encoded = toBinary(DeviceSchema, device);
  expect(countFields(DeviceSchema, encoded, 100, DEPTH)).toBe(1 + 2 + 2 + 2 * 3);
  expect(countMessages(DeviceSchema, encoded, 100, DEPTH)).toBe(1 + 2 + 2);
  expect(countFields(DeviceSchema, encoded, 4, DEPTH)).toBe(5);
  const unknown = new BinaryWriter().tag(999, WireType.Varint).uint32(1).tag(998, WireType.LengthDelimited).string("x");
  expect(countFields(DeviceSchema, unknown.finish(), 100, DEPTH)).toBe(2);
  const buckets = { dataPoints: [{ bucketCounts: Array.from({ length: 50 }, () => 1n) }] };
  const metrics = [{ name: "h", data: { case: "histogram", value: buckets } } as const];
  const listed = toBinary(RequestSchema, create(RequestSchema, { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }));
  // Those above the list, the list itself, and its numbers.
  expect(countFields(RequestSchema, listed, 1_000, DEPTH)).toBe(6 + 1 + 50);
  const group = new BinaryWriter().tag(999, WireType.StartGroup).tag(999, WireType.EndGroup).finish();
  expect(() => countFields(DeviceSchema, group, 100, DEPTH)).toThrow("field 999 is a group");
});

test("whatever bytes are changed: what is counted is never less than what the decoder makes", () => {
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
  let both = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const changed = bytes.slice();
      for (const [at, byte] of changes) changed[at] = byte;
      const count = attempted(() => countMessages(RequestSchema, changed, 1_000, DEPTH));
      // Of what is counted the decoder may still refuse some: it judges texts and numbers, too.
      const found = attempted(() => made(fromBinary(RequestSchema, changed)));
      if (count === undefined || found === undefined) return;
      both++;
      expect(count).toBeGreaterThanOrEqual(found);
    }),
    { seed: 20_261_129, numRuns: 20_000 },
  );
  expect(both).toBeGreaterThan(1_000);
});

test("a number of another wire type, or one cut by its list's end, hides nothing", () => {
  const hidden = (content: (point: BinaryWriter) => void) => {
    const point = new BinaryWriter();
    content(point);
    const writer = new BinaryWriter();
    // ResourceMetrics, ScopeMetrics, Metric, ExponentialHistogram, its data point, Buckets.
    const path = [1, 2, 2, 10, 1, 8];
    for (const field of path) writer.tag(field, WireType.LengthDelimited).fork();
    writer.raw(point.finish());
    for (const _ of path) writer.join();
    return () => countMessages(RequestSchema, writer.finish(), 1_000, DEPTH);
  };
  expect(hidden((buckets) => buckets.tag(1, WireType.Varint).sint32(3))()).toBe(7);
  expect(hidden((buckets) => buckets.tag(1, WireType.LengthDelimited).bytes(new Uint8Array(9)))).toThrow("wire type 2");
  expect(hidden((buckets) => buckets.tag(2, WireType.LengthDelimited).bytes(new Uint8Array([1, 0x80])))).toThrow(
    "within a number",
  );
  expect(hidden((buckets) => buckets.tag(2, WireType.LengthDelimited).uint32(40))).toThrow();
});
