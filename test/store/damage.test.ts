/** Damage is named, never served, and served around; what a later version wrote is refused. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DECEMBER_US, Model, NOVEMBER_US, openStore, plain, randomOf, recordOf } from "./harness.ts";
import type { Opened, Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const NOVEMBER_FILE = "points-2026-11.db";
const DECEMBER_FILE = "points-2026-12.db";
const SERIES = 30;
const seriesIds = Uint32Array.from({ length: SERIES }, (_, i) => i + 1);

/** Seals several times into two months, without merging. */
function fill(dir: string): Model {
  const model = new Model();
  const random = randomOf(5);
  using open = openStore({ dir });
  for (let seq = 1; seq <= 6; seq++) {
    const points: Point[] = [];
    for (let i = 0; i < 60; i++) {
      for (const id of seriesIds) {
        const monthUs = i % 3 === 0 ? DECEMBER_US : NOVEMBER_US;
        points.push([id, monthUs + (seq * 60 + i) * 10e6, Math.floor(random() * 5000) / 100]);
      }
    }
    model.write(points);
    open.store.absorb(recordOf(seq, points));
    void open.store.seal();
    const work = open.store.maintain({ over: () => true });
    while (open.store.mustSeal) work.next();
    work.return();
  }
  return model;
}

/**
 * How much of the model the store answers. Fails on a point that was never written so, and where some are missing and the
 * answer does not say so.
 */
function served(open: Opened, model: Model): number {
  let points = 0;
  const answer = open.range({ seriesIds });
  for (const [at, rows] of (plain(answer) as [number, number][][]).entries()) {
    const written = model.series.get(seriesIds[at])!;
    for (const [timeUs, value] of rows) {
      if (written.get(timeUs) !== value) throw new Error(`series ${seriesIds[at]} had no ${value} at ${timeUs}`);
      points++;
    }
  }
  if (points < pointsOf(model)) expect(answer.isDamaged).toBe(true);
  return points;
}

function pointsOf(model: Model): number {
  return [...model.series.values()].reduce((sum, times) => sum + times.size, 0);
}

/** New points go in, are sealed and merged, and stay, whatever is damaged. */
function stillWorks(dir: string, open: Opened): void {
  const points: Point[] = [
    [100, NOVEMBER_US, 1],
    [100, DECEMBER_US, 2],
  ];
  open.store.absorb(recordOf(100, points));
  open.seal();
  open.settle();
  const query = { seriesIds: Uint32Array.of(100) };
  const expected = [points.map(([, timeUs, value]): [number, number] => [timeUs, value])];
  expect(plain(open.range(query))).toEqual(expected);
  open.store.close();
  using again = openStore({ dir });
  expect(plain(again.range(query))).toEqual(expected);
}

test("a flipped bit anywhere in a period file loses nothing unsaid, and nothing wrong is served", () => {
  using whole = tempDir("store");
  const model = fill(whole.path);
  const all = pointsOf(model);
  const original = readFileSync(join(whole.path, NOVEMBER_FILE));
  const random = randomOf(9);
  let named = 0;
  let lost = 0;
  for (let round = 0; round < 120; round++) {
    using folder = tempDir("store");
    copyFileSync(join(whole.path, DECEMBER_FILE), join(folder.path, DECEMBER_FILE));
    const bytes = Buffer.from(original);
    // Every other one in the first pages: headers, schema, census, block rows.
    const at = Math.floor(random() * (round % 2 === 0 ? 4 * 4096 : bytes.length));
    bytes[at] ^= 1 << Math.floor(random() * 8);
    writeFileSync(join(folder.path, NOVEMBER_FILE), bytes);
    // The schema version stands there: a later one is refused, as it must be.
    if (at >= 60 && at < 64) continue;
    using open = openStore({ dir: folder.path });
    const points = served(open, model);
    const told = [...open.opened.damage, ...open.damage];
    for (const sentence of told) expect(sentence).toContain(NOVEMBER_FILE);
    if (points < all) {
      lost++;
      if (told.length === 0) throw new Error(`byte ${at}: ${all - points} points are missing, and nothing was said`);
    }
    if (told.length > 0) named++;
    expect(points).toBeGreaterThanOrEqual(all / 3 - SERIES);
  }
  expect(lost).toBeGreaterThan(15);
  expect(named).toBeGreaterThanOrEqual(lost);
});

