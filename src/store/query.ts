/**
 * Range queries over blocks, rollups and head, one series after the other: its points in order of time to the steps,
 * the steps' rows through gap filling, grouping and thinning into the answer.
 */
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { FoundChunks } from "./found-chunks.ts";
import type { HeadRows } from "./head-rows.ts";
import type { RangeResult } from "./protocol.ts";
import { RangeAssembly, stepsIn, stepSpan } from "./range-assembly.ts";
import type { ReadingOrder } from "./reading-order.ts";
import { SeriesReader } from "./series-reader.ts";
import { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";
import { stepsOf } from "./step-functions.ts";
import { tooManyRows } from "./too-many-rows.ts";

/** Blocks of rollup rows, each a chunk of its own without a body. */
export interface RollupBlocks {
  readonly resolutionUs: number;
  readonly blocks: readonly Block[];
}

export interface QuerySources {
  /** In order within a period; pinned. */
  readonly blocks: readonly Block[];
  /** Finest first; pinned. */
  readonly rollups: readonly RollupBlocks[];
  readonly headRows: HeadRows;
  readonly reader: BlockReader;
  /** Whether there were blocks that could not be read at all. */
  readonly areBlocksMissing: boolean;
}

/** Drives one query to its end, or to the end of its part. */
export function* rangeOf(
  { query, slotOf }: ReadingOrder,
  sources: QuerySources,
  slice: Slice,
): Generator<void, RangeResult> {
  const { seriesIds, stepUs, func = "avg", grouping, maxPoints = 0, top, partRows = Infinity } = query;
  const stored = stepSpan(query, ...timesOf(sources));
  const points = new SeriesRows(Math.min(Math.max(ROWS_RESERVED_MIN, stepsIn(stored, stepUs)), ROWS_RESERVED_MAX));
  const steps = stepsOf(stepUs, func, points);
  const reader = new SeriesReader(query, sources, steps);
  const assembly = new RangeAssembly(query, stored);
  // Thinning and ranking look at all rows of a series, groups and parts take all of its steps; raw rows may go on in the
  // next part.
  const areTogether =
    maxPoints > 0 || top !== undefined || (stepUs > 0 && (grouping !== undefined || partRows < Infinity));

  let next: RangeResult["next"] = null;
  for (let from = 0; from < seriesIds.length && next === null;) {
    const found = yield* FoundChunks.of(query, from, sources, slice);
    for (let slot = from; slot < found.to && next === null; slot++) {
      points.clear();
      const rowsMax = areTogether ? SERIES_ROWS_MAX : Math.min(partRows, query.pointsMax) - assembly.rows;
      const nextUs = yield* reader.read(slot, found, points, rowsMax, slice);
      assembly.add(slotOf(slot), points);
      if (nextUs !== null && areTogether) throw tooManyRows(`a series has more than ${SERIES_ROWS_MAX} rows`);
      if (nextUs !== null) next = { slot, fromUs: nextUs };
      else if (assembly.rows >= partRows && slot + 1 < seriesIds.length)
        next = { slot: slot + 1, fromUs: query.fromUs };
      else if (slice.over()) yield;
    }
    from = found.to;
  }
  const rows = yield* assembly.end(slice);
  const { resolutionUs, isCoarse, pointsRead } = reader;
  return { ...rows, resolutionUs, isCoarse, isDamaged: isDamaged(sources), pointsRead, next };
}

/** Known once all was read. */
export function isDamaged({ blocks, rollups, areBlocksMissing }: QuerySources): boolean {
  return (
    areBlocksMissing ||
    [blocks, ...rollups.map((tier) => tier.blocks)].some((all) => all.some(({ damaged }) => damaged))
  );
}

/** Rows of a series that are in memory together at the most. */
export const SERIES_ROWS_MAX = 10_000_000;
/** Rows of a series that room is made for before they come. */
const [ROWS_RESERVED_MIN, ROWS_RESERVED_MAX] = [1 << 8, 1 << 17];

/** Between which there can be points, both inclusive. */
function timesOf({ blocks, rollups, headRows }: QuerySources): [firstUs: number, lastUs: number] {
  let [first, last] = [headRows.fromUs, headRows.toUs];
  for (const all of [blocks, ...rollups.map((tier) => tier.blocks)]) {
    for (const block of all) {
      first = Math.min(first, block.fromUs);
      last = Math.max(last, block.toUs);
    }
  }
  return [first, last];
}
