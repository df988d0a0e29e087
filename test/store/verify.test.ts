/** verify finds every byte that was changed in what is stored, and calls nothing damaged that is not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Log } from "../../src/log/log.ts";
import { encodeRecord } from "../../src/log/record.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { verifyDirectory, type Verified } from "../../src/store/verify.ts";
import { DECEMBER_US, NOVEMBER_US, openStore, randomOf, recordOf, type Point } from "./harness.ts";
import { tempDir } from "../support/server-process.ts";

const SERIES = 40;
const LOG_FROM = 7;
const JOURNAL_ENTRIES = 100;
const whole = tempDir("verify");
const NOVEMBER = "points-2026-11.db";

/** Sealed points in two months, superseded ones among them, and a log that is not sealed. */
beforeAll(() => {
  const random = randomOf(4);
  const points = (): Point[] =>
    Array.from({ length: 600 }, () => [
      1 + Math.floor(random() * SERIES),
      (random() < 0.3 ? DECEMBER_US : NOVEMBER_US) + Math.floor(random() * 2_000) * 1e6,
      Math.floor(random() * 1e4) / 10,
    ]);
  const { log } = Log.open({ dir: whole.path, segmentBytesMax: 20_000 });
  const definitions = Array.from({ length: SERIES }, (_, i) => ({
    id: i + 1,
    key: seriesKey(`metric.${i % 5}`, "gateway", [["device", `pump-${i}`]]),
  }));
  {
    using open = openStore({ dir: whole.path });
    for (let seq = 1; seq < LOG_FROM; seq++) {
      open.store.absorb(recordOf(seq, points()));
      if (seq % 2 === 0) open.seal();
    }
  }
  for (let seq = LOG_FROM; seq < LOG_FROM + 5; seq++) {
    const [first] = points();
    const frame = {
      seq,
      arrivalMs: NOVEMBER_US / 1000,
      clockUntrusted: false,
      count: 600,
      seriesIds: new Uint32Array(600).fill(first[0]),
      timesUs: new Float64Array(600).map((_, i) => NOVEMBER_US + i),
      values: new Float64Array(600).map(() => random()),
    };
    log.append(encodeRecord(frame, seq === LOG_FROM ? definitions : []));
  }
  log.retire(Uint32Array.from({ length: 200 }, (_, i) => 1_000 + i));
  const names = Array.from({ length: JOURNAL_ENTRIES }, (_, i) => `alert-${i}`);
  log.commitJournal(
    names.map((subject, i) => ({ atMs: i, kind: "alert", subject, actor: "system", payload: `{"pump":${i}}` })),
    names.map((key, sort) => ({ collection: "alerts", key, sort, value: `{"severity":"high","n":${sort}}` })),
  );
  log.close();
});

afterAll(() => whole[Symbol.dispose]());

function verify(dir: string): { verified: Verified; damage: string[] } {
  const damage: string[] = [];
  const verified = runToEnd(verifyDirectory(dir, (sentence) => damage.push(sentence)));
  return { verified, damage };
}

/** All that a database says when it is asked for every table; "" where it cannot be. */
function contentOf(path: string, tables: readonly string[]): string {
  try {
    using database = new Database(path, { readonly: true });
    const ofTable = (table: string) =>
      database
        .query(`SELECT * FROM ${table} ORDER BY 1`)
        .values()
        .map((row) => row.map((cell) => (cell instanceof Uint8Array ? cell.toHex() : cell)));
    return JSON.stringify(tables.map(ofTable));
  } catch {
    return "";
  }
}

