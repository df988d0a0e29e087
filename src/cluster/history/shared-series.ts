/** Series that several nodes have points of: what each has is brought together, so that the last write of each time stands. */
import { SeriesRows } from "../../store/series-rows.ts";
import { stepsOf, takesSummaries } from "../../store/step-functions.ts";
import type { RangeQuery } from "../../store/store-client.ts";
import { tooManyRows } from "../../store/too-many-rows.ts";
import type { AskedNodes } from "./asked-nodes.ts";
import type { Breather } from "./breather.ts";
import { contestedTimes, mergeRows, type NodeRows } from "./merge-rows.ts";
import { overlappedSteps, spansOf, takeRuns, type TimeSpan } from "./merge-runs.ts";
import type { SeriesAsk } from "./series-part.ts";
import { slotsByNode, type PlacedSeries } from "./split-series.ts";

/** Series that are brought together at once, and rows of them that are in memory meanwhile. */
const SHARED_AT_ONCE = 256;
export const HELD_ROWS_MAX = 10_000_000;
/** Stretches of overlapping steps that are asked for by themselves. */
const SPANS_MAX = 8;

export type TakeSeries = (slot: number, rows: SeriesRows) => void;

/** Rows of each series to `take`, in the order of slots. */
export async function eachShared(
  shared: readonly PlacedSeries[],
  query: RangeQuery,
  nodes: AskedNodes,
  breather: Breather,
  take: TakeSeries,
): Promise<void> {
  const { stepUs, func = "avg" } = query;
  for (let at = 0; at < shared.length; at += SHARED_AT_ONCE) {
    const some = shared.slice(at, at + SHARED_AT_ONCE);
    if (stepUs > 0 && takesSummaries(func)) await eachOfRuns(some, query, nodes, breather, take);
    else await eachOfPoints(some, query, nodes, breather, take);
  }
}

async function eachOfPoints(
  shared: readonly PlacedSeries[],
  query: RangeQuery,
  nodes: AskedNodes,
  breather: Breather,
  take: TakeSeries,
): Promise<void> {
  const { stepUs, func = "avg" } = query;
  const rows = new SeriesRows();
  const steps = stepsOf(stepUs, func, rows);
  const points = await readPoints(shared, [query], query, nodes);
  const merged = new SeriesRows();
  for (const { slot } of shared) {
    merged.clear();
    mergeRows(points.of(slot), points.arrivalOf(slot), merged);
    points.forget(slot);
    if (merged.length === 0) continue;
    rows.clear();
    steps.take(merged.timesUs, merged.values, 0, merged.length);
    steps.end();
    take(slot, rows);
    await breather.breathe();
  }
}

async function eachOfRuns(
  shared: readonly PlacedSeries[],
  query: RangeQuery,
  nodes: AskedNodes,
  breather: Breather,
  take: TakeSeries,
): Promise<void> {
  const { stepUs, func = "avg", fromUs, toUs, asOfS } = query;
  const ask: SeriesAsk = { reading: "runs", fromUs, toUs, stepUs, ...(asOfS !== undefined && { asOfS }) };
  const runs = await readShared(shared, ask, nodes);
  const overlapped = new Map<number, number[]>();
  for (const { slot } of shared) {
    const starts = overlappedSteps(runs.of(slot), stepUs);
    if (starts.length > 0) overlapped.set(slot, starts);
    await breather.breathe();
  }
  const starts = new Set([...overlapped.values()].flat());
  const spans = spansOf(
    [...starts].sort((a, b) => a - b),
    stepUs,
    SPANS_MAX,
  );
  const points = await readPoints(
    shared.filter(({ slot }) => overlapped.has(slot)),
    spans,
    query,
    nodes,
  );
  const rows = new SeriesRows();
  const steps = stepsOf(stepUs, func, rows);
  for (const { slot } of shared) {
    rows.clear();
    takeRuns(runs.of(slot), stepUs, points.of(slot), points.arrivalOf(slot), steps);
    if (rows.length > 0) take(slot, rows);
    await breather.breathe();
  }
}

interface SharedPoints {
  /** Of each node that has some. */
  of(slot: number): readonly NodeRows[];
  /** When what a node has at a contested time has arrived. */
  arrivalOf(slot: number): (nodeId: string, timeUs: number) => number;
  forget(slot: number): void;
}

