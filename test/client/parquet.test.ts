/** Parquet: what is written is read back to the bit; what other programs write is read, what is damaged is named. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { ParquetRows, type ParquetCompression } from "../../src/client/parquet-rows.ts";
import { readPoints, type BadLine, type LinePoint, type ReadOptions } from "../../src/client/point-file.ts";
import type { SeriesRows } from "../../src/client/point-text.ts";
import { tempDir } from "../support/server-process.ts";
import { exactly, exactRows, seriesRows } from "./nasty-rows.ts";

async function written(all: readonly SeriesRows[], compression: ParquetCompression): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const rows = new ParquetRows(async (bytes) => void parts.push(bytes), compression);
  for (const one of all) await rows.add(one);
  await rows.finish();
  return Buffer.concat(parts);
}

async function read(bytes: Uint8Array, options: ReadOptions = {}): Promise<string[]> {
  return (await pointsIn(bytes, options)).map(exactly);
}

async function pointsIn(bytes: Uint8Array, options: ReadOptions): Promise<LinePoint[]> {
  using dir = tempDir("parquet");
  const file = join(dir.path, "f.parquet");
  writeFileSync(file, bytes);
  return await Array.fromAsync(readPoints(file, options));
}

for (const compression of ["snappy", "gz", "zst", "none"] as const) {
  test(`packed with ${compression}, it is read back exactly`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(seriesRows, { minLength: 1, maxLength: 4 }), async (all) => {
        expect(await read(await written(all, compression))).toEqual(exactRows(all));
      }),
      { numRuns: 60 },
    );
  });
}

const COUNT = 210_000;
const long: SeriesRows = {
  metric: "m",
  source: "s",
  tags: { device: "d" },
  timesUs: Array.from({ length: COUNT }, (_, i) => 1_700_000_000_000_000 + i * 7),
  values: Array.from({ length: COUNT }, (_, i) => (i % 1_000) / 8),
};

test("row groups are written as they fill, and reading may begin at any row", async () => {
  const sizes: number[] = [];
  const rows = new ParquetRows(async (bytes) => void sizes.push(bytes.length), "zst");
  await rows.add(long);
  expect(sizes.length).toBe(2);
  const bytes = await written([long], "zst");
  const rest = await pointsIn(bytes, { fromLine: 199_999 });
  expect(rest.map(exactly)).toEqual(exactRows([long]).slice(199_998));
  expect([rest[0].line, rest.at(-1)!.line]).toEqual([199_999, COUNT]);
});

test("a file that was cut, or has other columns, is named with what is wrong", async () => {
  const bytes = await written([long], "snappy");
  for (const end of [5, 1_000, bytes.length - 1]) {
    await expect(read(bytes.subarray(0, end))).rejects.toThrow(/f\.parquet cannot be read: /);
  }
  const other = parquetWriteBuffer({ columnData: [{ name: "a", data: [1, 2], type: "INT32" }] });
  await expect(read(new Uint8Array(other))).rejects.toThrow(
    "its columns are a; wanted metric, value, timestamp and tags",
  );
  const torn = Buffer.from(bytes);
  torn.fill(0xff, 1_000, 50_000);
  await expect(read(torn)).rejects.toThrow(/f\.parquet cannot be read/);
});

test("what other programs write: times of any unit or none, whole numbers, a column for each tag", async () => {
  const columnData = [
    { name: "metric", data: ["m", "m", "m"], type: "STRING" as const },
    { name: "value", data: [1n, 2n, 3n], type: "INT64" as const },
    { name: "timestamp", data: [new Date(1), new Date(2), new Date(3)], type: "TIMESTAMP" as const },
    { name: "site", data: ["north", undefined, "south"], type: "STRING" as const, nullable: true },
  ];
  const bad: BadLine[] = [];
  const onBadLine = (one: BadLine) => bad.push(one);
  const point = (value: number, tags: Record<string, string>, timeUs: number) =>
    exactly({ metric: "m", value, tags, timeUs });
  expect(await read(new Uint8Array(parquetWriteBuffer({ columnData })), { onBadLine })).toEqual([
    point(1, { site: "north" }, 1_000),
    point(2, {}, 2_000),
    point(3, { site: "south" }, 3_000),
  ]);
  const late = parquetWriteBuffer({
    columnData: [
      { name: "metric", data: ["m", "m", "m"] },
      { name: "value", data: [1, 2, 3] },
      { name: "timestamp", data: [1_000n, 10n ** 18n, 2_000n] },
    ],
    schema: [
      { name: "root", num_children: 3 },
      { name: "metric", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
      { name: "value", type: "DOUBLE", repetition_type: "REQUIRED" },
      { name: "timestamp", type: "INT64", converted_type: "TIMESTAMP_MICROS", repetition_type: "REQUIRED" },
    ],
  });
  expect((await read(new Uint8Array(late), { onBadLine })).length).toBe(2);
  expect(bad.splice(0).map(({ line, reason }) => `${line} ${reason}`)).toEqual([
    "2 timestamp is 1000000000000000000 microseconds since 1970; wanted a time before the year 5138",
  ]);
  const seconds = { name: "timestamp", data: [1_767_225_600n, 1n, 2n], type: "INT64" as const };
  const metrics = { name: "metric", data: ["m", "", "m"], type: "STRING" as const };
  const [, values] = columnData;
  const guessed = parquetWriteBuffer({ columnData: [metrics, values, seconds] });
  expect((await read(new Uint8Array(guessed), { onBadLine })).length).toBe(2);
  expect(bad).toEqual([{ file: expect.any(String), line: 2, reason: 'metric is ""; wanted a name' }]);
});
