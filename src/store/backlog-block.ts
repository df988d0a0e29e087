/**
 * Chunks of a stored block on their way to an upstream. Units are taken as they lie in the file where all of their chunks
 * are wanted and nothing newer touches them; others are written again with the rows that stand.
 */
import { BlockBuilder, type BlockIndex, type FinishedBlock } from "../codec/block.ts";
import type { UnreadableRows } from "./backlog-protocol.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { GenerationView } from "./head.ts";
import { NewerTimes } from "./newer-times.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";
import type { WantedSeries } from "./wanted-series.ts";

/** What is newer than the block, all of it pinned. */
export interface NewerSources {
  readonly blocks: readonly Block[];
  readonly head: readonly GenerationView[];
}

export interface PartBounds {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

export interface BlockPart {
  /** Null: no row is wanted, stands and can be read. */
  readonly block: FinishedBlock | null;
  /** Of the block; ascending, each once. */
  readonly seriesIds: Uint32Array<ArrayBuffer>;
  /** Of the block; Infinity at its end. */
  readonly nextChunk: number;
  readonly replaced: number;
  readonly unreadable: readonly UnreadableRows[];
}

const NOTHING = { block: null, seriesIds: new Uint32Array(), replaced: 0, unreadable: [] };
const LIMITS = { unitBytesTarget: 64 * 1024, blockBytesTarget: Infinity };

/** As many chunks from `from` on as fit. */
export function* partOfBlock(
  block: Block,
  from: number,
  wanted: WantedSeries,
  newerSources: NewerSources,
  reader: BlockReader,
  bounds: PartBounds,
  slice: Slice,
): Generator<void, BlockPart> {
  const index = reader.index(block);
  if (index === null) return { ...NOTHING, nextChunk: Infinity, unreadable: [rowsAt(block, 0, block.points)] };
  const to = endOfPart(index, from, wanted, bounds);
  const nextChunk = to < index.count ? to : Infinity;
  if (from >= to) return { ...NOTHING, nextChunk };
  const newer = new NewerTimes({
    seriesIds: index.seriesIds.subarray(from, to),
    fromUs: index.fromUs.subarray(from, to),
    toUs: index.toUs.subarray(from, to),
  });
  yield* newer.takeHead(newerSources.head, null, slice);
  yield* newer.takeBlocks(newerSources.blocks, reader, slice);
  yield* newer.settle(slice);

  const builder = new BlockBuilder(LIMITS);
  const rows = new RowBuffer();
  const ids: number[] = [];
  let replaced = 0;
  let [unreadable, unreadableFrom] = [0, 0];
  const stands = (slot: number) => (timeUs: number) => !newer.has(slot, timeUs);
  const isAsItLies = (chunk: number) => wanted.has(index.seriesIds[chunk]) && !newer.isIn(chunk - from);
  for (let chunk = from; chunk < to;) {
    const unit = index.units[chunk];
    const end = endOfUnit(index, chunk);
    const isWhole = end <= to && (chunk === 0 || index.units[chunk - 1] !== unit);
    const mayLie = isWhole && rowsIn(index, chunk, end) <= bounds.rowsMax && areAll(chunk, end, isAsItLies);
    const packed = mayLie ? reader.packedUnit(block, unit) : null;
    if (packed !== null) {
      builder.addUnit(index, unit, chunk, packed);
      for (; chunk < end; chunk++) ids.push(index.seriesIds[chunk]);
    }
    for (; chunk < Math.min(end, to); chunk++) {
      if (!wanted.has(index.seriesIds[chunk])) continue;
      rows.clear();
      if (!reader.appendChunk(block, chunk, rows, false)) {
        if (unreadable === 0) unreadableFrom = chunk;
        unreadable += index.counts[chunk];
      }
      const found = rows.length;
      if (index.superseded[chunk] > 0) rows.keepLatest();
      if (newer.isIn(chunk - from)) rows.keep(0, stands(chunk - from));
      replaced += found - rows.length;
      if (rows.length > 0) {
        rows.arrivalsS.fill(block.arrivalToS, 0, rows.length);
        ids.push(index.seriesIds[chunk]);
        builder.add(index.seriesIds[chunk], rows.timesUs, rows.values, rows.arrivalsS, 0, rows.length);
      }
      if (slice.over()) yield;
    }
    if (slice.over()) yield;
  }
  const seriesIds = Uint32Array.from(ids.filter((id, i) => id !== ids[i - 1]));
  return {
    block: ids.length === 0 ? null : builder.finish(),
    ...{ seriesIds, nextChunk, replaced },
    unreadable: unreadable === 0 ? [] : [rowsAt(block, unreadableFrom, unreadable)],
  };
}

/** Whole units; of one that alone is too large, as many chunks as fit, and at least one. */
function endOfPart(index: BlockIndex, from: number, wanted: WantedSeries, { rowsMax, bytesMax }: PartBounds): number {
  const rowsOf = (chunk: number) => (wanted.has(index.seriesIds[chunk]) ? index.counts[chunk] : 0);
  let [to, rows, bytes] = [from, 0, 0];
  while (to < index.count) {
    const end = endOfUnit(index, to);
    let unitRows = 0;
    for (let chunk = to; chunk < end; chunk++) unitRows += rowsOf(chunk);
    const unitBytes = unitRows === 0 ? 0 : index.unitLengths[index.units[to]];
    const fits = rows + unitRows <= rowsMax && bytes + unitBytes <= bytesMax;
    if (rows > 0 && !fits) return to;
    if (unitRows > rowsMax) {
      do rows += rowsOf(to++);
      while (to < end && rows + rowsOf(to) <= rowsMax);
      return to;
    }
    [to, rows, bytes] = [end, rows + unitRows, bytes + unitBytes];
  }
  return to;
}

function rowsAt({ file, id }: Block, chunk: number, points: number): UnreadableRows {
  return { place: `${file.name}, block ${id}, chunk ${chunk}`, points };
}

function endOfUnit({ units, count }: BlockIndex, chunk: number): number {
  let end = chunk + 1;
  while (end < count && units[end] === units[chunk]) end++;
  return end;
}

function rowsIn({ counts }: BlockIndex, from: number, to: number): number {
  let rows = 0;
  for (let chunk = from; chunk < to; chunk++) rows += counts[chunk];
  return rows;
}

function areAll(from: number, to: number, holds: (chunk: number) => boolean): boolean {
  for (let chunk = from; chunk < to; chunk++) if (!holds(chunk)) return false;
  return true;
}