test("damage of one unit leaves the other blocks served, is named once, and is left alone by merging", () => {
  using folder = tempDir("store");
  const model = fill(folder.path);
  const path = join(folder.path, NOVEMBER_FILE);
  const database = new Database(path, { readwrite: true, strict: true });
  const { body } = database.query("SELECT body FROM content WHERE id = 2").get() as { body: Uint8Array };
  body[body.length >> 1] ^= 4;
  database.query("UPDATE content SET body = ? WHERE id = 2").run(body);
  database.close();
  using open = openStore({ dir: folder.path });
  expect(open.opened.damage).toEqual([]);
  const points = served(open, model);
  expect(points).toBeLessThan(pointsOf(model));
  expect(points).toBeGreaterThan(pointsOf(model) / 2);
  expect(open.damage).toEqual([expect.stringMatching(/points-2026-11\.db, block 2 .*checksum/)]);
  open.compact();
  expect(open.store.stats().blocks).toBeLessThan(6);
  expect(served(open, model)).toBe(points);
  expect(open.damage.length).toBe(1);
  expect(open.trouble).toEqual([]);
});

test("block rows behind a page that cannot be read are still found", () => {
  using folder = tempDir("store");
  const path = join(folder.path, NOVEMBER_FILE);
  {
    using open = openStore({ dir: folder.path });
    for (let seq = 1; seq <= 150; seq++) {
      open.store.absorb(recordOf(seq, [[seq, NOVEMBER_US + seq, seq]]));
      void open.store.seal();
      const work = open.store.maintain({ over: () => true });
      while (open.store.mustSeal) work.next();
      work.return();
    }
  }
  const database = new Database(path, { readwrite: true, strict: true });
  const root = (database.query("SELECT rootpage FROM sqlite_schema WHERE name = 'block'").get() as { rootpage: number })
    .rootpage;
  database.close();
  const bytes = readFileSync(path);
  // The root is an interior page here: the first of its children gets a type that no page has.
  expect(bytes[(root - 1) * 4096]).toBe(5);
  const cell = bytes.readUInt16BE((root - 1) * 4096 + 12 + 2);
  const child = bytes.readUInt32BE((root - 1) * 4096 + cell);
  bytes[(child - 1) * 4096] = 99;
  writeFileSync(path, bytes);
  using open = openStore({ dir: folder.path });
  expect(open.opened.damage).toEqual([expect.stringMatching(/points-2026-11\.db is damaged.*points of \d+ blocks/)]);
  const ids = Uint32Array.from({ length: 150 }, (_, i) => i + 1);
  const found = plain(open.range({ seriesIds: ids })).map((rows) => (rows as unknown[]).length);
  expect(found[0]).toBe(1);
  expect(found[149]).toBe(1);
  expect(found.filter((count) => count === 0).length).toBeGreaterThan(0);
  stillWorks(folder.path, open);
});

const UNREADABLE: Record<string, (path: string) => void> = {
  "of length zero": (path) => writeFileSync(path, ""),
  "of garbage": (path) => writeFileSync(path, Buffer.from(new Uint8Array(50_000).map((_, i) => i * 31))),
  "cut in its first page": (path) => writeFileSync(path, readFileSync(path).subarray(0, 1000)),
  "cut in the middle": (path) => writeFileSync(path, readFileSync(path).subarray(0, 20_480)),
  "that is a folder": (path) => (rmSync(path), mkdirSync(path)),
  "of another program": (path) => {
    rmSync(path);
    const database = new Database(path, { create: true });
    database.run("CREATE TABLE block (id INTEGER PRIMARY KEY)");
    database.close();
  },
};