/** Flips a bit in each of so many places of one file; `at` says where, undefined: anywhere. */
function* flipped(name: string, rounds: number, seed: number): Generator<{ dir: string; path: string; at: number }> {
  using folder = tempDir("verify");
  const dir = join(folder.path, "data");
  cpSync(whole.path, dir, { recursive: true });
  const path = join(dir, name);
  const original = readFileSync(path);
  const random = randomOf(seed);
  for (let round = 0; round < rounds; round++) {
    const bytes = Buffer.from(original);
    const at = Math.floor(random() * bytes.length);
    bytes[at] ^= 1 << Math.floor(random() * 8);
    writeFileSync(path, bytes);
    yield { dir, path, at };
    for (const suffix of ["-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
  }
}

test("what is whole is whole, and counted", () => {
  const before = readdirSync(whole.path).map((name) => [name, readFileSync(join(whole.path, name)).toHex()]);
  const { verified, damage } = verify(whole.path);
  expect(damage).toEqual([]);
  expect(verified).toMatchObject({ periodFiles: 2, logRecords: 5, logPoints: 3_000, series: SERIES, notes: [] });
  expect(verified).toMatchObject({ journalEntries: JOURNAL_ENTRIES, documents: JOURNAL_ENTRIES });
  expect(verified.points).toBeGreaterThan(2_000);
  expect(readdirSync(whole.path).map((name) => [name, readFileSync(join(whole.path, name)).toHex()])).toEqual(before);
});

test("of a log that a crash left, what is sealed already is not counted again", () => {
  using folder = tempDir("verify");
  const pointsOf = (seq: number): Point[] => [
    [1, NOVEMBER_US + seq * 1e6, seq],
    [1, DECEMBER_US + seq * 1e6, seq],
    [1, NOVEMBER_US + seq * 1e6 + 1, seq],
  ];
  {
    using open = openStore({ dir: folder.path });
    for (let seq = 1; seq <= 4; seq++) open.store.absorb(recordOf(seq, pointsOf(seq)));
    open.seal();
    // Half of a generation: December was not written.
    open.store.absorb(
      recordOf(
        5,
        pointsOf(5).filter(([, timeUs]) => timeUs < DECEMBER_US),
      ),
    );
  }
  const { log } = Log.open({ dir: folder.path, segmentBytesMax: 20_000 });
  const definition = { id: 1, key: seriesKey("metric", "gateway", []) };
  for (let seq = 3; seq <= 6; seq++) {
    const columns = pointsOf(seq);
    const frame = {
      ...{ seq, arrivalMs: NOVEMBER_US / 1000, clockUntrusted: false, count: columns.length },
      seriesIds: Uint32Array.from(columns, ([id]) => id),
      timesUs: Float64Array.from(columns, ([, timeUs]) => timeUs),
      values: Float64Array.from(columns, ([, , value]) => value),
    };
    log.append(encodeRecord(frame, seq === 3 ? [definition] : []));
  }
  log.close();
  const { verified, damage } = verify(folder.path);
  expect(damage).toEqual([]);
  expect(verified).toMatchObject({ points: 14, logRecords: 4, logPoints: 4 });
});

test("a flipped bit anywhere in the log is found", () => {
  for (const name of readdirSync(whole.path).filter((one) => one.endsWith(".wal"))) {
    for (const { dir, at } of flipped(name, 60, 11)) {
      const damage = refusedOr(() => verify(dir).damage);
      if (damage.length === 0) throw new Error(`${name}, byte ${at}: nothing was found`);
      expect(damage.join("\n")).toContain(name);
    }
  }
}, 120_000);

const DATABASES = [
  ["state.db", ["series", "retired", "journal", "document"], 400],
  [NOVEMBER, ["block", "content", "census"], 250],
] as const;

for (const [name, tables, rounds] of DATABASES) {
  test(`a flipped bit that changes what a query of ${name} gives is found`, () => {
    const original = contentOf(join(whole.path, name), tables);
    let live = 0;
    for (const { dir, path, at } of flipped(name, rounds, 12)) {
      // Before anybody else opens it.
      const { damage } = verify(dir);
      if (contentOf(path, tables) === original) continue;
      live++;
      if (damage.length === 0) throw new Error(`${name}, byte ${at}: nothing was found`);
      expect(damage.join("\n")).toContain(name);
    }
    expect(live).toBeGreaterThan(20);
  }, 120_000);
}

/** Changes one cell as a bit that flips would, so that SQLite itself finds nothing. */
function changed(name: string, sql: string, wanted: RegExp): void {
  test(`found: ${sql}`, () => {
    using folder = tempDir("verify");
    const dir = join(folder.path, "data");
    cpSync(whole.path, dir, { recursive: true });
    {
      using database = new Database(join(dir, name), { readwrite: true });
      database.run(sql);
    }
    // It names series too.
    for (const log of readdirSync(dir).filter((one) => one.endsWith(".wal"))) rmSync(join(dir, log));
    expect(verify(dir).damage.join("\n")).toMatch(wanted);
  });
}

changed("state.db", "UPDATE series SET key = replace(key, 'pump-7', 'pump-5') WHERE id = 8", /state\.db, series 8/);
changed("state.db", "UPDATE series SET crc = crc + 1 WHERE id = 3", /state\.db, series 3/);
changed("state.db", "UPDATE series SET id = 99 WHERE id = 3", /series 99.*\n.*block \d+ .*without a name: 3;/s);
changed("state.db", "DELETE FROM series WHERE id = 2", /points-2026-1\d\.db, block \d+ .*without a name: 2;/);
changed("state.db", "UPDATE retired SET cleaned = 1 - cleaned", /state\.db, ids of deleted series/);
changed("state.db", "UPDATE retired SET ids = substr(ids, 5)", /state\.db, ids of deleted series/);
changed("state.db", "UPDATE meta SET value = 'x' WHERE key = 'next_seq'", /next_seq is x/);
changed(
  "state.db",
  "UPDATE journal SET actor = 'nobody' WHERE position = 7",
  /state\.db, journal entry 7 does not match/,
);
changed("state.db", "UPDATE document SET sort = 70 WHERE key = 'alert-7'", /state\.db, document "alert-7" of "alerts"/);
changed(NOVEMBER, "UPDATE block SET level = level + 1 WHERE id = 1", /block 1: its row does not match/);
changed(NOVEMBER, "UPDATE block SET id = 77 WHERE id = 1", /block 77: its row does not match/);
changed(NOVEMBER, "UPDATE content SET idx = zeroblob(length(idx)) WHERE id = 1", /block 1 .*its index does not match/);
changed(NOVEMBER, "UPDATE content SET body = zeroblob(length(body)) WHERE id = 1", /block 1 .*unit 0: the checksum/);
changed(NOVEMBER, "UPDATE content SET body = CAST(body || x'00' AS BLOB) WHERE id = 1", /block 1 .*its body has/);
changed(NOVEMBER, "DELETE FROM content WHERE id = 1", /block 1 .*its content is missing/);
changed(NOVEMBER, "DELETE FROM block WHERE id = 1", /it counts \d+ blocks/);
changed(NOVEMBER, "UPDATE census SET blocks = 7", /it counts 7 blocks/);
changed(NOVEMBER, "DROP TABLE census", /its tables are not those/);
changed(NOVEMBER, "PRAGMA user_version = 9", /schema version 9/);

test("a record that a crash cut short at the end is no damage, one before the end is", () => {
  using folder = tempDir("verify");
  const dir = join(folder.path, "data");
  cpSync(whole.path, dir, { recursive: true });
  const [first, ...others] = readdirSync(dir)
    .filter((name) => name.endsWith(".wal"))
    .sort();
  const last = others.at(-1)!;
  truncateSync(join(dir, last), readFileSync(join(dir, last)).length - 8);
  const cut = verify(dir);
  expect(cut.damage).toEqual([]);
  expect(cut.verified.notes).toEqual([`${last} ends in an unfinished record, which was never acknowledged`]);
  truncateSync(join(dir, first), readFileSync(join(dir, first)).length - 8);
  expect(verify(dir).damage).toEqual([expect.stringContaining(`${first} ends at byte`)]);
});

test("what a crash left to recover is recovered in a copy", () => {
  using folder = tempDir("verify");
  const dir = join(folder.path, "data");
  cpSync(whole.path, dir, { recursive: true });
  const crash = (name: string, journal: string, sql: string) => {
    const path = join(dir, name);
    using database = new Database(path, { readwrite: true });
    database.run("PRAGMA cache_size = 1");
    database.run(`PRAGMA journal_mode = ${journal}`);
    database.run("BEGIN");
    database.run(sql);
    if (journal === "WAL") database.run("COMMIT");
    for (const suffix of ["", "-journal", "-wal"]) {
      if (readdirSync(dir).includes(name + suffix)) copyFileSync(path + suffix, join(folder.path, name + suffix));
    }
    if (journal !== "WAL") database.run("ROLLBACK");
    database.close();
    for (const suffix of ["", "-journal", "-wal"]) {
      if (readdirSync(folder.path).includes(name + suffix))
        copyFileSync(join(folder.path, name + suffix), path + suffix);
    }
  };
  crash(NOVEMBER, "TRUNCATE", "UPDATE content SET body = zeroblob(length(body)), idx = zeroblob(length(idx))");
  crash("state.db", "WAL", "UPDATE series SET key = 'changed' WHERE id = 5");
  const names = readdirSync(dir);
  expect(names).toContain("state.db-wal");
  const { damage } = verify(dir);
  expect(damage).toEqual([expect.stringMatching(/^state\.db, series 5/)]);
  expect(readdirSync(dir)).toEqual(names);
});

test("what is no data directory, or one that somebody has, is refused by name", () => {
  using folder = tempDir("verify");
  expect(() => verify(folder.path)).toThrow(`${folder.path} cannot be verified: it is no data directory`);
  expect(() => verify(join(folder.path, "none"))).toThrow("cannot be verified");
  const dir = join(folder.path, "data");
  mkdirSync(dir);
  const { log } = Log.open({ dir, segmentBytesMax: 1e6 });
  const child = Bun.spawnSync([process.execPath, join(import.meta.dir, "../../src/main.ts"), "verify", "--data", dir]);
  expect(child.exitCode).toBe(2);
  expect(child.stderr.toString()).toContain(`is in use by process ${process.pid}`);
  log.close();
  expect(verify(dir).damage).toEqual([]);
});

/** A later version's format is refused by the reader of the log; a flipped bit may look like one. */
function refusedOr(run: () => string[]): string[] {
  try {
    return run();
  } catch (error) {
    return [String(error)];
  }
}