/** Points as they are, of spans that lie one behind the other, and of those that nodes do not agree on when they have arrived. */
async function readPoints(
  shared: readonly PlacedSeries[],
  spans: readonly TimeSpan[],
  { fromUs, toUs, asOfS }: RangeQuery,
  nodes: AskedNodes,
): Promise<SharedPoints> {
  const asOf = asOfS === undefined ? {} : { asOfS };
  const found = new Map<number, Map<string, NodeRows>>();
  for (const span of shared.length === 0 ? [] : spans) {
    const times = { fromUs: Math.max(span.fromUs, fromUs), toUs: Math.min(span.toUs, toUs) };
    const read = await readShared(shared, { reading: "rows", ...times, ...asOf }, nodes);
    for (const { slot } of shared) {
      const byNode = found.get(slot) ?? new Map<string, NodeRows>();
      found.set(slot, byNode);
      for (const { nodeId, columns } of read.of(slot)) {
        const before = byNode.get(nodeId);
        const [timesUs, values] = before === undefined ? columns : joined([before.timesUs, before.values], columns);
        byNode.set(nodeId, { nodeId, timesUs, values });
      }
    }
  }
  const of = (slot: number) => [...(found.get(slot)?.values() ?? [])];
  const arrivals = await readArrivals(shared, of, asOfS, nodes);
  return {
    of,
    arrivalOf: (slot) => (nodeId, timeUs) => arrivals.get(slot)?.get(nodeId)?.get(timeUs) ?? -Infinity,
    forget: (slot) => void found.delete(slot),
  };
}

/** By slot and node: when what stands at contested times has arrived, Unix seconds. */
export async function readArrivals(
  shared: readonly PlacedSeries[],
  of: (slot: number) => readonly NodeRows[],
  asOfS: number | undefined,
  nodes: AskedNodes,
): Promise<Map<number, Map<string, Map<number, number>>>> {
  const contested = new Map<number, Set<number>>();
  let [firstUs, lastUs] = [Infinity, -Infinity];
  for (const { slot } of shared) {
    const times = contestedTimes(of(slot));
    if (times.length === 0) continue;
    contested.set(slot, new Set(times));
    firstUs = Math.min(firstUs, times[0]);
    lastUs = Math.max(lastUs, times[times.length - 1]);
  }
  const arrivals = new Map<number, Map<string, Map<number, number>>>();
  if (contested.size === 0) return arrivals;
  const seconds = { fromS: 0, toS: asOfS === undefined ? Infinity : asOfS + 1 };
  const ask: SeriesAsk = { reading: "arrivals", fromUs: firstUs, toUs: lastUs + 1, ...seconds };
  const asked = slotsByNode(shared.filter(({ slot }) => contested.has(slot)));
  const reading = [...asked].map(async ([nodeId, slots]) => {
    for await (const { slots: found, rows, columns } of nodes.partsOf(nodeId, slots, ask)) {
      const [timesUs, , arrivalsS] = columns;
      let row = 0;
      for (const [i, slot] of found.entries()) {
        const wanted = contested.get(slot)!;
        // In order of arrival: that of the last write stays.
        for (const end = row + rows[i]; row < end; row++) {
          if (wanted.has(timesUs[row])) timesOf(arrivals, slot, nodeId).set(timesUs[row], arrivalsS[row]);
        }
      }
    }
  });
  await Promise.all(reading);
  return arrivals;
}

function timesOf(
  arrivals: Map<number, Map<string, Map<number, number>>>,
  slot: number,
  nodeId: string,
): Map<number, number> {
  const byNode = arrivals.get(slot) ?? new Map<string, Map<number, number>>();
  arrivals.set(slot, byNode);
  const times = byNode.get(nodeId) ?? new Map<number, number>();
  byNode.set(nodeId, times);
  return times;
}

interface NodeColumns {
  readonly nodeId: string;
  readonly columns: readonly Float64Array[];
}

/** All of what each node has. Fails with RESOURCE_EXHAUSTED where that is too much. */
async function readShared(
  shared: readonly PlacedSeries[],
  ask: SeriesAsk,
  nodes: AskedNodes,
): Promise<{ of(slot: number): readonly NodeColumns[] }> {
  const found = new Map<number, { nodeId: string; columns: readonly Float64Array[] }[]>();
  let held = 0;
  const reading = [...slotsByNode(shared)].map(async ([nodeId, slots]) => {
    for await (const part of nodes.partsOf(nodeId, slots, ask)) {
      let from = 0;
      for (const [i, slot] of part.slots.entries()) {
        const columns = part.columns.map((column) => column.subarray(from, from + part.rows[i]));
        from += part.rows[i];
        const ofSlot = found.get(slot) ?? [];
        found.set(slot, ofSlot);
        const before = ofSlot.find((each) => each.nodeId === nodeId);
        if (before === undefined) ofSlot.push({ nodeId, columns });
        else before.columns = joined(before.columns, columns);
      }
      held += from;
      if (held > HELD_ROWS_MAX) {
        throw tooManyRows(`series that several nodes have come to more than ${HELD_ROWS_MAX} rows together`);
      }
    }
  });
  await Promise.all(reading);
  return { of: (slot) => found.get(slot) ?? [] };
}

function joined(before: readonly Float64Array[], more: readonly Float64Array[]): Float64Array[] {
  return before.map((column, i) => {
    const both = new Float64Array(column.length + more[i].length);
    both.set(column);
    both.set(more[i], column.length);
    return both;
  });
}
