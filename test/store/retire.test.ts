/** Deleted series in the store: their points go from the head, from blocks, with the space they took; others stay. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { BlockReader } from "../../src/store/block-reader.ts";
import { Catalog } from "../../src/store/catalog.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { tempDir } from "../support/server-process.ts";
import {
  DECEMBER_US,
  Model,
  NOVEMBER_US,
  openStore,
  plain,
  plainLatest,
  randomOf,
  recordOf,
  SHORTEST_SLICE,
  type Point,
} from "./harness.ts";

const IDS = Uint32Array.from({ length: 30 }, (_, i) => i + 1);
const GONE = [3, 4, 17];

function readings(seed: number, count: number): Point[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (): Point => {
    const timeUs = NOVEMBER_US + Math.floor((DECEMBER_US - NOVEMBER_US) * 1.5 * random());
    return [1 + Math.floor(random() * 30), timeUs, random()];
  });
}

/** Ids that stand in the blocks of a closed store. */
function storedIds(dir: string): number[] {
  const catalog = new Catalog(dir, "points", 2 ** 30, () => {});
  const reader = new BlockReader(2 ** 20, 2 ** 20, () => {});
  const ids = new Set([...catalog.all()].flatMap((block) => [...reader.index(block)!.seriesIds]));
  catalog.close();
  return [...ids].sort((a, b) => a - b);
}

const left = (ids: Iterable<number>) => [...ids].filter((id) => !GONE.includes(id));

test("go from blocks and from the head, in the background and at every later writing; the rest stays as it was", () => {
  using folder = tempDir("retire");
  const model = new Model();
  {
    using open = openStore({ dir: folder.path });
    for (let seq = 1; seq <= 7; seq++) {
      const points = readings(seq, 400);
      model.write(points);
      open.store.absorb(recordOf(seq, points));
      if (seq < 7) open.seal();
    }
    const before = open.store.stats();
    open.store.retire(Uint32Array.from(GONE));
    runToEnd(open.store.maintain(SHORTEST_SLICE));
    expect(open.store.stats().chunkPoints).toBeLessThan(before.chunkPoints);
    expect(open.store.stats().rewrites.purge).toBeGreaterThan(before.rewrites.purge);
    const late = GONE.map((id): Point => [id, NOVEMBER_US, 1]);
    open.store.absorb(recordOf(8, late));
    open.seal();
    for (const id of GONE) model.series.delete(id);
    expect(plain(open.range({ seriesIds: IDS }))).toEqual([...IDS].map((id) => model.points(id, 0, Infinity)));
    expect([open.damage, open.trouble]).toEqual([[], []]);
  }
  expect(storedIds(folder.path)).toEqual(left(IDS));
  using again = openStore({ dir: folder.path, retired: Uint32Array.from(GONE) });
  expect(plainLatest(again.opened)).toEqual(model.latest());
});

test("that a crash kept from going go after the next start", () => {
  using folder = tempDir("retire");
  {
    using open = openStore({ dir: folder.path });
    open.store.absorb(recordOf(1, readings(1, 500)));
  }
  expect(storedIds(folder.path)).toEqual([...IDS]);
  {
    using open = openStore({ dir: folder.path, retired: Uint32Array.from(GONE) });
    expect(plainLatest(open.opened).map(([id]) => id)).toEqual(left(IDS));
    open.settle();
  }
  expect(storedIds(folder.path)).toEqual(left(IDS));
});

test("give their space back, and an empty file is left where all of it was theirs", () => {
  using folder = tempDir("retire");
  const path = join(folder.path, "points-2026-11.db");
  const random = randomOf(5);
  using open = openStore({ dir: folder.path });
  const points = Array.from({ length: 90_000 }, (_, i): Point => [1 + (i % 3), NOVEMBER_US + i * 1_000, random()]);
  open.store.absorb(recordOf(1, points));
  open.seal();
  const { size } = statSync(path);
  open.store.retire(Uint32Array.of(1, 2));
  open.settle();
  expect(statSync(path).size).toBeLessThan(size * 0.4);
  expect(open.store.stats().chunkPoints).toBe(30_000);
  open.store.retire(Uint32Array.of(3));
  open.settle();
  expect(open.store.stats()).toMatchObject({ blocks: 0, chunkPoints: 0 });
  expect(statSync(path).size).toBeLessThan(40_000);
});

test("are not read by a query that began before, nor kept by it for ever", () => {
  using folder = tempDir("retire");
  using open = openStore({ dir: folder.path });
  open.store.absorb(recordOf(1, readings(1, 5_000)));
  open.seal();
  const query = { seriesIds: IDS, fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e9 };
  const asked = open.store.range(query, SHORTEST_SLICE);
  asked.next();
  open.store.retire(Uint32Array.from(GONE));
  open.settle();
  let step = asked.next();
  while (!step.done) step = asked.next();
  const answer = plain(step.value, IDS.length);
  expect(answer[0].length).toBeGreaterThan(100);
  open.settle();
  const database = new Database(join(folder.path, "points-2026-11.db"), { readonly: true });
  const count = (table: string) => Object.values(database.query(`SELECT count(*) FROM ${table}`).get()!)[0];
  expect(count("content")).toBe(count("block"));
  database.close();
});

test("leave a damaged block as it is: it is named once, and maintenance comes to an end", () => {
  using folder = tempDir("retire");
  {
    using open = openStore({ dir: folder.path });
    open.store.absorb(recordOf(1, readings(1, 500)));
  }
  const database = new Database(join(folder.path, "points-2026-11.db"), { readwrite: true });
  database.run("UPDATE content SET body = zeroblob(length(body))");
  database.close();
  using open = openStore({ dir: folder.path, retired: Uint32Array.from(GONE) });
  const { blocks } = open.store.stats();
  open.settle();
  open.settle();
  expect(open.store.stats().blocks).toBe(blocks);
  expect(open.damage).toEqual([expect.stringContaining("points-2026-11.db, block 1")]);
});
