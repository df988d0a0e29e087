/**
 * `state.db`: the series, the ids of deleted ones, the journal with its documents, and small state. Opening it takes the
 * data directory for this process: the file stays locked until it is closed or the process ends, whatever way.
 */
import { Database } from "bun:sqlite";
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDiskFull, messageOf, WatchpostError } from "../model/errors.ts";
import { seriesKey } from "../model/series-key.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";
import { copyBeforeUpgrade } from "./copy-before-upgrade.ts";
import { noRoomIn } from "./disk-room.ts";
import { isEpoch, JournalDb } from "./journal-db.ts";

/**
 * 1: without retired series; 1 and 2: without checksums of rows; 1 to 3: without the journal; 1 to 4: without tokens. Raised
 * with whatever an older version must not pass over, tables or documents: one that knows no tokens serves everybody.
 */
export const STATE_VERSION = 5;
const RETIRED_COLUMNS = "ids BLOB NOT NULL, cleaned INTEGER NOT NULL, crc INTEGER NOT NULL";
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

interface RetiredRow {
  readonly rowid: number;
  readonly ids: Uint8Array;
  readonly cleaned: number;
  readonly crc: number;
}

export class StateDb {
  readonly journal: JournalDb;
  readonly #db: Database;
  readonly #pidFile: string;
  /** The copy of what an older version had written; undefined: this one had. */
  readonly upgradedFrom: string | undefined;

  /** In a transaction, which ends after it. */
  private constructor(db: Database, pidFile: string, upgradedFrom: string | undefined) {
    this.upgradedFrom = upgradedFrom;
    this.#db = db;
    this.#pidFile = pidFile;
    this.journal = new JournalDb(db, this);
    if (!isEpoch(this.number("journal_epoch"))) this.journal.beginEpoch();
  }

  /**
   * Opens or makes the directory and takes it. Throws FAILED_PRECONDITION, in words a person can act on, when another
   * process has it, it cannot be written, lies on a network file system, or a later version wrote it.
   */
  static open(dir: string): StateDb {
    prepareDirectory(dir);
    const pidFile = join(dir, "watchpost.pid");
    const db = openDatabase(dir);
    let state: StateDb;
    let upgradedFrom: string | undefined;
    try {
      db.run("PRAGMA locking_mode = EXCLUSIVE");
      db.run("PRAGMA journal_mode = WAL");
      db.run("PRAGMA synchronous = FULL");
      db.run("PRAGMA journal_size_limit = 1048576");
      const { user_version: version } = db.query("PRAGMA user_version").get() as { user_version: number };
      if (version > STATE_VERSION) {
        throw refusal(dir, `its state.db has format ${version}, this Watchpost knows up to ${STATE_VERSION}`);
      }
      if (version > 0 && version < STATE_VERSION) upgradedFrom = copyBeforeUpgrade(db, dir, version);
      db.run("BEGIN IMMEDIATE");
      db.run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID");
      db.run("CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, key TEXT NOT NULL, crc INTEGER NOT NULL)");
      // A row for every deletion, little endian u32 ids; `cleaned`: they are no longer in the table of series.
      db.run(`CREATE TABLE IF NOT EXISTS retired (${RETIRED_COLUMNS})`);
      if (version === 1 || version === 2) addChecksums(db, version);
      JournalDb.make(db);
      state = new StateDb(db, pidFile, upgradedFrom);
      // Nothing is written where nothing changes: a full disk must not keep a server from starting, and making room.
      if (version < STATE_VERSION) db.run(`PRAGMA user_version = ${STATE_VERSION}`);
      db.run("COMMIT");
    } catch (error) {
      db.close();
      if (error instanceof WatchpostError) throw error;
      if (/locked|busy/i.test(messageOf(error))) throw refusal(dir, `it is in use by ${holder(pidFile)}`);
      throw refusal(dir, noRoomIn(dir, error) ?? `its state.db cannot be opened: ${messageOf(error)}`);
    }
    try {
      writeFileSync(pidFile, `${process.pid}\n`);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    return state;
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

  /** Makes it durable that these ids are given to no series any more, in one step however many they are. */
  retire(seriesIds: Uint32Array): void {
    this.#insertRetired(seriesIds, 0);
  }

  /** Every id ever retired; the series of some may still be there. */
  retired(): Uint32Array {
    return idsOf(this.#retiredRows(() => {}));
  }

  /**
   * Every id ever retired. Their series are removed: when the log is opened, since with very many it takes a while. A row
   * whose checksum does not match is told to `onDamage` and left alone: nothing is deleted for what it says.
   */
  takeRetired(onDamage: (sentence: string) => void): Uint32Array {
    const rows = this.#retiredRows(onDamage);
    const all = idsOf(rows);
    const fresh = idsOf(rows.filter(({ cleaned }) => cleaned === 0));
    if (fresh.length === 0) return all;
    const remove = this.#db.query("DELETE FROM series WHERE id = ?");
    this.#db.transaction(() => {
      for (const id of fresh) remove.run(id);
      const forget = this.#db.query("DELETE FROM retired WHERE rowid = ?");
      for (const { rowid } of rows) forget.run(rowid);
      this.#insertRetired(all, 1);
    })();
    return all;
  }

  #retiredRows(onDamage: (sentence: string) => void): RetiredRow[] {
    const rows = this.#db.query("SELECT rowid, ids, cleaned, crc FROM retired").all() as RetiredRow[];
    return rows.filter((row) => {
      if (retiredCrc(row) === row.crc) return true;
      onDamage("state.db: ids of deleted series do not match their checksum; these series may come back");
      return false;
    });
  }

