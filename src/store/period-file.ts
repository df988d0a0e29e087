/**
 * A period file: an SQLite database with the blocks of one calendar month of event time. Small columns and blobs lie in
 * two tables, so that the catalog is read at opening without touching the blobs' pages, and so that a replaced block
 * goes at once while queries still read its content. A census counts the blocks: rows that vanish are noticed.
 *
 * The journal is a rollback journal (TRUNCATE, synchronous FULL), not a WAL: blocks are appended to new pages, which a
 * rollback journal writes once where a WAL writes them twice, and nobody reads while somebody writes: the store worker
 * does both. A commit truncates the journal and syncs that.
 */
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncDirectory } from "../log/segment.ts";
import { dropFile } from "./dropped-file.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Block, NewBlock } from "./block.ts";
import {
  blockOfCells,
  cellsOf,
  cellsOfBlock,
  COLUMNS,
  crcOfCells,
  INSERT_BLOCK,
  RESTORE_BLOCK,
  SCHEMA,
  SELECT_BLOCKS,
} from "./block-row.ts";
import type { OpenFiles } from "./open-files.ts";
import { periodName, type Period } from "./period.ts";

export const SCHEMA_VERSION = 1;
/** "WPPT" */
export const APPLICATION_ID = 0x57505054;
/** Of 4, 8, 16 and 32 KiB the one with the smallest files at the usual block sizes. */
const PAGE_BYTES = 4096;
/** Writes that may fail one after the other before the period goes on in another file. */
const FAILURES_MAX = 3;
/** Says nothing about the file. */
const PASSING = /^SQLITE_(FULL|BUSY|LOCKED|NOMEM|INTERRUPT)/;
const IO_ERROR = /^SQLITE_IOERR/;

/** Of a transaction: blocks that came, and blocks that went. */
interface BlockChange {
  readonly firstId: number;
  readonly lastId: number;
  readonly removed: readonly Block[];
}

/** A file that is being made; it gets its name when it is whole. */
export const UNFINISHED_SUFFIX = ".new";

export class PeriodFile {
  readonly name: string;
  readonly period: Period;
  /** 0 for the first file of a period; more where that has grown past its size or cannot be written. */
  readonly part: number;
  readonly #path: string;
  readonly #openFiles: OpenFiles;
  #database: Database | null = null;
  #lastId = 0;
  #failures = 0;
  /** Changes that failed, oldest first: whether they stand nobody knows. */
  #unsure: BlockChange[] = [];
  #isFrozen = false;

  constructor(dir: string, prefix: string, period: Period, part: number, openFiles: OpenFiles) {
    this.name = `${prefix}-${periodName(period)}${part === 0 ? "" : `.${part}`}.db`;
    this.period = period;
    this.part = part;
    this.#path = join(dir, this.name);
    this.#openFiles = openFiles;
  }

  /** It gets nothing more, and is read as far as that goes. */
  get isAtFault(): boolean {
    return this.#failures >= FAILURES_MAX;
  }

  get isWritable(): boolean {
    return !this.isAtFault && !this.#isFrozen;
  }

