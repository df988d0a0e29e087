/** A block row as the catalog holds it: everything but its index and body. */
import type { WrittenBlock } from "./chunk-writer.ts";
import type { PeriodFile } from "./period-file.ts";

/** What a block does not know from its rows. */
export interface BlockOrigin {
  /**
   * Place among the blocks of its period: where chunks of a series overlap in time, the higher order wins, and of
   * equal ones the higher id.
   */
  readonly ord: number;
  /** Merges behind it: 0 as sealed. */
  readonly level: number;
  /** Whether the wall clock was untrusted when some of its rows arrived. */
  readonly clockUntrusted: boolean;
  /** Log sequences its rows came from, both inclusive. */
  readonly seqFrom: number;
  readonly seqTo: number;
}

export interface Block extends BlockOrigin {
  readonly file: PeriodFile;
  /** Within the file; never used twice while the store is open. */
  readonly id: number;
  readonly fromUs: number;
  /** Last event time, inclusive. */
  readonly toUs: number;
  readonly seriesFrom: number;
  /** Inclusive. */
  readonly seriesTo: number;
  readonly chunks: number;
  /** Rows, superseded ones included. */
  readonly points: number;
  /** Unix seconds, both inclusive. */
  readonly arrivalFromS: number;
  readonly arrivalToS: number;
  readonly indexBytes: number;
  readonly indexCrc: number;
  readonly bodyBytes: number;
  /** Queries that may still read it. */
  pins: number;
  /** Something of it cannot be read. Named once; such a block is left as it is. */
  damaged: boolean;
}

/** A block to be written. */
export interface NewBlock {
  readonly block: WrittenBlock;
  readonly origin: BlockOrigin;
}

/** Bytes of their indexes and bodies. */
export function contentBytesOf(blocks: readonly NewBlock[]): number {
  return blocks.reduce((sum, { block }) => sum + block.index.byteLength + block.body.byteLength, 0);
}

/** Negative when `a` stands before `b`. Only for blocks of one period. */
export function compareBlocks(a: Block, b: Block): number {
  return a.ord - b.ord || a.id - b.id;
}

/** How a damage sentence names a block and what it holds. */
export function describeBlock(block: Block): string {
  const at = (timeUs: number) => new Date(Math.floor(timeUs / 1000)).toISOString();
  const { file, id, seriesFrom, seriesTo, fromUs, toUs } = block;
  return `${file.name}, block ${id} (series ${seriesFrom} to ${seriesTo}, ${at(fromUs)} to ${at(toUs)})`;
}
