/** Series by metric, then source and tags. */
import { metricOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import { firstInOrder } from "./in-order.ts";
import type { Work } from "./sliced-work.ts";

interface Run {
  readonly metric: string;
  readonly from: number;
  to: number;
}

const IDS_PER_CHECK = 1_024;

/**
 * Places [from, to) of `ids` in order. `ids` stand metric by metric: only the metrics that reach into the range are
 * sorted, so that a page far behind costs no more than the first.
 */
export function* inOrderOfNames(ids: Uint32Array, from: number, to: number, registry: SeriesRegistry): Work<number[]> {
  const runs = yield* runsOf(ids, registry);
  const byMetric = yield* firstInOrder(runs, runs.length, (a, b) => (a.metric < b.metric ? -1 : 1));
  const found: number[] = [];
  let at = 0;
  for (const run of byMetric) {
    const end = at + run.to - run.from;
    if (end > from && at < to) {
      const wanted = Math.min(end, to) - at;
      const first = yield* firstInOrder(ids.subarray(run.from, run.to), wanted, (a, b) =>
        registry.keyOf(a) < registry.keyOf(b) ? -1 : 1,
      );
      for (const id of first.slice(Math.max(0, from - at))) found.push(id);
    }
    at = end;
  }
  return found;
}

function* runsOf(ids: Uint32Array, registry: SeriesRegistry): Work<Run[]> {
  const runs: Run[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (i % IDS_PER_CHECK === 0) yield;
    const key = registry.keyOf(ids[i]);
    const last = runs.at(-1);
    if (last !== undefined && key.startsWith(last.metric) && key[last.metric.length] === "\0") last.to = i + 1;
    else runs.push({ metric: metricOfKey(key), from: i, to: i + 1 });
  }
  return runs;
}
