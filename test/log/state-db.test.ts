/** The series in state.db: their checksums, and what is handed out of them page by page. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StateDb } from "../../src/log/state-db.ts";
import { tempDir } from "../support/server-process.ts";
import { openLog, recordOf } from "./harness.ts";

const SERIES = [1, 2, 3].map((id) => ({ id, key: `m${id}\0s` }));

test("a name that does not match its checksum is told and not used, the others are", () => {
  using dir = tempDir("state");
  const first = StateDb.open(dir.path);
  first.addSeries(SERIES);
  first.close();
  {
    using database = new Database(join(dir.path, "state.db"), { readwrite: true });
    database.run("UPDATE series SET key = 'm9' || char(0) || 's' WHERE id = 2");
  }
  const state = StateDb.open(dir.path);
  const damage: string[] = [];
  const found = state.series(0, Infinity, (sentence) => damage.push(sentence));
  state.close();
  expect(found).toEqual([SERIES[0], { id: 2, key: "damaged.series.2\0" }, SERIES[2]]);
  expect(damage).toEqual([expect.stringContaining("state.db, series 2")]);
});

test("a directory of format 1 gets checksums", () => {
  using dir = tempDir("state");
  {
    using database = new Database(join(dir.path, "state.db"), { create: true });
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
    database.run("CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
    database.run("PRAGMA user_version = 1");
    for (const { id, key } of SERIES) database.query("INSERT INTO series VALUES (?, ?)").run(id, key);
  }
  const damage: string[] = [];
  for (let i = 0; i < 2; i++) {
    const state = StateDb.open(dir.path);
    expect(state.series(0, Infinity, (sentence) => damage.push(sentence))).toEqual(SERIES);
    state.close();
  }
  expect(damage).toEqual([]);
  // The way back to the version that wrote it.
  using copy = new Database(join(dir.path, "state.format-1.db"), { readonly: true });
  expect(copy.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  expect(copy.query("SELECT id, key FROM series ORDER BY id").all() as unknown[]).toEqual([...SERIES]);
});

test("who goes back to an older version, and upgrades again, has what that wrote in between", () => {
  using dir = tempDir("state");
  const [path, copied] = [join(dir.path, "state.db"), join(dir.path, "state.format-2.db")];
  {
    using database = new Database(path, { create: true });
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
    database.run("CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
    database.run("CREATE TABLE retired (ids BLOB NOT NULL, cleaned INTEGER NOT NULL)");
    database.run("PRAGMA user_version = 2");
  }
  StateDb.open(dir.path).close();
  for (const name of readdirSync(dir.path)) if (name.startsWith("state.db")) rmSync(join(dir.path, name));
  copyFileSync(copied, path);
  {
    using database = new Database(path, { readwrite: true });
    database.query("INSERT INTO series VALUES (?, ?)").run(SERIES[0].id, SERIES[0].key);
  }
  StateDb.open(dir.path).close();
  using copy = new Database(copied, { readonly: true });
  expect(copy.query("SELECT id, key FROM series").all() as unknown[]).toEqual([SERIES[0]]);
});

test("nothing is upgraded where the copy before it cannot be made, and a broken copy is made anew", () => {
  using dir = tempDir("state");
  const path = join(dir.path, "state.db");
  {
    using database = new Database(path, { create: true });
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
    database.run("CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
    database.run("PRAGMA user_version = 1");
  }
  const unfinished = join(dir.path, "state.format-1.db.unfinished");
  mkdirSync(join(unfinished, "in the way"), { recursive: true });
  expect(() => StateDb.open(dir.path)).toThrow("before it is upgraded from format 1 a copy is made");
  {
    using database = new Database(path, { readonly: true });
    expect(database.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  }
  rmSync(unfinished, { recursive: true });
  writeFileSync(unfinished, "half a copy");
  const state = StateDb.open(dir.path);
  expect(state.upgradedFrom).toBe(join(dir.path, "state.format-1.db"));
  state.close();
  expect(readdirSync(dir.path).filter((name) => name.includes("unfinished"))).toEqual([]);
  const again = StateDb.open(dir.path);
  expect(again.upgradedFrom).toBeUndefined();
  again.close();
});

test("a directory of format 2 gets checksums, for deleted series too; what does not match deletes nothing", () => {
  using dir = tempDir("state");
  const path = join(dir.path, "state.db");
  {
    using database = new Database(path, { create: true });
    database.run("CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
    database.run("CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL)");
    database.run("CREATE TABLE retired (ids BLOB NOT NULL, cleaned INTEGER NOT NULL)");
    database.run("PRAGMA user_version = 2");
    for (const { id, key } of SERIES) database.query("INSERT INTO series VALUES (?, ?)").run(id, key);
    database.run("INSERT INTO retired VALUES (x'02000000', 0)");
  }
  const damage: string[] = [];
  const taken = () => {
    const state = StateDb.open(dir.path);
    const retired = state.takeRetired((sentence) => damage.push(sentence));
    const series = state.series(0, Infinity, (sentence) => damage.push(sentence)).map(({ id }) => id);
    state.close();
    return [[...retired], series];
  };
  expect([taken(), taken()]).toEqual([
    [[2], [1, 3]],
    [[2], [1, 3]],
  ]);
  expect(damage).toEqual([]);
  {
    using database = new Database(path, { readwrite: true });
    database.run("UPDATE retired SET ids = x'03000000', cleaned = 0");
  }
  expect(taken()).toEqual([[], [1, 3]]);
  expect(damage).toEqual([expect.stringContaining("ids of deleted series")]);
});

test("is handed out page by page, what only the log had included", async () => {
  using dir = tempDir("state");
  const { log } = await openLog(dir.path);
  const many = Array.from({ length: 4_500 }, (_, i) => ({ id: i + 1, key: `m${i}\0s` }));
  await log.append(recordOf(0, [1], many.slice(0, 4_490)));
  await log.append(recordOf(1, [1], many.slice(4_490)));
  const found = [];
  let pages = 0;
  for (let after = 0; ; pages++) {
    const { series, meta } = await log.statePage(after);
    if (after === 0) {
      const journal = { journal_epoch: expect.any(Number), journal_next: 1 };
      expect(meta).toEqual({ clean: 0, next_seq: 2, sync_interval_ms: 0, ...journal });
    }
    if (series.length === 0) break;
    found.push(...series);
    after = series.at(-1)!.id;
  }
  expect(found).toEqual(many);
  expect(pages).toBeGreaterThan(1);
  await log.close();
});
