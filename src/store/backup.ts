/**
 * The store's part of a backup. Once everything that was absorbed is sealed, all period files are frozen at one instant:
 * together they hold just that. Then they are copied one after the other and thawed, those that the base has at once.
 * Points go on coming in: what is sealed into a frozen file's period sets a small file aside, or goes to another part
 * beside a large one; compaction leaves frozen files for later.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Catalog } from "./catalog.ts";
import { FrozenFile, SET_ASIDE, type FrozenPiece } from "./frozen-file.ts";
import type { PeriodFile } from "./period-file.ts";
import type { Slice } from "./slice.ts";

/** What a file that was dropped before later parts of its period leaves in its place, empty. */
const DROPPED = /\.db\.dropped$/;
/** Series come from the log worker, which has `state.db`. */
const DATABASE = /^(?!state\.db$).*\.db$/;

export interface BackupListed {
  readonly files: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly identity: string;
    /** The base has it: it is not read. */
    readonly unchanged: boolean;
  }[];
  /** Empty files that belong to it. */
  readonly markers: readonly string[];
  /** Files that could not be read as period files when the store was opened, or are there no more. */
  readonly leftOut: readonly string[];
}

export class StoreBackup {
  readonly #dir: string;
  readonly #catalogs: readonly Catalog[];
  readonly #onThawed: () => void;
  #frozen: Map<string, FrozenFile> | null = null;
  /** What lay in the directory when it was frozen. */
  #names: string[] = [];

  /** Removes what a crash left of an earlier one. */
  constructor(dir: string, catalogs: readonly Catalog[], onThawed: () => void) {
    this.#dir = dir;
    this.#catalogs = catalogs;
    this.#onThawed = onThawed;
    for (const name of readdirSync(dir))
      if (SET_ASIDE.test(name)) rmSync(join(dir, name), { recursive: true, force: true });
  }

  get isRunning(): boolean {
    return this.#frozen !== null;
  }

  /** Between two steps of maintenance. Throws, and freezes nothing, where a file is not as it must be. */
  freeze(): void {
    this.#frozen = new Map();
    try {
      this.#names = readdirSync(this.#dir).sort();
      for (const file of this.#catalogs.flatMap((catalog) => catalog.files())) {
        this.#frozen.set(file.name, new FrozenFile(this.#dir, file));
      }
    } catch (error) {
      this.end();
      throw new WatchpostError("UNAVAILABLE", `the backup cannot begin: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Looks at every frozen file and thaws those whose identity `base` has for their name. What it throws ends the backup. */
  *list(base: ReadonlyMap<string, string>, slice: Slice): Generator<void, BackupListed> {
    const frozen = this.#running();
    const files: BackupListed["files"][number][] = [];
    const names = new Set(this.#names.filter((name) => DATABASE.test(name)));
    try {
      for (const [name, one] of frozen) {
        const identity = one.identity(this.#catalogs.flatMap((catalog) => catalog.ofFile(one.file)));
        const unchanged = base.get(name) === identity;
        if (identity !== null) files.push({ name, bytes: one.bytes, identity, unchanged });
        if (identity !== null) names.delete(name);
        if (identity === null || unchanged) this.#thaw(one);
        if (slice.over()) yield;
        if (this.#frozen !== frozen) throw ended();
      }
    } catch (error) {
      if (this.#frozen === frozen) this.end();
      throw error;
    }
    return { files, markers: this.#names.filter((name) => DROPPED.test(name)), leftOut: [...names] };
  }

  /** The next piece of a file that is not unchanged; after the last one it is thawed. Null when it was dropped. */
  *read(name: string): Generator<void, FrozenPiece | null> {
    const one = this.#running().get(name);
    if (one === undefined) throw ended();
    const piece = one.next();
    if (piece === null || piece.sha256 !== null) this.#thaw(one);
    return piece;
  }

  /** Before a file is written: makes that possible, if it can. */
  *makeWritable(file: PeriodFile | undefined, slice: Slice): Generator<void, void> {
    if (file === undefined || !file.isFrozen) return;
    const one = this.#frozen?.get(file.name);
    if (one !== undefined) yield* one.setAside(slice);
  }

  /** Thaws everything. Idempotent. */
  end(): void {
    const frozen = this.#frozen;
    this.#frozen = null;
    if (frozen === null) return;
    for (const one of frozen.values()) one.release();
    this.#onThawed();
  }

  #thaw(one: FrozenFile): void {
    one.release();
    this.#frozen?.delete(one.file.name);
    this.#onThawed();
  }

  #running(): Map<string, FrozenFile> {
    if (this.#frozen === null) throw ended();
    return this.#frozen;
  }
}

function ended(): WatchpostError {
  return new WatchpostError("ABORTED", "the backup was ended");
}
