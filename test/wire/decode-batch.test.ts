/** The hot decoder reads what the generated decoder reads, on valid, cut and damaged bytes. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BATCH_POINTS_MAX } from "../../src/model/limits.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { BatchDecoder } from "../../src/wire/decode-batch.ts";
import { TIME_INVALID, TIME_MISSING, type BatchRows } from "../../src/wire/decoded-batch.ts";
import { BatchDataSchema, type BatchData } from "../../src/wire/gen/ingestion_pb.ts";
import { SeriesCache } from "../../src/wire/series-cache.ts";

interface Row {
  key: string;
  timeUs: number;
  value: number;
  id: string;
}

/** A decoder whose series are numbered by canonical key. */
function decoderWithKeys() {
  const keys = [""];
  const ids = new Map<string, number>();
  const resolve = (metric: string, source: string, tags: readonly (readonly [string, string])[]) => {
    const key = seriesKey(metric, source, tags);
    let id = ids.get(key);
    if (id === undefined) {
      id = keys.push(key) - 1;
      ids.set(key, id);
    }
    return id;
  };
  return { decoder: new BatchDecoder(resolve, new SeriesCache(7)), keys };
}

function rowsOfGenerated(batch: BatchData): Row[] {
  return batch.points.map(({ metricName, tags, timestamp, value, id }) => {
    const nanosFit = timestamp !== undefined && timestamp.nanos >= 0 && timestamp.nanos <= 999_999_999;
    const timeUs = !timestamp
      ? TIME_MISSING
      : nanosFit
        ? Number(timestamp.seconds) * 1_000_000 + Math.floor(timestamp.nanos / 1_000)
        : TIME_INVALID;
    return { key: seriesKey(metricName, batch.source, Object.entries(tags)), timeUs, value, id };
  });
}

const room = roomForBatch();

/** Not at the start of its columns. */
function roomForBatch(at = 7): BatchRows {
  const rows = at + BATCH_POINTS_MAX;
  return { at, seriesIds: new Uint32Array(rows), timesUs: new Float64Array(rows), values: new Float64Array(rows) };
}

function rowsOfHot(bytes: Uint8Array, { decoder, keys } = decoderWithKeys()): Row[] | string {
  const batch = decoder.decode(bytes, room);
  if (batch.kind === "unusable") return batch.reason;
  const { at } = batch;
  return Array.from({ length: batch.count }, (_, i) => ({
    key: batch.reasons.get(i) ?? keys[batch.seriesIds[at + i]],
    timeUs: batch.timesUs[at + i],
    value: batch.values[at + i],
    id: batch.pointId(i),
  }));
}

// U+FEFF is text, though decoders of files take it away at the start.
const name = fc
  .oneof(
    { weight: 20, arbitrary: fc.string({ maxLength: 12, unit: "binary" }) },
    { weight: 1, arbitrary: fc.constantFrom("\ufeff", "\ufeffa") },
  )
  .map((s) => s.replaceAll("\0", "0").toWellFormed());
