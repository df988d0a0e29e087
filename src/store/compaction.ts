/**
 * Merges small blocks, drops retired series and gives space back, one bounded step after the other. A merge replaces
 * blocks in file and catalog at once; their content goes when no query that is under way may still read it.
 */
import type { WrittenBytes } from "../log/written-bytes.ts";
import { contentBytesOf, type Block, type NewBlock } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Catalog } from "./catalog.ts";
import { mergeBlocks } from "./merge.ts";
import { planMerge, type MergePlan, type MergeRules } from "./merge-plan.ts";
import type { PeriodFile } from "./period-file.ts";
import { Purge } from "./purge.ts";
import type { RetiredSeries } from "./retired-series.ts";
import { rewriteBlock } from "./rewrite.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";
import type { Undelivered } from "./undelivered.ts";

const MERGE_BYTES_MAX = 12 * 1024 * 1024;
/** Chunks of 8,192 points are 2 % smaller than those of 2,000, and making them is half of the work of storing a point. */
const CHUNK_POINTS_ENOUGH = 1024;
const VACUUM_PAGES = 256;

/** Runs that are merged at once, unless told otherwise: more of them rewrite a point less often. */
const RUNS_MIN = 4;
const EVERYTHING = { runsMin: 2, levelsApart: false, bytesMax: MERGE_BYTES_MAX };

/** How blocks of a catalog are merged. */
export interface Merging {
  readonly isFinished: MergeRules["isFinished"];
  readonly stretchOf: MergeRules["stretchOf"];
  /** What takes the place of a plan's blocks; null where one of them cannot be read. */
  merge(plan: MergePlan, slice: Slice): Generator<void, NewBlock[] | null>;
  /** The chunks of a block whose series are kept; null where it cannot be read. */
  rewrite(block: Block, keeps: (seriesId: number) => boolean, slice: Slice): Generator<void, NewBlock[] | null>;
}

/** Chunks of points: small ones become large ones. */
export function mergingOfPoints(reader: BlockReader, retired: RetiredSeries, undelivered: Undelivered): Merging {
  return {
    isFinished: ({ points, chunks }) => points >= CHUNK_POINTS_ENOUGH * chunks,
    stretchOf: (block) => undelivered.stretchOf(block),
    merge: (plan, slice) => mergeBlocks(plan, retired, reader, slice),
    rewrite: (block, keeps, slice) => rewriteBlock(block, keeps, reader, new RowBuffer(), slice),
  };
}

export interface CompactionDeps {
  readonly catalog: Catalog;
  /** Its own, so that merging does not push out what queries use. */
  readonly reader: BlockReader;
  readonly merging: Merging;
  readonly retired: RetiredSeries;
  readonly written: WrittenBytes;
  onReplaced(blocks: readonly Block[]): void;
}

export class Compaction {
  readonly #catalog: Catalog;
  readonly #reader: BlockReader;
  readonly #merging: Merging;
  readonly #retired: RetiredSeries;
  readonly #purge: Purge;
  readonly #onReplaced: (blocks: readonly Block[]) => void;
  readonly #written: WrittenBytes;
  readonly #inBackground: typeof EVERYTHING;
  /** Files that a crash may have left with content of replaced blocks. */
  readonly #toSweep: Set<PeriodFile>;
  /** Files that may hold points of retired series. */
  readonly #toPurge: Set<PeriodFile>;
  readonly #toMerge: Set<PeriodFile>;
  readonly #toVacuum: Set<PeriodFile>;
  readonly #rewrites = { merge: 0, purge: 0 };
  /** Replaced, with their content still there. */
  #leaving: Block[] = [];

  constructor(deps: CompactionDeps, runsMin: number = RUNS_MIN) {
    const { catalog, reader, merging, retired, written, onReplaced } = deps;
    this.#catalog = catalog;
    this.#reader = reader;
    this.#merging = merging;
    this.#retired = retired;
    this.#purge = new Purge(retired);
    this.#written = written;
    this.#onReplaced = onReplaced;
    this.#inBackground = { ...EVERYTHING, runsMin, levelsApart: true };
    this.#toPurge = new Set(catalog.files());
    this.#toSweep = new Set(catalog.files());
    this.#toMerge = new Set(catalog.files());
    this.#toVacuum = new Set(catalog.files());
  }

  /** Since the start, by why: small blocks became large ones, or a block had points of retired series. */
  get rewrites(): Readonly<Record<"merge" | "purge", number>> {
    return this.#rewrites;
  }

  /** Blocks have come to a file. */
  note(file: PeriodFile): void {
    this.#toMerge.add(file);
    this.#toPurge.add(file);
  }