for (const [what, ruin] of Object.entries(UNREADABLE)) {
  test(`a period file ${what} is named and left as it is, the others are served, new points get another file`, () => {
    using folder = tempDir("store");
    const model = fill(folder.path);
    const path = join(folder.path, NOVEMBER_FILE);
    ruin(path);
    const isFile = what !== "that is a folder";
    const before = isFile ? readFileSync(path) : null;
    using open = openStore({ dir: folder.path });
    expect(open.opened.damage.length).toBeGreaterThan(0);
    for (const sentence of open.opened.damage) expect(sentence).toContain(NOVEMBER_FILE);
    expect(served(open, model)).toBeGreaterThanOrEqual(pointsOf(model) / 3);
    stillWorks(folder.path, open);
    expect(readdirSync(folder.path)).toContain("points-2026-11.1.db");
    if (before !== null) expect(readFileSync(path).equals(before)).toBe(true);
  });
}

test("a part that is missing before a later one is named", () => {
  using folder = tempDir("store");
  {
    using open = openStore({ dir: folder.path, periodFileBytesMax: 1 });
    open.store.absorb(recordOf(1, [[1, NOVEMBER_US, 1]]));
    open.seal();
    open.store.absorb(recordOf(2, [[1, NOVEMBER_US + 1, 2]]));
    open.seal();
  }
  rmSync(join(folder.path, NOVEMBER_FILE));
  using open = openStore({ dir: folder.path });
  expect(open.opened.damage).toEqual([expect.stringMatching(/^points-2026-11\.db is missing/)]);
  expect(plain(open.range({ seriesIds: Uint32Array.of(1) }))).toEqual([[[NOVEMBER_US + 1, 2]]]);
});

test("a file of a later version is refused by name, whatever else there is", () => {
  using folder = tempDir("store");
  fill(folder.path);
  const database = new Database(join(folder.path, NOVEMBER_FILE), { readwrite: true });
  database.run("PRAGMA user_version = 2");
  database.close();
  const refused = expect(() => openStore({ dir: folder.path }));
  refused.toThrow(/points-2026-11\.db has schema version 2, this program knows up to 1/);
  expect(() => openStore({ dir: folder.path })).toThrow(expect.objectContaining({ status: "FAILED_PRECONDITION" }));
});

test("a file that is deleted under the running store is named, and the period goes on in another", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  const months = Array.from({ length: 40 }, (_, month) => Date.UTC(2020, month, 2) * 1000);
  // More files than are kept open, so that the first is closed again.
  months.forEach((monthUs, i) => {
    const points: Point[] = [[1, monthUs, i]];
    open.store.absorb(recordOf(i + 1, points));
    model.write(points);
  });
  open.seal();
  rmSync(join(folder.path, "points-2020-01.db"));
  expect(plain(open.range({ seriesIds: Uint32Array.of(1) })).flat().length).toBe(39);
  expect(open.damage).toEqual([expect.stringContaining("points-2020-01.db, block 1")]);
  open.store.absorb(recordOf(50, [[1, months[0] + 5, 7]]));
  open.seal();
  expect(open.trouble).toEqual([expect.stringContaining("points-2020-01.db")]);
  expect(plain(open.range({ seriesIds: Uint32Array.of(1) })).flat().length).toBe(40);
  open.clock.advance(1000);
  open.settle();
  expect(open.sealed.at(-1)).toBe(50);
  expect(readdirSync(folder.path)).toContain("points-2020-01.1.db");
});

test("what a crash left of a file being made is removed", () => {
  using folder = tempDir("store");
  const left = ["points-2026-11.db.new", "points-2026-11.db.new-journal"];
  for (const name of left) writeFileSync(join(folder.path, name), "half");
  using open = openStore({ dir: folder.path });
  expect(open.opened.damage).toEqual([]);
  expect(readdirSync(folder.path)).toEqual([]);
});
