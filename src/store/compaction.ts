/**
 * Merges small blocks and gives space back, one bounded step after the other. A merge replaces blocks in file and
 * catalog at once; their content goes when no query that is under way may still read it.
 */
import type { WrittenBytes } from "../log/written-bytes.ts";
import { contentBytesOf, type Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Catalog } from "./catalog.ts";
import { mergeBlocks } from "./merge.ts";
import { planMerge, type MergeRules } from "./merge-plan.ts";
import type { PeriodFile } from "./period-file.ts";
import type { Slice } from "./slice.ts";

const MERGE_BYTES_MAX = 12 * 1024 * 1024;
/** Chunks of 8,192 points are 2 % smaller than those of 2,000, and making them is half of the work of storing a point. */
const CHUNK_POINTS_ENOUGH = 1024;
const VACUUM_PAGES = 256;

/** Runs that are merged at once, unless told otherwise: more of them rewrite a point less often. */
const RUNS_MIN = 4;

const EVERYTHING: MergeRules = {
  chunkPointsEnough: CHUNK_POINTS_ENOUGH,
  runsMin: 2,
  levelsApart: false,
  bytesMax: MERGE_BYTES_MAX,
};

export class Compaction {
  readonly #catalog: Catalog;
  /** Its own, so that merging does not push out what queries use. */
  readonly #reader: BlockReader;
  readonly #onReplaced: (blocks: readonly Block[]) => void;
  readonly #written: WrittenBytes;
  readonly #inBackground: MergeRules;
  /** Files that a crash may have left with content of replaced blocks. */
  readonly #toSweep: Set<PeriodFile>;
  readonly #toMerge: Set<PeriodFile>;
  readonly #toVacuum: Set<PeriodFile>;
  /** Replaced, with their content still there. */
  #leaving: Block[] = [];

  constructor(
    catalog: Catalog,
    reader: BlockReader,
    written: WrittenBytes,
    onReplaced: (blocks: readonly Block[]) => void,
    runsMin: number = RUNS_MIN,
  ) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#written = written;
    this.#onReplaced = onReplaced;
    this.#inBackground = { ...EVERYTHING, runsMin, levelsApart: true };
    this.#toSweep = new Set(catalog.files());
    this.#toMerge = new Set(catalog.files());
    this.#toVacuum = new Set(catalog.files());
  }

  get readBytes(): number {
    return this.#reader.readBytes;
  }

  /** Blocks have come to a file. */
  note(file: PeriodFile): void {
    this.#toMerge.add(file);
  }

  /** A file is about to go. Returns the blocks of it that were replaced and may still be read. */
  leave(file: PeriodFile): Block[] {
    for (const files of [this.#toSweep, this.#toMerge, this.#toVacuum]) files.delete(file);
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
   * One step; returns whether there was something to do. `everything`: merges whatever can be merged, not only what
   * pays. Throws when a file cannot be written: points are where they were then.
   */
  *step(everything: boolean, slice: Slice): Generator<void, boolean> {
    if (this.discardUnpinned()) return true;
    for (const file of this.#toSweep) {
      if (file.isWritable) this.#written.during("merge", 0, () => file.discardOrphans());
      this.#toSweep.delete(file);
      return true;
    }
    const rules = everything ? EVERYTHING : this.#inBackground;
    for (const file of this.#toMerge) {
      if (file.isWritable && (yield* this.#merge(file, rules, slice))) return true;
      this.#toMerge.delete(file);
    }
    for (const file of this.#toVacuum) {
      if (file.isWritable && this.#written.during("merge", 0, () => file.vacuum(VACUUM_PAGES)) > 0) return true;
      this.#toVacuum.delete(file);
      return true;
    }
    return false;
  }

  /** Removes what is replaced and read no more from one file. Returns whether there was any. Throws as {@link step}. */
  discardUnpinned(): boolean {
    const first = this.#leaving.find(({ pins }) => pins === 0);
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
      const merged = yield* mergeBlocks(plan, this.#reader, slice);
      // Something of it is damaged: the next plan leaves that out.
      if (merged === null) return true;
      yield;
      const replace = () => file.replace(merged, plan.blocks);
      this.#catalog.switch(this.#written.during("merge", contentBytesOf(merged), replace), plan.blocks);
      this.#leaving.push(...plan.blocks);
      this.#onReplaced(plan.blocks);
      return true;
    } finally {
      this.#reader.clear();
    }
  }
}
