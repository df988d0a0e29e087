/** What goes from node to node arrives as it was sent, in messages of bounded size. */
import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  askBytes,
  askOf,
  COLUMNS_OF,
  keysAtOnce,
  PART_ROWS_MAX,
  partBytes,
  partOf,
  type SeriesPart,
  type SeriesReading,
} from "../../../src/cluster/history/series-part.ts";
import { QuerySeriesRequestSchema } from "../../../src/wire/gen/nodes_pb.ts";

const READINGS = Object.keys(COLUMNS_OF) as SeriesReading[];

/** Of a series: its rows, one after the other, over all messages. */
function rowsOf(parts: readonly SeriesPart[]): unknown[] {
  return parts.flatMap(({ slots, rows, columns }) => {
    let at = 0;
    return Array.from(slots, (slot, i) =>
      Array.from({ length: rows[i] }, () => {
        const cells = columns.map((column) => column[at]);
        at++;
        return [slot, ...cells];
      }),
    ).flat();
  });
}

test("parts", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...READINGS),
      fc.array(fc.tuple(fc.nat(1e6), fc.integer({ min: 1, max: 40 })), { maxLength: 20 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      (reading, series, factor, goesOn) => {
        const scale = factor === 3 ? PART_ROWS_MAX / 16 : 1;
        const counts = series.map(([, count]) => count * scale);
        const total = counts.reduce((sum, count) => sum + count, 0);
        const part: SeriesPart = {
          slots: Uint32Array.from(series, ([slot]) => slot),
          rows: Uint32Array.from(counts),
          columns: COLUMNS_OF[reading].map((_, column) =>
            Float64Array.from({ length: total }, (_, i) => i / 7 + column),
          ),
          ...{ resolutionUs: 60e6, isCoarse: goesOn, isDamaged: !goesOn, pointsRead: total },
          next: goesOn ? { slot: 7, fromUs: 12 } : null,
        };
        const messages = [...partBytes(part)].map((bytes) => partOf(Buffer.concat([bytes]), reading));
        expect(messages.every(({ columns }) => columns[0].length <= PART_ROWS_MAX)).toBeTrue();
        expect(messages.slice(0, -1).every(({ next, pointsRead }) => next === null && pointsRead === 0)).toBeTrue();
        expect(messages.at(-1)).toMatchObject({ next: part.next, pointsRead: total, isCoarse: goesOn });
        if (total < 2_000) expect(rowsOf(messages)).toEqual(rowsOf([part]));
        else expect(messages.map(({ columns }) => columns[0].length).reduce((a, b) => a + b)).toBe(total);
      },
    ),
    { numRuns: 60 },
  );
});

test("questions are of bounded size", () => {
  const sizes = (keys: readonly string[]) => {
    const all: number[] = [];
    for (let at = 0; at < keys.length; at += all.at(-1)!) all.push(keysAtOnce(keys, at));
    return all;
  };
  expect(sizes(new Array<string>(25_000).fill("k"))).toEqual([10_000, 10_000, 5_000]);
  expect(sizes(new Array<string>(250).fill("k".repeat(10_000)))).toEqual([100, 100, 50]);
  expect(sizes(["k".repeat(2_000_000), "k"])).toEqual([1, 1]);
});

test("questions, and what is no question", () => {
  const ask = { reading: "rows", fromUs: 1, toUs: 2, stepUs: 60e6, func: "p95", maxPoints: 3, asOfS: 0 } as const;
  const request = fromBinary(QuerySeriesRequestSchema, askBytes(["a", "b"], ask));
  expect(request.keys).toEqual(["a", "b"]);
  expect(askOf(request)).toMatchObject(ask);
  const { asOfS: _, ...now } = ask;
  expect(askOf(fromBinary(QuerySeriesRequestSchema, askBytes([], now))).asOfS).toBeUndefined();
  expect(() => askOf({ ...request, function: "mode" })).toThrow('function is "mode"');
  expect(() => askOf({ ...request, reading: 99 as never })).toThrow("reading is 99");
  expect(() => askOf({ ...request, keys: Array.from({ length: 10_001 }, String) })).toThrow("at most 10000");
  const [bytes] = partBytes({
    ...{ slots: Uint32Array.of(1), rows: Uint32Array.of(2), columns: [Float64Array.of(1, 2), Float64Array.of(3, 4)] },
    ...{ resolutionUs: 0, isCoarse: false, isDamaged: false, pointsRead: 2, next: null },
  });
  expect(() => partOf(bytes, "runs")).toThrow("4 cells in 8 columns of 2 rows");
});
