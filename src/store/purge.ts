/**
 * Finds the blocks that hold points of retired series, so that they are written again without them. What is damaged is
 * left alone: none of it is ever asked for.
 */
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { RetiredSeries } from "./retired-series.ts";
import type { Slice } from "./slice.ts";

export class Purge {
  readonly #retired: RetiredSeries;
  /** The version of the retired series of which a block holds none. */
  readonly #cleanAt = new WeakMap<Block, number>();

  constructor(retired: RetiredSeries) {
    this.#retired = retired;
  }

  /** The first of `blocks` to be written again; null when there is none. */
  *next(blocks: readonly Block[], reader: BlockReader, slice: Slice): Generator<void, Block | null> {
    for (const block of blocks) {
      if (!block.damaged && this.#holdsRetired(block, reader)) return block;
      if (slice.over()) yield;
    }
    return null;
  }

  #holdsRetired(block: Block, reader: BlockReader): boolean {
    const retired = this.#retired;
    if (!retired.anyIn(block.seriesFrom, block.seriesTo)) return false;
    if (this.#cleanAt.get(block) === retired.version) return false;
    const index = reader.index(block);
    if (index === null) return false;
    if (index.seriesIds.some((id) => retired.has(id))) return true;
    this.#cleanAt.set(block, retired.version);
    return false;
  }
}
