/**
 * `state.db`: the series and small state. Opening it takes the data directory for this process: the file stays locked
 * until it is closed or the process ends, whatever way.
 */
import { Database } from "bun:sqlite";
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { seriesKey } from "../model/series-key.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";

/** 2: a checksum for every series. */
export const STATE_VERSION = 2;
/** File systems whose locks and syncs do not keep their promises; by the type statfs tells. */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB2",
  0x517b: "SMB",
  0x01021997: "9P",
  0x5346414f: "AFS",
  0x00c36400: "Ceph",
};

export class StateDb {
  readonly #db: Database;
  readonly #pidFile: string;

  private constructor(db: Database, pidFile: string) {
    this.#db = db;
    this.#pidFile = pidFile;
  }

  /**
   * Opens or makes the directory and takes it. Throws FAILED_PRECONDITION, in words a person can act on, when another
   * process has it, it cannot be written, lies on a network file system, or a later version wrote it.
   */
  static open(dir: string): StateDb {
    prepareDirectory(dir);
    const pidFile = join(dir, "watchpost.pid");
    const db = new Database(join(dir, "state.db"), { create: true, strict: true });
    try {
      db.run("PRAGMA locking_mode = EXCLUSIVE");
      db.run("PRAGMA journal_mode = WAL");
      db.run("PRAGMA synchronous = FULL");
      db.run("PRAGMA journal_size_limit = 1048576");
      db.run("BEGIN IMMEDIATE");
      const { user_version: version } = db.query("PRAGMA user_version").get() as { user_version: number };
      if (version > STATE_VERSION) {
        throw refusal(dir, `its state.db has format ${version}, this Watchpost knows up to ${STATE_VERSION}`);
      }
      db.run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
      db.run("CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, key TEXT NOT NULL, crc INTEGER NOT NULL)");
      if (version === 1) addChecksums(db);
      db.run(`PRAGMA user_version = ${STATE_VERSION}`);
      db.run("COMMIT");
    } catch (error) {
      db.close();
      if (error instanceof WatchpostError) throw error;
      if (/locked|busy/i.test(messageOf(error))) throw refusal(dir, `it is in use by ${holder(pidFile)}`);
      throw refusal(dir, `its state.db cannot be opened: ${messageOf(error)}`);
    }
    writeFileSync(pidFile, `${process.pid}\n`);
    return new StateDb(db, pidFile);
  }

  number(key: string): number | undefined {
    const row = this.#db.query("SELECT value FROM meta WHERE key = ?").get(key) as { value: number } | null;
    return row?.value;
  }

  set(key: string, value: number): void {
    this.#db.query("INSERT OR REPLACE INTO meta VALUES (?, ?)").run(key, value);
  }

  /** Everything that {@link set} has set. */
  numbers(): Record<string, number> {
    const rows = this.#db.query("SELECT key, value FROM meta").all() as { key: string; value: number }[];
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }

  /**
   * Up to `limit` series after an id, by id. One whose checksum does not match is told to `onDamage`, and gets a name
   * that says so: its points are not served under a wrong one.
   */
  series(afterId: number, limit: number, onDamage: (sentence: string) => void = () => {}): SeriesDefinition[] {
    const query = this.#db.query("SELECT id, key, crc FROM series WHERE id > ? ORDER BY id LIMIT ?");
    const rows = query.all(afterId, limit === Infinity ? -1 : limit) as (SeriesDefinition & { crc: number })[];
    return rows.map(({ id, key, crc }) => {
      if (seriesCrc({ id, key }) === crc) return { id, key };
      const name = `damaged.series.${id}`;
      onDamage(`state.db, series ${id}: its name does not match its checksum; its points are served as ${name}`);
      return { id, key: seriesKey(name, "", []) };
    });
  }

  /** Makes series durable; those known already stay as they are. */
  addSeries(definitions: readonly SeriesDefinition[]): void {
    const insert = this.#db.query("INSERT OR IGNORE INTO series (id, key, crc) VALUES (?, ?, ?)");
    this.#db.transaction(() => {
      for (const definition of definitions) insert.run(definition.id, definition.key, seriesCrc(definition));
    })();
  }

  close(): void {
    this.#db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#db.close();
    rmSync(this.#pidFile, { force: true });
  }
}

/** What the row of a series is checked with. */
export function seriesCrc({ id, key }: SeriesDefinition): number {
  return Bun.hash.crc32(`${id} ${key}`);
}

/** From version 1 to 2. */
function addChecksums(db: Database): void {
  db.run("ALTER TABLE series ADD COLUMN crc INTEGER NOT NULL DEFAULT 0");
  const update = db.query("UPDATE series SET crc = ? WHERE id = ?");
  const rows = db.query("SELECT id, key FROM series").all() as SeriesDefinition[];
  for (const row of rows) update.run(seriesCrc(row), row.id);
}

function prepareDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refusal(dir, `it cannot be made: ${messageOf(error)}`);
  }
  const network = NETWORK_FILE_SYSTEMS[statfsSync(dir).type >>> 0];
  if (network !== undefined) {
    throw refusal(dir, `it lies on ${network}; a network file system does not keep the promises of a lock and a sync`);
  }
}

function refusal(dir: string, why: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", `the data directory ${resolve(dir)} cannot be used: ${why}`);
}

function holder(pidFile: string): string {
  try {
    return `another Watchpost, process ${readFileSync(pidFile, "utf8").trim()}`;
  } catch {
    return "another process";
  }
}
