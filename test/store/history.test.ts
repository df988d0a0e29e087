/** What a chunk keeps of writes: superseded values beside the new ones, arrivals, each write once. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { BlockReader } from "../../src/store/block-reader.ts";
import { Catalog } from "../../src/store/catalog.ts";
import { RowBuffer } from "../../src/store/row-buffer.ts";
import { NOVEMBER_US, openStore, plain, recordOf, writeSegment, type Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const ARRIVAL_S = 1_800_000_000;

/** Value and arrival, in seconds after {@link ARRIVAL_S}, of every row of series 1 in order of block and position. */
function rowsIn(dir: string): [value: number, arrivalS: number][] {
  const fail = (sentence: string) => {
    throw new Error(sentence);
  };
  const catalog = new Catalog(dir, "points", 1e9, fail);
  const reader = new BlockReader(1e9, 1e9, fail);
  const rows = new RowBuffer();
  for (const block of catalog.all()) reader.appendChunk(block, 0, rows, true);
  catalog.close();
  return Array.from({ length: rows.length }, (_, i) => [rows.values[i], rows.arrivalsS[i] - ARRIVAL_S]);
}

function writesOf(values: readonly (readonly [value: number, arrivalS: number])[]): ArrayBuffer[] {
  return values.map(([value, arrivalS], i) => {
    const points: Point[] = [[1, NOVEMBER_US, value]];
    return recordOf(i + 1, points, { arrivalMs: (ARRIVAL_S + arrivalS) * 1000 });
  });
}

test("a superseded value stays before the one that replaced it, a repeat of the standing value does not", () => {
  using folder = tempDir("store");
  const open = openStore({ dir: folder.path });
  for (const record of writesOf([
    [1, 0],
    [2, 5],
    [2, 6],
    [1, 7],
    [-0, 8],
    [0, 9],
  ])) {
    open.store.absorb(record);
  }
  open.store.close();
  expect(rowsIn(folder.path)).toEqual([
    [1, 0],
    [2, 5],
    [1, 7],
    [-0, 8],
    [0, 9],
  ]);
});

test("writes that are sealed again after crashes, in any cut, are merged into each write once", () => {
  using folder = tempDir("store");
  const writes = [
    [1, 0],
    [2, 1],
    [3, 2],
    [1, 3],
  ] as const;
  const path = join(folder.path, "log-1.wal");
  for (const sealedOf of [[4], [1, 3, 4], [2, 4], [3]]) {
    const segments = [writeSegment(path, [])];
    const open = openStore({ dir: folder.path, segments });
    const records = writesOf(writes);
    for (let i = 0; i < 4; i++) {
      open.store.absorb(records[i]);
      if (sealedOf.includes(i + 1)) open.seal();
    }
    const range = { seriesIds: Uint32Array.of(1) };
    expect(plain(open.range(range))).toEqual([[[NOVEMBER_US, 1]]]);
    // What is left in the head is lost with the crash here; the log would bring it back, as the next round does.
  }
  const open = openStore({ dir: folder.path });
  for (const record of writesOf(writes)) open.store.absorb(record);
  open.seal();
  open.compact();
  open.store.close();
  expect(rowsIn(folder.path)).toEqual(writes.map(([value, arrivalS]) => [value, arrivalS]));
});