const point = fc.record({
  id: name,
  metricName: name,
  value: fc.double(),
  tags: fc.dictionary(
    name.filter((key) => key !== "__proto__"),
    name,
    { maxKeys: 4 },
  ),
  timestamp: fc.option(
    fc.record({
      seconds: fc.oneof(fc.bigInt(-(2n ** 40n), 2n ** 40n), fc.constant(0n)),
      nanos: fc.oneof(fc.integer({ min: 0, max: 999_999_999 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    }),
    { nil: undefined },
  ),
});
const batch = fc
  .record({ points: fc.array(point, { maxLength: 6 }), batchId: name, source: name })
  .map(({ points, ...rest }) => {
    return create(BatchDataSchema, {
      ...rest,
      points: points.map(({ timestamp, ...p }) => (timestamp === undefined ? p : { ...p, timestamp })),
    });
  });

/** Field number to wire type of the messages of a batch; the generated decoder does not look at wire types. */
type Shape = { [field: number]: 0 | 1 | Shape | "text" };
const STAMP: Shape = { 1: 0, 2: 0 };
const TAG: Shape = { 1: "text", 2: "text" };
const POINT: Shape = { 1: "text", 2: "text", 3: 1, 4: TAG, 5: STAMP };
const BATCH: Shape = { 1: POINT, 2: "text", 3: "text" };

/**
 * Whether every known field has the wire type it should, and lies within its message: the generated decoder looks at
 * neither, where the hot one is strict.
 */
function isWellShaped(bytes: Uint8Array, shape: Shape): boolean {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const b = bytes[at++];
      value |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return Number(value & 0xffffffffn);
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const wireType = tag % 8;
    const wanted = shape[Math.floor(tag / 8)];
    if (wanted !== undefined && wireType !== (typeof wanted === "number" ? wanted : 2)) return false;
    if (wireType === 0) {
      if (Number.isNaN(varint())) return false;
    } else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const end = varint() + at;
      if (!(end <= bytes.length)) return false;
      if (typeof wanted === "object" && !isWellShaped(bytes.subarray(at, end), wanted)) return false;
      at = end;
    } else return false;
  }
  return at === bytes.length;
}

function expectSameAsGenerated(bytes: Uint8Array): void {
  const hot = rowsOfHot(bytes);
  if (!isWellShaped(bytes, BATCH)) return;
  let generated: Row[] | undefined;
  try {
    generated = rowsOfGenerated(fromBinary(BatchDataSchema, bytes));
  } catch {
    generated = undefined;
  }
  if (generated !== undefined) expect(hot).toEqual(generated);
}

describe("equal to the generated decoder", () => {
  test("on valid batches, seen for the first time and again", () => {
    fc.assert(
      fc.property(batch, (message) => {
        const bytes = toBinary(BatchDataSchema, message);
        const expected = rowsOfGenerated(fromBinary(BatchDataSchema, bytes));
        const hot = decoderWithKeys();
        expect(rowsOfHot(bytes, hot)).toEqual(expected);
        expect(rowsOfHot(bytes, hot)).toEqual(expected);
      }),
      { numRuns: 400 },
    );
  });

  test("on batches cut at every byte: the same, or refused by both", () => {
    fc.assert(
      fc.property(batch, (message) => {
        const bytes = toBinary(BatchDataSchema, message);
        for (let end = 0; end < bytes.length; end++) {
          const cut = bytes.subarray(0, end);
          let generatedFails = false;
          try {
            fromBinary(BatchDataSchema, cut);
          } catch {
            generatedFails = true;
          }
          const hot = rowsOfHot(cut);
          if (generatedFails && typeof hot !== "string") throw new Error(`cut at ${end}: only the hot decoder took it`);
          expectSameAsGenerated(cut);
        }
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });

  test("on batches with bytes changed and on random bytes", () => {
    fc.assert(
      fc.property(
        batch,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (message, changes) => {
          const bytes = toBinary(BatchDataSchema, message);
          if (bytes.length > 0) for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          expectSameAsGenerated(bytes);
        },
      ),
      { numRuns: 800, endOnFailure: true },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => expectSameAsGenerated(bytes)),
      { numRuns: 800, endOnFailure: true },
    );
  });

  test("on points split in halves on the wire: later fields win, timestamps merge, tags add up", () => {
    fc.assert(
      fc.property(batch, batch, (one, other) => {
        const both = new Uint8Array([...toBinary(BatchDataSchema, one), ...toBinary(BatchDataSchema, other)]);
        expectSameAsGenerated(both);
      }),
      { numRuns: 200 },
    );
  });
});

test("the same series in every order of its tags is one series", () => {
  const hot = decoderWithKeys();
  const tags = ["a", "b", "c", "d"];
  const orders = permutations(tags);
  const ids = new Set<number>();
  for (const order of orders) {
    const bytes = toBinary(
      BatchDataSchema,
      create(BatchDataSchema, {
        source: "s",
        points: [{ metricName: "m", tags: Object.fromEntries(order.map((t) => [t, `${t}1`])), value: 1 }],
      }),
    );
    const decoded = hot.decoder.decode(bytes, room);
    if (decoded.kind === "unusable") throw new Error(decoded.reason);
    ids.add(decoded.seriesIds[decoded.at]);
  }
  expect(orders.length).toBe(24);
  expect([...ids]).toEqual([1]);
});

test("the source, which stands behind the points, names their series", () => {
  const hot = decoderWithKeys();
  const of = (source: string) =>
    rowsOfHot(toBinary(BatchDataSchema, create(BatchDataSchema, { source, points: [{ metricName: "m" }] })), hot);
  expect([of("one"), of("two"), of("one")].map((rows) => (rows as Row[])[0].key)).toEqual([
    "m\0one",
    "m\0two",
    "m\0one",
  ]);
});

test("10,001 points are refused as a batch, by number", () => {
  const points = Array.from({ length: 10_001 }, () => ({ metricName: "m" }));
  expect(rowsOfHot(toBinary(BatchDataSchema, create(BatchDataSchema, { points })))).toBe(
    "the batch has 10001 points; wanted at most 10000",
  );
});

test("a point with a million tags costs only itself", () => {
  const entry = [0x22, 0x06, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62];
  const pointBytes = new Uint8Array(3 + entry.length * 1_000_000);
  pointBytes.set([0x12, 0x01, 0x6d]);
  for (let i = 0; i < 1_000_000; i++) pointBytes.set(entry, 3 + i * entry.length);
  const length = pointBytes.length;
  const prefix = [
    0x0a,
    (length & 0x7f) | 0x80,
    ((length >> 7) & 0x7f) | 0x80,
    ((length >> 14) & 0x7f) | 0x80,
    length >> 21,
  ];
  const good = toBinary(BatchDataSchema, create(BatchDataSchema, { points: [{ metricName: "good", value: 1 }] }));
  const bytes = new Uint8Array(prefix.length + length + good.length);
  bytes.set(prefix);
  bytes.set(pointBytes, prefix.length);
  bytes.set(good, prefix.length + length);
  const rows = rowsOfHot(bytes) as Row[];
  expect(rows.map((row) => row.key)).toEqual(["has more than 1000 tags", "good\0"]);
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
