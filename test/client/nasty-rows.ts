/** Rows with everything that a series may be called and a point may hold. */
import fc from "fast-check";
import type { Point } from "../../src/client/batch.ts";
import type { SeriesRows } from "../../src/client/point-text.ts";
import { seriesKey } from "../../src/model/series-key.ts";

const KEYS = ["metric", "value", "source", "timestamp", "time", "id", "tags", "device", "__proto__", "a,b", 'say "x"'];
const TEXTS = [
  "",
  " ",
  "plain",
  "a,b",
  '"',
  '""',
  "\n",
  "\r\n",
  "x\ry",
  "\u2028\u2029",
  "\ufeffx",
  "{}",
  '{"a":"b"}',
  "😀é",
];
const VALUES = [-0, 0, 5e-324, -5e-324, 1e308, Number.MAX_VALUE, Number.EPSILON, 0.1, 1 / 3, 1e21, 1e-7, 2 ** 53];

const word = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !text.includes("\0"));
const text = fc.oneof(fc.constantFrom(...TEXTS), word);
const key = fc.oneof(fc.constantFrom(...KEYS), word).filter((name) => name !== "");
const value = fc.oneof(fc.constantFrom(...VALUES), fc.double({ noNaN: true, noDefaultInfinity: true }));
/** To 2255; the wire carries milliseconds as doubles, which hold microseconds to 2248. */
export const timeUs = fc.oneof(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.constantFrom(0, 1, 999, 1_000));

export const seriesRows: fc.Arbitrary<SeriesRows> = fc
  .record({
    metric: fc.constantFrom("m", "a.b_c", "Z9"),
    source: text,
    tags: fc.array(fc.tuple(key, text), { maxLength: 5 }).map((tags) => Object.fromEntries(tags)),
    rows: fc.array(fc.tuple(timeUs, value), { minLength: 1, maxLength: 20 }),
  })
  .map(({ rows, ...names }) => {
    const distinct = [...new Map(rows).entries()].sort(([a], [b]) => a - b);
    return { ...names, timesUs: distinct.map(([us]) => us), values: distinct.map(([, double]) => double) };
  });

/** A point as a line that is equal for equal points only. */
export function exactly({ metric, source = "(none)", tags = {}, timeUs: us, value: double }: Point): string {
  const bits = new BigUint64Array(Float64Array.of(double).buffer)[0].toString(16);
  return JSON.stringify([seriesKey(metric, source, Object.entries(tags)), us, bits]);
}

export function exactRows(all: readonly SeriesRows[]): string[] {
  return all.flatMap(({ metric, source, tags, timesUs, values }) =>
    values.map((double, i) => exactly({ metric, source, tags, timeUs: timesUs[i], value: double })),
  );
}

/** Bytes in chunks of `size`. */
export async function* inChunks(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
