/** One part that another node forwards: its block to rows of this node, taken as batches are. */
import { DamagedChunkError } from "../../codec/damaged.ts";
import { WatchpostError } from "../../model/errors.ts";
import { readForeignBlock } from "../../codec/foreign-block.ts";
import { BATCH_POINTS_MAX } from "../../model/limits.ts";
import type { Forwarded } from "../../wire/gen/forwarding_pb.ts";
import type { Intake } from "../intake.ts";
import { deliveredOf, type DeliveredBySource } from "./delivered.ts";
import type { ForwardedSeriesTable } from "./forwarded-series.ts";

export interface TakenPart {
  readonly points: number;
  readonly kept: number;
  readonly refused: number;
  readonly delivered: DeliveredBySource;
  /** By source the first reason. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Resolves once the rows are. */
  readonly durable: Promise<unknown>;
}

interface Chunk {
  readonly foreignId: number;
  readonly from: number;
  readonly to: number;
}

/** Throws INVALID_ARGUMENT where the block is not as the format allows, and what the log failed with while nothing can be committed. */
export function takePart(part: Forwarded, series: ForwardedSeriesTable, intake: Intake): TakenPart {
  series.name(part.series);
  const delivered: DeliveredBySource = new Map();
  for (const { source, points } of part.dropped) deliveredOf(delivered, source).dropped += Number(points);
  const reasons = new Map<string, string>();
  if (part.blockIndex.byteLength === 0) {
    return { points: 0, kept: 0, refused: 0, delivered, reasons, durable: Promise.resolve() };
  }
  const { seriesIds, timesUs, values, chunks } = rowsOf(part);
  const chunkOfRow = new Uint32Array(timesUs.length);
  const found = chunks.map(({ foreignId, from, to }, i) => {
    const one = series.find(foreignId);
    seriesIds.fill(one.id, from, to);
    chunkOfRow.fill(i, from, to);
    return one;
  });
  const length = timesUs.length;
  const groups = new Set<Promise<void>>();
  const refusedOf = new Uint32Array(chunks.length);
  let kept = 0;
  for (let from = 0; from < length; from += BATCH_POINTS_MAX) {
    const to = Math.min(from + BATCH_POINTS_MAX, length);
    const taken = intake.takeRows({ seriesIds, timesUs, values }, from, to, (row) => found[chunkOfRow[row]].reason);
    kept += taken.kept;
    if (taken.group !== undefined) groups.add(taken.group.done);
    for (const { index, reason } of taken.refused) {
      const chunk = chunkOfRow[index];
      refusedOf[chunk]++;
      if (!reasons.has(found[chunk].source)) reasons.set(found[chunk].source, reason);
    }
  }
  chunks.forEach(({ from, to }, i) => {
    const counts = deliveredOf(delivered, found[i].source);
    counts.refused += refusedOf[i];
    counts.points += to - from - refusedOf[i];
    if (refusedOf[i] === to - from) return;
    // Rows of a chunk ascend by time; refused ones at its ends are rare and told by their reasons.
    counts.firstUs = Math.min(counts.firstUs, timesUs[from]);
    counts.lastUs = Math.max(counts.lastUs, timesUs[to - 1]);
  });
  return { points: length, kept, refused: length - kept, delivered, reasons, durable: Promise.all(groups) };
}

interface Rows {
  readonly chunks: readonly Chunk[];
  /** To be filled in. */
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

function rowsOf({ blockIndex, blockBody }: Forwarded): Rows {
  try {
    const block = readForeignBlock(blockIndex, blockBody);
    const timesUs = new Float64Array(block.points);
    const values = new Float64Array(block.points);
    const chunks: Chunk[] = [];
    let from = 0;
    for (const chunk of block.chunks()) {
      timesUs.set(chunk.timesUs, from);
      values.set(chunk.values, from);
      chunks.push({ foreignId: chunk.seriesId, from, to: from + chunk.timesUs.length });
      from += chunk.timesUs.length;
    }
    return { chunks, seriesIds: new Uint32Array(block.points), timesUs, values };
  } catch (error) {
    if (!(error instanceof DamagedChunkError)) throw error;
    throw new WatchpostError("INVALID_ARGUMENT", `the block is damaged: ${error.message}`, { cause: error });
  }
}