  #insertRetired(seriesIds: Uint32Array, cleaned: number): void {
    const ids = bytesOf(seriesIds);
    const insert = this.#db.query("INSERT INTO retired (ids, cleaned, crc) VALUES (?, ?, ?)");
    insert.run(ids, cleaned, retiredCrc({ ids, cleaned }));
  }

  /** Brings everything that was written into the file itself: of that a damaged write-ahead log takes nothing away. */
  settle(): void {
    this.#db.run("PRAGMA wal_checkpoint(PASSIVE)");
  }

  close(): void {
    try {
      this.#db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    } finally {
      this.#db.close();
      rmSync(this.#pidFile, { force: true });
    }
  }
}

/** What a row of retired ids is checked with. */
export function retiredCrc({ ids, cleaned }: Pick<RetiredRow, "ids" | "cleaned">): number {
  return Bun.hash.crc32(ids) + cleaned;
}

function bytesOf(seriesIds: Uint32Array): Uint8Array {
  return new Uint8Array(seriesIds.buffer, seriesIds.byteOffset, seriesIds.byteLength);
}

function idsOf(rows: readonly RetiredRow[]): Uint32Array {
  const bytes = Buffer.concat(rows.map(({ ids }) => ids));
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** What the row of a series is checked with. */
export function seriesCrc({ id, key }: SeriesDefinition): number {
  return Bun.hash.crc32(`${id} ${key}`);
}

/** To version 3. */
function addChecksums(db: Database, version: number): void {
  db.run("ALTER TABLE series ADD COLUMN crc INTEGER NOT NULL DEFAULT 0");
  const update = db.query("UPDATE series SET crc = ? WHERE id = ?");
  const rows = db.query("SELECT id, key FROM series").all() as SeriesDefinition[];
  for (const row of rows) update.run(seriesCrc(row), row.id);
  if (version === 1) return;
  db.run("ALTER TABLE retired ADD COLUMN crc INTEGER NOT NULL DEFAULT 0");
  const updateRetired = db.query("UPDATE retired SET crc = ? WHERE rowid = ?");
  const retired = db.query("SELECT rowid, ids, cleaned FROM retired").all() as RetiredRow[];
  for (const row of retired) updateRetired.run(retiredCrc(row), row.rowid);
}

function openDatabase(dir: string): Database {
  try {
    return new Database(join(dir, "state.db"), { create: true, strict: true });
  } catch (error) {
    throw refusal(dir, noRoomIn(dir, error) ?? `its state.db cannot be opened: ${messageOf(error)}`);
  }
}

function prepareDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw refusal(dir, `it cannot be made: ${messageOf(error)}`);
  }
  const network = networkFileSystemOf(dir);
  if (network !== undefined) {
    throw refusal(dir, `it lies on ${network}; a network file system does not keep the promises of a lock and a sync`);
  }
}

/** The name of the network file system that a directory lies on; undefined: it lies on none. */
export function networkFileSystemOf(dir: string): string | undefined {
  return NETWORK_FILE_SYSTEMS[statfsSync(dir).type >>> 0];
}

function refusal(dir: string, why: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", `the data directory ${resolve(dir)} cannot be used: ${why}`);
}

function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, "utf8").trim();
    return pid === "" ? "another process" : `another Watchpost, process ${pid}`;
  } catch {
    return "another process";
  }
}
