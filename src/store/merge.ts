/** Carries out a merge: small chunks of a series become larger ones, superseded values kept. */
import type { Block, BlockOrigin, NewBlock } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { CHUNK_POINTS_MAX, ChunkWriter } from "./chunk-writer.ts";
import { groupBySlot } from "./column.ts";
import type { MergePlan } from "./merge-plan.ts";
import type { RetiredSeries } from "./retired-series.ts";
import { rewriteBlock } from "./rewrite.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/**
 * What takes the place of a plan's blocks, retired series left out; null when one of them cannot be read: it is left as
 * it is then.
 */
export function* mergeBlocks(
  { blocks, seriesFrom, seriesTo }: MergePlan,
  retired: RetiredSeries,
  reader: BlockReader,
  slice: Slice,
): Generator<void, NewBlock[] | null> {
  const slots: number[] = [];
  const inputs: Block[] = [];
  const chunks: number[] = [];
  for (const block of blocks) {
    const index = reader.index(block);
    if (index === null) return null;
    for (let chunk = 0; chunk < index.count; chunk++) {
      const seriesId = index.seriesIds[chunk];
      if (seriesId < seriesFrom || seriesId > seriesTo || retired.has(seriesId)) continue;
      slots.push(seriesId - seriesFrom);
      inputs.push(block);
      chunks.push(chunk);
    }
    if (slice.over()) yield;
  }

  const chunksOf = yield* groupBySlot(slots, seriesTo - seriesFrom + 1, slice);
  const writer = new ChunkWriter();
  const rows = new RowBuffer();
  for (let slot = 0; slot <= seriesTo - seriesFrom; slot++) {
    rows.clear();
    for (let i = chunksOf.starts[slot]; i < chunksOf.starts[slot + 1]; i++) {
      const at = chunksOf.order[i];
      if (!reader.appendChunk(inputs[at], chunks[at], rows, true)) return null;
      if (slice.over()) yield;
    }
    if (rows.length === 0) continue;
    if (!rows.isRising) {
      yield* rows.sort(slice);
      rows.dropRepeats();
    }
    if (rows.length <= CHUNK_POINTS_MAX) writer.addChunk(seriesFrom + slot, rows, 0, rows.length);
    else yield* writer.addChunks(seriesFrom + slot, rows, 0, rows.length, slice);
  }
  const origin = mergedOrigin(blocks);
  const added: NewBlock[] = writer.finish().map((block) => ({ block, origin }));

  // Cut on both sides of the window: a block that spans it would be in it again, also where it has no series there.
  const isBelow = (seriesId: number) => seriesId < seriesFrom && !retired.has(seriesId);
  const isAbove = (seriesId: number) => seriesId > seriesTo && !retired.has(seriesId);
  for (const block of blocks) {
    for (const isKept of [isBelow, isAbove]) {
      if (isKept === isBelow ? block.seriesFrom >= seriesFrom : block.seriesTo <= seriesTo) continue;
      const rest = yield* rewriteBlock(block, isKept, reader, rows, slice);
      if (rest === null) return null;
      added.push(...rest);
    }
  }
  return added;
}

function mergedOrigin(blocks: readonly Block[]): BlockOrigin {
  return {
    ord: Math.max(...blocks.map(({ ord }) => ord)),
    level: Math.max(...blocks.map(({ level }) => level)) + 1,
    clockUntrusted: blocks.some(({ clockUntrusted }) => clockUntrusted),
    seqFrom: Math.min(...blocks.map(({ seqFrom }) => seqFrom)),
    seqTo: Math.max(...blocks.map(({ seqTo }) => seqTo)),
  };
}