  /** Blocks of a file may be merged that were not to be. */
  noteDelivered(file: PeriodFile): void {
    this.#toMerge.add(file);
  }

  /** Series were retired. */
  noteRetired(): void {
    for (const file of this.#catalog.files()) this.#toPurge.add(file);
  }

  /** A file is about to go. Returns the blocks of it that were replaced and may still be read. */
  leave(file: PeriodFile): Block[] {
    for (const files of [this.#toSweep, this.#toPurge, this.#toMerge, this.#toVacuum]) files.delete(file);
    const left = this.#leaving.filter((block) => block.file === file);
    this.#leaving = this.#leaving.filter((block) => block.file !== file);
    return left;
  }

  noteAll(): void {
    for (const file of this.#catalog.files()) {
      this.#toMerge.add(file);
      this.#toVacuum.add(file);
    }
  }

  /**
   * One step; returns whether there was something to do. Frozen files are left for later. `everything`: merges whatever
   * can be merged, not only what pays. Throws when a file cannot be written: points are where they were then.
   */
  *step(everything: boolean, slice: Slice): Generator<void, boolean> {
    if (this.discardUnpinned()) return true;
    for (const file of this.#toSweep) {
      if (file.isFrozen) continue;
      if (file.isWritable) this.#written.during("merge", 0, () => file.discardOrphans());
      this.#toSweep.delete(file);
      return true;
    }
    for (const file of this.#toPurge) {
      if (file.isFrozen) continue;
      if (file.isWritable && (yield* this.#purgeFrom(file, slice))) return true;
      this.#toPurge.delete(file);
    }
    const { isFinished, stretchOf } = this.#merging;
    const rules = { ...(everything ? EVERYTHING : this.#inBackground), isFinished, stretchOf };
    for (const file of this.#toMerge) {
      if (file.isFrozen) continue;
      if (file.isWritable && (yield* this.#merge(file, rules, slice))) return true;
      this.#toMerge.delete(file);
    }
    for (const file of this.#toVacuum) {
      if (file.isFrozen) continue;
      if (file.isWritable && this.#written.during("merge", 0, () => file.vacuum(VACUUM_PAGES)) > 0) return true;
      this.#toVacuum.delete(file);
      return true;
    }
    return false;
  }

  /** Removes what is replaced and read no more from one file. Returns whether there was any. Throws as {@link step}. */
  discardUnpinned(): boolean {
    const first = this.#leaving.find(({ pins, file }) => pins === 0 && !file.isFrozen);
    if (first === undefined) return false;
    const { file } = first;
    const gone = this.#leaving.filter((block) => block.file === file && block.pins === 0);
    if (file.isWritable) this.#written.during("merge", 0, () => file.discard(gone));
    this.#leaving = this.#leaving.filter((block) => block.file !== file || block.pins > 0);
    this.#toVacuum.add(file);
    return true;
  }

  *#merge(file: PeriodFile, rules: MergeRules, slice: Slice): Generator<void, boolean> {
    const ofPeriod = this.#catalog.ofPeriod(file.period);
    const ofFile = ofPeriod.filter((block) => block.file === file);
    const plan = planMerge(ofFile, ofPeriod, rules);
    if (plan === null) return false;
    try {
      const merged = yield* this.#merging.merge(plan, slice);
      // Something of it is damaged: the next plan leaves that out.
      if (merged === null) return true;
      yield;
      // What is undelivered may have become more meanwhile: the next plan knows.
      const stretches = new Set(plan.blocks.map(this.#merging.stretchOf));
      if (stretches.size === 1 && !stretches.has(null)) this.#replace(file, merged, plan.blocks, "merge");
      return true;
    } finally {
      this.#reader.trim(0);
    }
  }

  *#purgeFrom(file: PeriodFile, slice: Slice): Generator<void, boolean> {
    const ofFile = this.#catalog.ofPeriod(file.period).filter((block) => block.file === file);
    try {
      const block = yield* this.#purge.next(ofFile, this.#reader, slice);
      if (block === null) return false;
      const isKept = (seriesId: number) => !this.#retired.has(seriesId);
      const rest = yield* this.#merging.rewrite(block, isKept, slice);
      // It is damaged, and left out from now on.
      if (rest === null) return true;
      yield;
      this.#replace(file, rest, [block], "purge");
      return true;
    } finally {
      this.#reader.trim(0);
    }
  }

  #replace(file: PeriodFile, added: readonly NewBlock[], removed: readonly Block[], why: "merge" | "purge"): void {
    const replace = () => file.replace(added, removed);
    this.#catalog.switch(this.#written.during("merge", contentBytesOf(added), replace), removed);
    this.#rewrites[why]++;
    this.#leaving.push(...removed);
    this.#onReplaced(removed);
  }
}
