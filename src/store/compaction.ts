/**
 * Merges small blocks and gives space back, one bounded step after the other. A merge replaces blocks in file and
 * catalog at once; their content goes when no query that is under way may still read it.
 */
import type { Block } from "./block.ts";
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

const IN_BACKGROUND: MergeRules = {
  chunkPointsEnough: CHUNK_POINTS_ENOUGH,
  runsMin: 4,
  levelsApart: true,
  bytesMax: MERGE_BYTES_MAX,
};
const EVERYTHING: MergeRules = { ...IN_BACKGROUND, runsMin: 2, levelsApart: false };

export class Compaction {
  readonly #catalog: Catalog;
  /** Its own, so that merging does not push out what queries use. */
  readonly #reader: BlockReader;
  readonly #onReplaced: (blocks: readonly Block[]) => void;
  /** Files that a crash may have left with content of replaced blocks. */
  readonly #toSweep: Set<PeriodFile>;
  readonly #toMerge: Set<PeriodFile>;
  readonly #toVacuum: Set<PeriodFile>;
  /** Replaced, with their content still there. */
  #leaving: Block[] = [];

  constructor(catalog: Catalog, reader: BlockReader, onReplaced: (blocks: readonly Block[]) => void) {
    this.#catalog = catalog;
    this.#reader = reader;
    this.#onReplaced = onReplaced;
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

  noteAll(): void {
    for (const file of this.#catalog.files()) {
      this.#toMerge.add(file);
      this.#toVacuum.add(file);
    }
  }

  /**
   * One step; returns whether there was something to do. Frozen files are left for later. `everything`: merges whatever can be merged, not only what
   * pays. Throws when a file cannot be written: points are where they were then.
   */
  *step(everything: boolean, slice: Slice): Generator<void, boolean> {
    if (this.discardUnpinned()) return true;
    for (const file of this.#toSweep) {
      if (file.isFrozen) continue;
      if (file.isWritable) file.discardOrphans();
      this.#toSweep.delete(file);
      return true;
    }
    const rules = everything ? EVERYTHING : IN_BACKGROUND;
    for (const file of this.#toMerge) {
      if (file.isFrozen) continue;
      if (file.isWritable && (yield* this.#merge(file, rules, slice))) return true;
      this.#toMerge.delete(file);
    }
    for (const file of this.#toVacuum) {
      if (file.isFrozen) continue;
      if (file.isWritable && file.vacuum(VACUUM_PAGES) > 0) return true;
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
    if (file.isWritable) file.discard(gone);
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
      this.#catalog.switch(file.replace(merged, plan.blocks), plan.blocks);
      this.#leaving.push(...plan.blocks);
      this.#onReplaced(plan.blocks);
      return true;
    } finally {
      this.#reader.clear();
    }
  }
}
