/** A request read one data point after the other is what it is when it is decoded as a whole. */
import { create, fromBinary, fromJsonString, toBinary, toJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { pointsInJson } from "../../../src/ingestion/doors/otlp-json.ts";
import { pointsIn, type FoundPoint } from "../../../src/ingestion/doors/otlp-request.ts";
import { ExportMetricsServiceRequestSchema as RequestSchema } from "../../../src/wire/gen/opentelemetry/metrics_service_pb.ts";
import { pointsOf } from "./otlp-message.ts";
import "../../support/seed.ts";

type Init = MessageInitShape<typeof RequestSchema>;

const text = fc.string({ unit: "grapheme", maxLength: 6 });
const count = fc.bigInt({ min: 0n, max: 2n ** 40n });
const attribute = fc.record({
  key: text,
  value: fc.option(
    fc.record({
      value: fc.oneof(
        text.map((value) => ({ case: "stringValue" as const, value })),
        fc.boolean().map((value) => ({ case: "boolValue" as const, value })),
        fc.double().map((value) => ({ case: "doubleValue" as const, value })),
      ),
    }),
    { nil: undefined },
  ),
});
const common = { attributes: fc.array(attribute, { maxLength: 3 }), timeUnixNano: count, flags: fc.nat({ max: 3 }) };
const number = fc.record({
  ...common,
  value: fc.double().map((value) => ({ case: "asDouble" as const, value })),
});
const histogram = fc.record({
  ...common,
  count,
  bucketCounts: fc.array(count, { maxLength: 4 }),
  explicitBounds: fc.array(fc.double(), { maxLength: 4 }),
});
const exponential = fc.record({
  ...common,
  scale: fc.integer({ min: -10, max: 20 }),
  positive: fc.record({ offset: fc.integer(), bucketCounts: fc.array(count, { maxLength: 4 }) }),
});
const summary = fc.record({
  ...common,
  quantileValues: fc.array(fc.record({ quantile: fc.double(), value: fc.double() }), { maxLength: 3 }),
});
const points = <T>(of: fc.Arbitrary<T>) => fc.record({ dataPoints: fc.array(of, { maxLength: 4 }) });
const data = fc.oneof(
  points(number).map((value) => ({ case: "gauge" as const, value })),
  points(number).map((value) => ({ case: "sum" as const, value })),
  points(histogram).map((value) => ({ case: "histogram" as const, value })),
  points(exponential).map((value) => ({ case: "exponentialHistogram" as const, value })),
  points(summary).map((value) => ({ case: "summary" as const, value })),
);
const metric = fc.record({ name: text, data: fc.option(data, { nil: undefined }) });
const scope = fc.record({ metrics: fc.array(metric, { maxLength: 3 }) });
const resource = fc.record({ attributes: fc.array(attribute, { maxLength: 3 }) });
const request = fc
  .array(
    fc.record({ resource: fc.option(resource, { nil: undefined }), scopeMetrics: fc.array(scope, { maxLength: 3 }) }),
    { maxLength: 3 },
  )
  .map((resourceMetrics) => create(RequestSchema, { resourceMetrics } as Init));

function found(all: Iterable<FoundPoint | undefined>): FoundPoint[] {
  return [...all].filter((each) => each !== undefined);
}

test("any request", () => {
  const property = fc.property(request, (message) => {
    const bytes = toBinary(RequestSchema, message);
    expect(found(pointsIn(bytes))).toEqual(found(pointsOf(fromBinary(RequestSchema, bytes))));
    for (const useProtoFieldName of [false, true]) {
      const json = toJsonString(RequestSchema, message, { useProtoFieldName });
      expect(found(pointsInJson(Buffer.from(json)))).toEqual(found(pointsOf(fromJsonString(RequestSchema, json))));
    }
  });
  fc.assert(property, { numRuns: 500 });
});

test("whatever bytes are changed, it ends, and what it fails with is an error in words", () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  let failures = 0;
  const property = fc.property(request, fc.array(change, { minLength: 1, maxLength: 3 }), (message, changes) => {
    const bytes = toBinary(RequestSchema, message);
    if (bytes.length === 0) return;
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    try {
      for (const each of found(pointsIn(bytes))) if (typeof each.point === "string") failures++;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      expect(error.message).not.toBe("");
      failures++;
    }
  });
  fc.assert(property, { numRuns: 2_000 });
  expect(failures).toBeGreaterThan(500);
});

/** Bytes at the end of a path of fields. */
function at(path: readonly number[], content: Uint8Array): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of path) writer.tag(field, WireType.LengthDelimited).fork();
  writer.raw(content);
  for (const _ of path) writer.join();
  return writer.finish();
}

const DATA_POINT = [1, 2, 2, 10, 1];
const BUCKETS = [...DATA_POINT, 8, 2];

test("a resource behind its metrics, and a name behind its data, count all the same", () => {
  const bytes = toBinary(
    RequestSchema,
    create(RequestSchema, {
      resourceMetrics: [{ resource: { attributes: [{ key: "k" }] }, scopeMetrics: [{ metrics: [{ name: "m", data: { case: "gauge", value: { dataPoints: [{}] } } }] }] }], // prettier-ignore
    }),
  );
  const inner = bytes.subarray(2);
  // Resource: two bytes of head and what it holds; then the scope.
  const cut = 2 + inner[1];
  const turned = at([1], Buffer.concat([inner.subarray(cut), inner.subarray(0, cut)]));
  expect(found(pointsIn(turned))).toEqual(found(pointsIn(bytes)));
});

