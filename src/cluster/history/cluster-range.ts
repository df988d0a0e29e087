/**
 * Range queries over all nodes. A series that one node has alone is answered there; what several have is brought together here, where
 * all of it is grouped, filled, thinned and ranked by the parts that do so in a store. So the answer is that of one node that has all.
 */
import type { MissingNode } from "../../model/missing-node.ts";
import { isOpenRange, RangeAssembly, stepSpan, stepsIn } from "../../store/range-assembly.ts";
import { SeriesRows } from "../../store/series-rows.ts";
import type { RangeQuery, RangeResult } from "../../store/store-client.ts";
import { tooManyRows } from "../../store/too-many-rows.ts";
import { AskedNodes, type HistoryDeps, type HistoryOptions } from "./asked-nodes.ts";
import { Breather } from "./breather.ts";
import type { SeriesAsk, SeriesPart } from "./series-part.ts";
import { eachShared, HELD_ROWS_MAX, type TakeSeries } from "./shared-series.ts";
import { areAllOwn, seriesWithNodes, splitSeries } from "./split-series.ts";
import { pointsPart } from "./points-part.ts";

/** `missing`: nodes that did not answer; what they alone have is not in it. */
export type ClusterResult = RangeResult & { readonly missing?: readonly MissingNode[] };

/** Series of one part of an answer in steps, which is asked for as a whole. */
const PART_SERIES = 500;

export async function clusterRange(
  deps: HistoryDeps,
  query: RangeQuery,
  options: HistoryOptions = {},
): Promise<ClusterResult> {
  if (areAllOwn(query.seriesIds, deps.places)) return deps.store.range(query, options);
  using nodes = new AskedNodes(deps, query.seriesIds, options);
  const { partRows, ...whole } = query;
  if (partRows === undefined) return await answerOf(deps, whole, nodes);
  if (query.stepUs === 0 && (query.maxPoints ?? 0) === 0) {
    return { ...(await pointsPart(deps, { ...query, partRows }, nodes)), ...toldBy(nodes) };
  }
  const slots = Math.min(PART_SERIES, query.seriesIds.length);
  const part = await answerOf(deps, { ...whole, seriesIds: query.seriesIds.subarray(0, slots) }, nodes);
  return slots < query.seriesIds.length ? { ...part, next: { slot: slots, fromUs: query.fromUs } } : part;
}

async function answerOf(deps: HistoryDeps, query: RangeQuery, nodes: AskedNodes): Promise<ClusterResult> {
  const breather = new Breather(deps.clock);
  const assembly = needsTimes(query) ? new HeldRows(query) : new Whole(query);
  await eachSeries(deps, query, nodes, breather, (slot, rows) => assembly.add(slot, rows));
  return { ...(await assembly.end(breather)), ...toldBy(nodes), next: null };
}

/** Rows of each series, in whatever order. */
async function eachSeries(
  { places, nodeId }: HistoryDeps,
  query: RangeQuery,
  nodes: AskedNodes,
  breather: Breather,
  take: TakeSeries,
): Promise<void> {
  const { fromUs, toUs, stepUs, func = "avg", asOfS, fill = "none", grouping, maxPoints = 0 } = query;
  const { alone, shared } = splitSeries(seriesWithNodes(query.seriesIds, places, nodeId));
  const isThinnedThere = fill === "none" && grouping === undefined;
  const ask: SeriesAsk = {
    ...{ reading: "rows", fromUs, toUs, stepUs, func, maxPoints: isThinnedThere ? maxPoints : 0 },
    ...(asOfS !== undefined && { asOfS }),
  };
  await Promise.all([
    ...Array.from(alone, ([node, slots]) => eachWhole(nodes.partsOf(node, slots, ask), breather, take)),
    eachShared(shared, query, nodes, breather, take),
  ]);
}

/** Series of which parts have all rows, one after the other. */
async function eachWhole(parts: AsyncIterable<SeriesPart>, breather: Breather, take: TakeSeries): Promise<void> {
  const rows = new SeriesRows();
  let of = -1;
  for await (const { slots, rows: counts, columns } of parts) {
    const [timesUs, values] = columns;
    let from = 0;
    for (const [i, slot] of slots.entries()) {
      if (slot !== of && of >= 0) take(of, rows);
      if (slot !== of) rows.clear();
      of = slot;
      const to = from + counts[i];
      rows.append(timesUs.subarray(from, to), values.subarray(from, to));
      from = to;
      if (rows.length > HELD_ROWS_MAX) throw tooManyRows(`a series has more than ${HELD_ROWS_MAX} rows`);
    }
    await breather.breathe();
  }
  if (of >= 0) take(of, rows);
}

interface Assembling {
  add: TakeSeries;
  end(breather: Breather): Promise<Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values">>;
}

/** Whether it has to be known when there are points before the first of them is taken. */
function needsTimes(query: RangeQuery): boolean {
  const { grouping, fill = "none", stepUs, pointsMax } = query;
  if (stepUs === 0 || (grouping === undefined && fill === "none")) return false;
  const cells = stepsIn(rangeSpan(query), stepUs) * (grouping?.groups ?? 1);
  return isOpenRange(query) || cells > pointsMax;
}

function rangeSpan(query: RangeQuery) {
  return stepSpan(query, query.fromUs, query.toUs - 1);
}

class Whole implements Assembling {
  readonly #assembly: RangeAssembly;

  constructor(query: RangeQuery) {
    this.#assembly = new RangeAssembly(query, rangeSpan(query));
  }

  add(slot: number, rows: SeriesRows): void {
    this.#assembly.add(slot, rows);
  }

  end(breather: Breather) {
    return breather.run(this.#assembly.end(breather.slice));
  }
}

/** Rows wait until all are there. */
class HeldRows implements Assembling {
  readonly #query: RangeQuery;
  readonly #held: { readonly slot: number; readonly timesUs: Float64Array; readonly values: Float64Array }[] = [];
  #rows = 0;
  #firstUs = Infinity;
  #lastUs = -Infinity;

  constructor(query: RangeQuery) {
    this.#query = query;
  }

  add(slot: number, { timesUs, values, length }: SeriesRows): void {
    if (length === 0) return;
    this.#rows += length;
    if (this.#rows > HELD_ROWS_MAX) throw tooManyRows(`more than ${HELD_ROWS_MAX} steps of series come together`);
    this.#held.push({ slot, timesUs: timesUs.slice(), values: values.slice() });
    this.#firstUs = Math.min(this.#firstUs, timesUs[0]);
    this.#lastUs = Math.max(this.#lastUs, timesUs[length - 1]);
  }

  async end(breather: Breather) {
    const { stepUs, fromUs } = this.#query;
    // A step may begin before the range.
    const span = { firstUs: this.#firstUs, lastUs: this.#lastUs };
    const assembly = new RangeAssembly(
      this.#query,
      this.#rows > 0 ? span : { firstUs: fromUs, lastUs: fromUs - stepUs },
    );
    const rows = new SeriesRows();
    for (const { slot, timesUs, values } of this.#held) {
      rows.clear();
      rows.append(timesUs, values);
      assembly.add(slot, rows);
      await breather.breathe();
    }
    return breather.run(assembly.end(breather.slice));
  }
}

function toldBy({ resolutionUs, isCoarse, isDamaged, pointsRead, missing }: AskedNodes) {
  return { resolutionUs, isCoarse, isDamaged, pointsRead, ...(missing.length > 0 && { missing }) };
}