  /** Its bytes stay as they are, for somebody copies them. */
  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Between two writes. What one that failed left is undone first. Throws where that cannot be. */
  freeze(): void {
    if ((statSync(`${this.#path}-journal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
      this.close();
      this.#open().query("SELECT blocks FROM census").get();
    }
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
  }

  /** Makes the file, without blocks, unless it is there: under its name it is whole or not there at all. */
  create(): void {
    try {
      if (!existsSync(this.#path)) {
        const unfinished = this.#path + UNFINISHED_SUFFIX;
        makeDatabase(unfinished);
        // Of a file of this name that was dropped.
        rmSync(`${this.#path}-journal`, { force: true });
        renameSync(unfinished, this.#path);
      }
      syncDirectory(dirname(this.#path));
    } catch (error) {
      throw new Error(`${this.name} cannot be made: ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * All blocks. What cannot be read is told to `onDamage`; nothing is written to the file then. Fails with
   * FAILED_PRECONDITION where a later version wrote it, and with SQLite's error where it is no readable database at all.
   */
  loadBlocks(onDamage: (sentence: string) => void): Block[] {
    const blocks = new Map<number, Block>();
    const damaged = new Set<number>();
    // Where a page cannot be read, the blocks behind it are still reached from the other end.
    const failure = this.#readRows("ASC", blocks, damaged) && this.#readRows("DESC", blocks, damaged);
    for (const id of damaged) {
      onDamage(`${this.name}, block ${id}: its row does not match its checksum; its points are not served`);
    }
    try {
      if (failure !== undefined) throw failure;
      const number = (query: string) => numberOf(this.#open(), query);
      const found = blocks.size + damaged.size;
      const counted = number("SELECT blocks FROM census");
      if (found !== counted) throw new Error(`it counts ${counted} blocks, ${found} are there`);
      this.#lastId = Math.max(number("SELECT max(id) FROM block"), number("SELECT max(id) FROM content"));
      if (damaged.size > 0) this.#failures = FAILURES_MAX;
    } catch (error) {
      onDamage(`${this.name} is damaged: ${messageOf(error)}; points of ${blocks.size} blocks are served, no others`);
      this.#failures = FAILURES_MAX;
    }
    return [...blocks.values()];
  }

  /** The index of a block as stored, and nothing checked; null when there is none. */
  readIndex(id: number): Uint8Array | null {
    const row = this.#open().query("SELECT idx FROM content WHERE id = ?").get(id) as { idx: Uint8Array } | null;
    return row?.idx ?? null;
  }

  /** The body of a block as stored, and nothing checked; null when there is none. */
  readBody(id: number): Uint8Array | null {
    const row = this.#open().query("SELECT body FROM content WHERE id = ?").get(id) as { body: Uint8Array } | null;
    return row?.body ?? null;
  }

  /**
   * Adds and removes blocks in one transaction: all of it is durable afterwards, or an error says that it may not be.
   * What was removed can be read until {@link discard}. After an error the next write undoes it, should it stand.
   */
  replace(added: readonly NewBlock[], removed: readonly Block[]): Block[] {
    const change = { firstId: this.#lastId + 1, lastId: this.#lastId + added.length, removed };
    try {
      return this.#replace(added, removed);
    } catch (error) {
      this.#unsure.push(change);
      throw error;
    }
  }

  #replace(added: readonly NewBlock[], removed: readonly Block[]): Block[] {
    return this.#write((database) => {
      const insertBlock = database.query(INSERT_BLOCK);
      const insertContent = database.query("INSERT INTO content (id, idx, body) VALUES (?, ?, ?)");
      const deleteBlock = database.query("DELETE FROM block WHERE id = ?");
      const blocks = added.map((one) => {
        const id = ++this.#lastId;
        const cells = cellsOf(id, one);
        insertBlock.run(...cells, crcOfCells(cells));
        insertContent.run(id, one.block.index, one.block.body);
        return blockOfCells(this, cells);
      });
      const gone = removed.reduce((sum, { id }) => sum + deleteBlock.run(id).changes, 0);
      database.query("UPDATE census SET blocks = blocks + ?").run(added.length - gone);
      return blocks;
    });
  }

  /** Removes the content of blocks that were replaced and are read no more. */
  discard(blocks: readonly Block[]): void {
    this.#write((database) => {
      const deleteContent = database.query("DELETE FROM content WHERE id = ?");
      for (const { id } of blocks) deleteContent.run(id);
    });
  }

  /** Removes content that a crash kept from being discarded. Before anything is replaced. */
  discardOrphans(): void {
    const orphans = "FROM content WHERE id NOT IN (SELECT id FROM block)";
    if (this.#open().query(`SELECT id ${orphans} LIMIT 1`).get() === null) return;
    this.#write((database) => database.run(`DELETE ${orphans}`));
  }

  /** Gives up to `pages` free pages back to the file system; returns how many are left. */
  vacuum(pages: number): number {
    const free = () => numberOf(this.#open(), "PRAGMA freelist_count");
    if (free() > 0) this.#write((database) => database.query(`PRAGMA incremental_vacuum(${pages})`).all());
    return free();
  }

  /** Bytes on disk. */
  get bytes(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Removes it from the disk; `leavesName`: a later part of its period is there. Throws where it cannot be. */
  drop(leavesName: boolean): void {
    this.close();
    dropFile(this.#path, leavesName);
  }

  /** The next use opens it again. */
  close(): void {
    this.#openFiles.forget(this);
    const database = this.#database;
    this.#database = null;
    database?.close();
  }

  /** Returns the error that ended it, if one did. */
  #readRows(order: "ASC" | "DESC", blocks: Map<number, Block>, damaged: Set<number>): unknown {
    const rows = this.#open().prepare(`${SELECT_BLOCKS} ORDER BY id ${order}`);
    try {
      for (const row of rows.iterate() as Iterable<Record<string, number>>) {
        const cells = COLUMNS.map((column) => row[column]);
        if (crcOfCells(cells) === row.crc) blocks.set(row.id, blockOfCells(this, cells));
        else damaged.add(Number(row.id));
      }
      return undefined;
    } catch (error) {
      return error;
    } finally {
      rows.finalize();
    }
  }

  /** One transaction. After an error the file is opened anew, so that SQLite recovers whatever stands on the disk. */
  #write<T>(change: (database: Database) => T): T {
    if (this.#isFrozen) throw new Error(`${this.name} is being copied for a backup: it must not be written`);
    try {
      const result = inTransaction(this.#open(), (database) => {
        for (const each of this.#unsure.toReversed()) undo(database, each);
        return change(database);
      });
      this.#failures = 0;
      this.#unsure = [];
      return result;
    } catch (error) {
      this.close();
      const code = error instanceof SQLiteError ? (error.code ?? "") : "";
      if (IO_ERROR.test(code)) this.#failures++;
      else if (!PASSING.test(code)) this.#failures = FAILURES_MAX;
      throw new Error(`${this.name}: ${messageOf(error)}`, { cause: error });
    }
  }

  #open(): Database {
    this.#openFiles.use(this);
    if (this.#database !== null) return this.#database;
    const database = new Database(this.#path, { create: false, readwrite: true, strict: true });
    try {
      this.#prepare(database);
    } catch (error) {
      this.#openFiles.forget(this);
      database.close();
      throw error;
    }
    this.#database = database;
    return database;
  }

  #prepare(database: Database): void {
    database.run("PRAGMA journal_mode = TRUNCATE");
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA cache_size = -1024");
    // Spilling a transaction's pages early would cost a sync of the journal each time; a transaction is a few MiB.
    database.run("PRAGMA cache_spill = OFF");
    const version = numberOf(database, "PRAGMA user_version");
    if (numberOf(database, "PRAGMA application_id") !== APPLICATION_ID || version < 1) {
      throw new Error("it is not a period file");
    }
    if (version <= SCHEMA_VERSION) return;
    throw new WatchpostError(
      "FAILED_PRECONDITION",
      `${this.name} has schema version ${version}, this program knows up to ${SCHEMA_VERSION}: use the newer program`,
    );
  }
}

/** Changes nothing where the change does not stand. The content of what was removed is there. */
function undo(database: Database, { firstId, lastId, removed }: BlockChange): void {
  const remove = (table: string) =>
    database.query(`DELETE FROM ${table} WHERE id BETWEEN ? AND ?`).run(firstId, lastId).changes;
  const gone = remove("block");
  remove("content");
  const insert = database.query(RESTORE_BLOCK);
  const back = removed
    .map(cellsOfBlock)
    .reduce((sum, cells) => sum + insert.run(...cells, crcOfCells(cells)).changes, 0);
  database.query("UPDATE census SET blocks = blocks + ?").run(back - gone);
}

function makeDatabase(path: string): void {
  for (const old of [path, `${path}-journal`]) rmSync(old, { force: true });
  const database = new Database(path, { create: true, readwrite: true, strict: true });
  try {
    database.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    database.run("PRAGMA auto_vacuum = INCREMENTAL");
    database.run("PRAGMA synchronous = FULL");
    inTransaction(database, () => {
      database.run(SCHEMA);
      database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
      database.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    });
  } finally {
    database.close();
  }
}

function inTransaction<T>(database: Database, change: (database: Database) => T): T {
  database.run("BEGIN IMMEDIATE");
  try {
    const result = change(database);
    database.run("COMMIT");
    return result;
  } catch (error) {
    try {
      if (database.inTransaction) database.run("ROLLBACK");
    } catch {
      // The journal rolls it back when the file is opened again.
    }
    throw error;
  }
}

/** The first cell of the first row; 0 where there is none. */
function numberOf(database: Database, query: string): number {
  return Number(Object.values(database.query(query).get() ?? {})[0] ?? 0);
}
