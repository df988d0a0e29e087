/** Batches by source, and up to which line a file is safe. */
import { expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ImportPlace } from "../../src/client/import-place.ts";
import { batchesBySource, type SourcedBatch } from "../../src/client/import.ts";
import type { LinePoint } from "../../src/client/point-file.ts";
import { BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

/** A point a line, of these sources; its value is its line. */
async function batches(sources: readonly (string | undefined)[], size: number, source?: string) {
  let line = 0;
  const bad: string[] = [];
  async function* points(): AsyncIterable<LinePoint> {
    for (const own of sources) {
      line++;
      yield { metric: "m", value: line, timeUs: line, line, ...(own === undefined ? {} : { source: own }) };
    }
  }
  const options = { size, source, onBad: (at: number, reason: string) => bad.push(`${at} ${reason}`) };
  const all: SourcedBatch[] = [];
  for await (const batch of batchesBySource(points(), options)) all.push(batch);
  return { all, bad };
}

const linesOf = ({ bytes }: SourcedBatch) => fromBinary(BatchDataSchema, bytes).points.map(({ value }) => value);
const sourceOf = ({ bytes }: SourcedBatch) => fromBinary(BatchDataSchema, bytes).source;

test("every point goes once under its own source, in order, and no line is called safe before it has gone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("a", "b", "", "d")),
      fc.integer({ min: 1, max: 7 }),
      async (sources, size) => {
        const { all } = await batches(sources, size);
        const gone = new Set<number>();
        for (const batch of all) {
          expect(linesOf(batch).every((line) => sources[line - 1] === sourceOf(batch))).toBe(true);
          for (const line of linesOf(batch)) gone.add(line);
          for (let line = 1; line < batch.safeLine; line++) expect(gone.has(line)).toBe(true);
        }
        if (sources.length > 0) expect(all.at(-1)!.safeLine).toBe(sources.length + 1);
        expect(gone.size).toBe(sources.length);
        for (const source of new Set(sources)) {
          const sent = all.filter((batch) => sourceOf(batch) === source).flatMap(linesOf);
          expect(sent).toEqual(sent.toSorted((a, b) => a - b));
        }
      },
    ),
  );
});

test("a source that says no more does not hold the file back", async () => {
  const { all } = await batches(["rare", ...Array.from({ length: 120_000 }, () => "often")], 5_000);
  const unsafe = all.map((batch, i) => linesOf(batch).at(-1)! - all[i].safeLine);
  expect(Math.max(...unsafe)).toBeLessThanOrEqual(50_000);
});

test("points without a source take the one given, or are told", async () => {
  expect((await batches([undefined], 5, "s")).all.map(sourceOf)).toEqual(["s"]);
  const { all, bad } = await batches(["a", undefined], 5);
  expect(all.map(linesOf)).toEqual([[1]]);
  expect(bad).toEqual(["2 has no source; wanted one, or --source for those that have none"]);
});

test("a place is kept once a second and at the end, for this file as it is, and is gone when all is done", async () => {
  using dir = tempDir("import");
  const file = join(dir.path, "f.jsonl");
  writeFileSync(file, "1\n");
  const clock = new ManualClock();
  const troubles: string[] = [];
  const open = (asked = {}, restart = false) =>
    ImportPlace.open({ file, asked, restart, clock, onTrouble: (sentence) => troubles.push(sentence) });
  const kept = () => (JSON.parse(readFileSync(`${file}.import-progress`, "utf8")) as { line: number }).line;
  {
    await using place = await open();
    expect(place.line).toBe(0);
    place.advance(5);
    expect(kept).toThrow();
    clock.advance(1_000);
    place.advance(7);
    place.advance(6);
  }
  expect(kept()).toBe(7);
  expect((await open()).line).toBe(7);
  expect((await open({ server: "other" })).line).toBe(0);
  expect((await open({}, true)).line).toBe(0);
  writeFileSync(file, "1\n2\n");
  expect((await open()).line).toBe(0);
  {
    await using place = await open();
    place.advance(2);
    place.isDone = true;
  }
  expect(kept).toThrow();
  {
    await using place = await ImportPlace.open({
      file: join(dir.path, "no/f"),
      asked: {},
      restart: false,
      onTrouble: (s) => troubles.push(s),
    });
    place.advance(2);
  }
  expect(troubles).toEqual([expect.stringContaining("f.import-progress cannot be written")]);
});

test("a batch is cut by its bytes too, and the point that did not fit is not called safe with it", async () => {
  let line = 0;
  async function* points(): AsyncIterable<LinePoint> {
    for (; line < 300;) yield { metric: "m", value: ++line, line, source: "s", tags: { text: "x".repeat(14_000) } };
  }
  const all: SourcedBatch[] = [];
  const options = { size: 5_000, source: undefined, onBad: () => {} };
  for await (const batch of batchesBySource(points(), options)) all.push(batch);
  expect(all.flatMap(linesOf)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  expect(all.length).toBeGreaterThan(1);
  for (const batch of all) {
    expect(batch.bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(batch.safeLine).toBe(linesOf(batch).at(-1)! + 1);
  }
});
