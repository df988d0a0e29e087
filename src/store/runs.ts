/**
 * Series step by step, each step as what is known of its points together: for whoever has more points of the same series elsewhere.
 * Steps without points are left out; late points beside a rollup row count in its step.
 */
import { FoundChunks } from "./found-chunks.ts";
import type { RangeQuery, RunColumns, RunsResult } from "./protocol.ts";
import { isDamaged, SERIES_ROWS_MAX, type QuerySources } from "./query.ts";
import { RollupSteps } from "./rollup-steps.ts";
import { SeriesReader } from "./series-reader.ts";
import { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";
import { tooManyRows } from "./too-many-rows.ts";

const COLUMNS = ["fromUs", "toUs", "count", "min", "max", "sum", "first", "last"] as const;

/** Of a query its series, times, step, `asOfS` and `partRows` count. */
export function* runsOf(query: RangeQuery, sources: QuerySources, slice: Slice): Generator<void, RunsResult> {
  const { seriesIds, stepUs, partRows = Infinity } = query;
  const steps = new RollupSteps(stepUs);
  const reader = new SeriesReader(query, sources, steps);
  const none = new SeriesRows();
  const [slots, offsets, runs] = [[] as number[], [0], [] as (typeof steps.rows)[number][]];
  let next: RunsResult["next"] = null;
  for (let from = 0; from < seriesIds.length && next === null;) {
    const found = yield* FoundChunks.of(query, from, sources, slice);
    for (let slot = from; slot < found.to && next === null; slot++) {
      steps.begin(seriesIds[slot]);
      yield* reader.read(slot, found, none, Infinity, slice);
      if (steps.rows.length > SERIES_ROWS_MAX) throw tooManyRows(`a series has more than ${SERIES_ROWS_MAX} steps`);
      if (steps.rows.length > 0) {
        for (const run of steps.rows) runs.push(run);
        slots.push(slot);
        offsets.push(runs.length);
      }
      if (runs.length >= partRows && slot + 1 < seriesIds.length) next = { slot: slot + 1, fromUs: query.fromUs };
      else if (slice.over()) yield;
    }
    from = found.to;
  }
  const columns = Object.fromEntries(
    COLUMNS.map((name) => [name, Float64Array.from(runs, (run) => run[name])]),
  ) as unknown as RunColumns;
  const { resolutionUs, isCoarse, pointsRead } = reader;
  const rows = { slots: Uint32Array.from(slots), offsets: Uint32Array.from(offsets), runs: columns };
  return { ...rows, resolutionUs, isCoarse, isDamaged: isDamaged(sources), pointsRead, next };
}
