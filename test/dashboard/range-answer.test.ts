/** QueryRangeResponse written by hand, as bytes and as JSON, is what the generated code writes. */
import { fromBinary, toJsonString } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeRange } from "../../src/dashboard/encode-range.ts";
import {
  columnsOf,
  inPieces,
  type RangeAnswer,
  type RangeColumns,
  type RangeName,
} from "../../src/dashboard/range-answer.ts";
import { rangeJson } from "../../src/dashboard/range-json.ts";
import { QueryRangeResponseSchema } from "../../src/wire/gen/history_pb.ts";

const text = fc.string({ maxLength: 40, unit: "grapheme" }).map((each) => each.toWellFormed());
const name = fc.record({
  metric: text,
  source: text,
  tags: fc.dictionary(text, text, { maxKeys: 20 }),
  device: text,
  unit: text,
});
const series = fc.record({
  name,
  points: fc.array(fc.tuple(fc.maxSafeNat(), fc.double()), { minLength: 1, maxLength: 20 }),
});

test("any answer", () => {
  fc.assert(
    fc.property(
      fc.array(series, { maxLength: 8 }),
      fc.boolean(),
      fc.nat(),
      fc.array(text, { maxLength: 3 }),
      (all, haveSameTimes, resolutionMs, notes) => {
        if (haveSameTimes) for (const each of all) each.points = each.points.map(([, value], i) => [i * 1_000, value]);
        const answer = answerOf(all, resolutionMs * 1_000, notes);
        const message = fromBinary(QueryRangeResponseSchema, encodeRange(answer));
        expect(message).toMatchObject({
          pointsTotal: BigInt(all.flatMap(({ points }) => points).length),
          resolutionMs: BigInt(resolutionMs),
          notes,
          partial: notes.length > 2,
          missingNodes: notes.length > 2 ? notes : [],
        });
        expect(message.series).toMatchObject(
          all.map(({ name, points }) => ({
            ...name,
            timesMs: points.map(([timeUs]) => timeUs / 1_000),
            values: points.map(([, value]) => value),
          })),
        );
        expect([...rangeJson(answer)].join("")).toBe(toJsonString(QueryRangeResponseSchema, message));
      },
    ),
    { examples: [[[], false, 0, []]] },
  );
});

test("a long series is written in pieces that join", () => {
  const points = Array.from({ length: 20_000 }, (_, i): [number, number] => [
    i * 1_000,
    i % 5_000 === 0 ? NaN : i / 10,
  ]);
  const all = [{ name: { metric: "m", source: "s", tags: {}, device: "s", unit: "" }, points }];
  const answer = answerOf(all, 0, []);
  const pieces = [...rangeJson(answer)];
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(200_000);
  const message = fromBinary(QueryRangeResponseSchema, encodeRange(answer));
  expect(pieces.join("")).toBe(toJsonString(QueryRangeResponseSchema, message));
});

test("pieces hold all rows once, in order, each no more than may be", () => {
  fc.assert(
    fc.property(fc.array(series, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (all, rowsMax) => {
      const { result } = answerOf(all, 0, []);
      const rowsOf = (columns: RangeColumns) =>
        Array.from(columns.slots, (slot, i) => {
          const { timesUs, values } = columnsOf(columns, i);
          return Array.from(timesUs, (timeUs, row) => [slot, timeUs, values[row]]);
        }).flat();
      const pieces = [...inPieces(result, rowsMax)];
      expect(pieces.flatMap(rowsOf)).toEqual(rowsOf(result));
      const sizes = pieces.map(({ timesUs, offsets }) => [timesUs.length, offsets.at(-1)]);
      expect(sizes.filter(([rows, end]) => rows !== end || (rows as number) > rowsMax)).toEqual([]);
      expect(pieces.length).toBe(Math.max(1, Math.ceil(result.values.length / rowsMax)));
    }),
  );
});

interface Series {
  readonly name: RangeName;
  readonly points: readonly (readonly [timeUs: number, value: number])[];
}

function answerOf(all: readonly Series[], resolutionUs: number, notes: string[]): RangeAnswer {
  const offsets = [0];
  for (const { points } of all) offsets.push(offsets.at(-1)! + points.length);
  const points = all.flatMap((each) => each.points);
  const result = {
    slots: Uint32Array.from(all, (_, slot) => slot),
    offsets: Uint32Array.from(offsets),
    timesUs: Float64Array.from(points, ([timeUs]) => timeUs),
    values: Float64Array.from(points, ([, value]) => value),
  };
  const missingNodes = notes.length > 2 ? notes : [];
  return { result, resolutionUs, notes, isDamaged: notes.length > 1, missingNodes, nameOf: (slot) => all[slot].name };
}