test("a data point that would become far more than any is, and one that ends within a number, cost only themselves", () => {
  const [large] = found(pointsIn(at(BUCKETS, new Uint8Array(3_000_000).fill(1))));
  expect(large.point).toMatch(/^cannot be read: it has 3000\d\d\d bytes; wanted at most 65536$/);
  const [few] = found(pointsIn(at(BUCKETS, new Uint8Array(1_000).fill(1))));
  expect(few.point).toMatchObject({ positive: { bucketCounts: Array.from({ length: 1_000 }, () => 1n) } });
  const two = Buffer.concat([
    at(DATA_POINT, Uint8Array.of(0x42, 4, 0x12, 2, 1, 0x80)),
    at(DATA_POINT, Uint8Array.of()),
  ]);
  expect(found(pointsIn(two)).map(({ point }) => typeof point)).toEqual(["string", "object"]);
  const attributes = at([1, 1, 1], new Uint8Array(70_000));
  const point = at(DATA_POINT, Uint8Array.of());
  const both = at([1], Buffer.concat([attributes.subarray(4), point.subarray(2)]));
  const [refused] = found(pointsIn(both));
  expect(refused.point).toMatch(/^its resource cannot be read: it has 700\d\d bytes/);
});

test("a request of fields that mean nothing is not read to its end", () => {
  for (const unit of [Uint8Array.of(0x10, 0), Uint8Array.of(0x7a, 0)]) {
    expect(found(pointsIn(Buffer.alloc(2 * 10_000, unit)))).toEqual([]);
    const more = Buffer.alloc(2 * 10_001, unit);
    for (const path of [[], [1], [1, 2], [1, 2, 2], [1, 2, 2, 5]]) {
      expect(() => found(pointsIn(at(path, more)))).toThrow("more than 10000 fields of no meaning");
    }
  }
});

test("what holds no points is left between two turns like what does", () => {
  const empty = Buffer.alloc(2 * 1_000, Uint8Array.of(0x0a, 0));
  expect([...pointsIn(empty)]).toEqual(Array.from({ length: 1_000 }, () => undefined));
});

test("what is there far more often than in any request is looked through in steps", () => {
  const [resource, metric] = [[1], [1, 2, 2]];
  // Resources of one request for points, names of one metric, and its empty gauges.
  for (const [path, field] of [
    [resource, 1],
    [metric, 1],
    [metric, 5],
  ] as const) {
    const many = Buffer.alloc(200_000, Uint8Array.of(8 * field + 2, 0));
    expect([...pointsIn(at(path, many))].length).toBeGreaterThan(100);
  }
});

function inJson(value: unknown): FoundPoint[] {
  return found(pointsInJson(Buffer.from(JSON.stringify(value))));
}

test("JSON that is no request is refused in words, and a data point that cannot be read costs only itself", () => {
  const wrong: [unknown, string][] = [
    [[], "what should hold resourceMetrics is no object"],
    [null, "what should hold resourceMetrics is no object"],
    [{ resourceMetrics: {} }, "resourceMetrics is no list"],
    [{ resourceMetrics: [3] }, "what should hold resource is no object"],
    [{ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 5, sum: {} }] }] }] }, "name is number; wanted text"],
  ];
  for (const [value, told] of wrong) expect(() => inJson(value)).toThrow(told);
  expect(inJson({ resourceMetrics: null, other: [1] })).toEqual([]);
  const metrics = (dataPoints: unknown[]) => ({ scopeMetrics: [{ metrics: [{ name: "m", gauge: { dataPoints } }] }] });
  const points = inJson({ resourceMetrics: [metrics([{ asDouble: "x" }, 7, { asDouble: 7, attributes: "" }, {}])] });
  expect(points.map(({ point }) => typeof point)).toEqual(["string", "string", "string", "object"]);
  const long = { positive: { bucketCounts: Array.from({ length: 10_001 }, () => 1) } };
  const metric = { name: "m", exponential_histogram: { data_points: [long] } };
  const [refused] = inJson({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] });
  expect(refused.point).toBe("cannot be read: bucketCounts has 10001 elements; wanted at most 10000");
  const deep = { key: "k", value: { arrayValue: { values: Array.from({ length: 50_001 }, () => ({})) } } };
  const [first, after] = inJson({ resourceMetrics: [metrics([{ attributes: [deep] }, { asDouble: 1 }])] });
  expect(first.point).toBe("cannot be read: it has more than 50000 values; wanted at most so many");
  expect(typeof after.point).toBe("object");
  const [faulty] = inJson({ resourceMetrics: [{ resource: { attributes: 5 }, ...metrics([{ asDouble: 1 }]) }] });
  expect(faulty.point).toStartWith("its resource cannot be read: ");
});

test("whatever the JSON is, it ends, and what it fails with is an error in words", () => {
  const key = fc.constantFrom("resourceMetrics", "resource", "scopeMetrics", "metrics", "name", "gauge", "dataPoints");
  const json = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 8 },
      fc.constantFrom(null, true, 1, "x"),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(key, tie("any"), { maxKeys: 4 }),
    ),
  })).any;
  const property = fc.property(
    fc.oneof(
      json.map((each) => JSON.stringify(each)),
      fc.string(),
    ),
    (given) => {
      try {
        found(pointsInJson(Buffer.from(given)));
      } catch (error) {
        if (!(error instanceof Error) || error.message === "") throw error;
      }
    },
  );
  fc.assert(property, { numRuns: 1_000 });
});
