/**
 * The store's part of a backup. Once everything that was absorbed is sealed, all period files are frozen at one instant:
 * together they hold just that. Then they are copied one after the other and thawed, those that the base has at once.
 * Points go on coming in: what is sealed into a frozen file's period sets a small file aside, or goes to another part
 * beside a large one; compaction, rollups and the dropping of files leave frozen ones for later.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Archive } from "./archive.ts";
import { DROPPED_SUFFIX } from "./dropped-file.ts";
import { FrozenFile, SET_ASIDE, type FrozenPiece } from "./frozen-file.ts";
import type { PeriodFile } from "./period-file.ts";
import type { Slice } from "./slice.ts";

/** What a file that was dropped before later parts of its period leaves in its place, empty. */
const isMarker = (name: string) => name.endsWith(`.db${DROPPED_SUFFIX}`);
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

interface Begin {
  isSealed(): boolean;
  resolve(): void;
  reject(error: unknown): void;
}

export class StoreBackup {
  readonly #dir: string;
  readonly #archive: Archive;
  readonly #onThawed: () => void;
  #frozen: Map<string, FrozenFile> | null = null;
  /** What lay in the directory when it was frozen, without files that are given up. */
  #names: string[] = [];
  #markers: string[] = [];
  /** One that begins with the next step of maintenance that finds everything sealed. */
  #begin: Begin | null = null;

  /** Removes what a crash left of an earlier one. */
  constructor(dir: string, archive: Archive, onThawed: () => void) {
    this.#dir = dir;
    this.#archive = archive;
    this.#onThawed = onThawed;
    for (const name of readdirSync(dir))
      if (SET_ASIDE.test(name)) rmSync(join(dir, name), { recursive: true, force: true });
  }

  get isRunning(): boolean {
    return this.#frozen !== null;
  }

  /** Resolves when all files are frozen, which is not before `isSealed`. One at a time: another is RESOURCE_EXHAUSTED. */
  begin(isSealed: () => boolean): Promise<void> {
    if (this.isRunning || this.#begin !== null) {
      const message = "another backup is being made; one at a time, try again when it has ended";
      return Promise.reject(new WatchpostError("RESOURCE_EXHAUSTED", message));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#begin = { isSealed, resolve, reject };
    return promise;
  }

  /** Between two steps of maintenance. */
  freezeWhenSealed(): void {
    const begin = this.#begin;
    if (begin === null || !begin.isSealed()) return;
    this.#begin = null;
    try {
      this.#freeze();
      begin.resolve();
    } catch (error) {
      begin.reject(error);
    }
  }

  /** The one that waits to begin does not. */
  failBegin(failure: WatchpostError): void {
    this.#begin?.reject(failure);
    this.#begin = null;
  }

  /** Looks at every frozen file and thaws those whose identity `base` has for their name. What it throws ends the backup. */
  *list(base: ReadonlyMap<string, string>, slice: Slice): Generator<void, BackupListed> {
    const frozen = this.#running();
    const files: BackupListed["files"][number][] = [];
    const names = new Set(this.#names.filter((name) => DATABASE.test(name)));
    try {
      for (const [name, one] of frozen) {
        const identity = one.identity();
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
    return { files, markers: this.#markers, leftOut: [...names] };
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

  /** Throws, and freezes nothing, where a file is not as it must be. */
  #freeze(): void {
    this.#frozen = new Map();
    try {
      const names = readdirSync(this.#dir).sort();
      // A file that a query keeps on the disk is as good as dropped.
      const leaving = this.#archive.retention.leavingNames();
      this.#names = names.filter((name) => !leaving.includes(name));
      this.#markers = [...names.filter(isMarker), ...leaving.map((name) => name + DROPPED_SUFFIX)];
      for (const catalog of this.#archive.catalogs) {
        for (const file of catalog.files()) {
          this.#frozen.set(file.name, new FrozenFile(this.#dir, file, catalog.ofFile(file)));
        }
      }
    } catch (error) {
      this.end();
      throw new WatchpostError("UNAVAILABLE", `the backup cannot begin: ${messageOf(error)}`, { cause: error });
    }
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
