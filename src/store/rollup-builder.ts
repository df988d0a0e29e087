/** Makes rollup rows out of points, and out of rows that are there and still stand. */
import { BlockBuilder, type ChunkSummary } from "../codec/block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Block } from "./block.ts";
import type { WrittenBlock } from "./chunk-writer.ts";
import { FoundChunks } from "./found-chunks.ts";
import { HeadRows } from "./head-rows.ts";
import type { RollupBlocks } from "./query.ts";
import { RollupSteps } from "./rollup-steps.ts";
import { SeriesReader } from "./series-reader.ts";
import { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";

/** Windows [fromUs, toUs) of some series; ends of windows. */
export interface Windows {
  readonly seriesIds: Uint32Array;
  readonly fromUs: number;
  readonly toUs: number;
}

export interface RollupSources {
  readonly blocks: readonly Block[];
  /** Finest first. */
  readonly rollups: readonly RollupBlocks[];
  readonly reader: BlockReader;
}

/** A row for every window with points, series by series. What cannot be read has no row. */
export function* rollUp(
  { seriesIds, fromUs, toUs }: Windows,
  resolutionUs: number,
  sources: RollupSources,
  slice: Slice,
): Generator<void, ChunkSummary[]> {
  const query = { seriesIds, fromUs, toUs, stepUs: resolutionUs, pointsMax: Infinity };
  const steps = new RollupSteps(resolutionUs);
  const querySources = { ...sources, headRows: HeadRows.none, areBlocksMissing: false };
  const reader = new SeriesReader(query, querySources, steps);
  const unused = new SeriesRows();
  const rows: ChunkSummary[] = [];
  for (let from = 0; from < seriesIds.length;) {
    const found = yield* FoundChunks.of(query, from, querySources, slice);
    for (let slot = from; slot < found.to; slot++) {
      steps.begin(seriesIds[slot]);
      yield* reader.read(slot, found, unused, Infinity, slice);
      rows.push(...steps.rows);
      if (slice.over()) yield;
    }
    from = found.to;
  }
  return rows;
}

/** Blocks of rows: ascending by series, then time. `blocks` are those the rows tell of. */
export function* blocksOfRows(
  rows: ChunkSummary[],
  blocks: readonly Block[],
  slice: Slice,
): Generator<void, WrittenBlock[]> {
  rows.sort((a, b) => a.seriesId - b.seriesId || a.fromUs - b.fromUs);
  const arrivalFromS = blocks.reduce((first, block) => Math.min(first, block.arrivalFromS), Infinity);
  const arrivalToS = blocks.reduce((last, block) => Math.max(last, block.arrivalToS), -Infinity);
  const written: WrittenBlock[] = [];
  let builder = new BlockBuilder();
  const finish = () => {
    if (builder.chunkCount > 0) written.push({ ...builder.finish(), arrivalFromS, arrivalToS });
    builder = new BlockBuilder();
  };
  for (const row of rows) {
    builder.addSummary(row);
    if (!builder.isFull) continue;
    finish();
    if (slice.over()) yield;
  }
  finish();
  return written;
}
