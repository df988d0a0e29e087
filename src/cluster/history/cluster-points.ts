/** What replays and lists ask of points, over all nodes: by arrival, what stood, and since when there are some. */
import type { MissingNode } from "../../model/missing-node.ts";
import type { ArrivalQuery, ArrivalResult, StandingQuery, StandingResult } from "../../store/store-client.ts";
import { AskedNodes, type HistoryDeps, type HistoryOptions } from "./asked-nodes.ts";
import { isLater, type NodeRows } from "./merge-rows.ts";
import type { SeriesAsk } from "./series-part.ts";
import { readArrivals } from "./shared-series.ts";
import { areAllOwn, seriesWithNodes, slotsByNode } from "./split-series.ts";

interface Missing {
  /** Nodes that did not answer; left out: all have. */
  readonly missing?: readonly MissingNode[];
}

/** Series of other nodes that lists ask for at once; of more they tell what this node knows, and say that the others are missing. */
const LISTED_MAX = 200_000;
/** A list does not wait for long, nor is all of the recent window read for it. */
const OF_LISTS: HistoryOptions = { timeoutMs: 4_000, withoutRecent: true };

/**
 * The earliest event time of each series, NaN where nothing is stored. A node that does not answer has none: whatever it has is as if
 * it were not there. Of more than 200,000 series of other nodes that is so for all of them.
 */
export async function clusterExtents(
  deps: HistoryDeps,
  seriesIds: Uint32Array,
  options: HistoryOptions = {},
): Promise<Float64Array> {
  const elsewhere = ofOthers(seriesIds, deps);
  const { signal, onMissing } = options;
  if (elsewhere.length > LISTED_MAX) tellAll(elsewhere, deps, onMissing);
  if (elsewhere.length === 0 || elsewhere.length > LISTED_MAX)
    return deps.store.extents(seriesIds, { ...(signal !== undefined && { signal }) });
  using nodes = new AskedNodes(deps, seriesIds, { ...OF_LISTS, ...options });
  const firstsUs = new Float64Array(seriesIds.length).fill(NaN);
  await eachOfNodes(
    deps,
    seriesIds,
    nodes,
    { reading: "first_times", fromUs: 0, toUs: Infinity },
    (_, slot, [timeUs]) => {
      if (!(timeUs >= firstsUs[slot])) firstsUs[slot] = timeUs;
    },
  );
  for (const { name } of nodes.missing) onMissing?.(name);
  return firstsUs;
}

/**
 * The newest point of each of these series that other nodes have: of theirs this one may know less. Of more than 200,000 of them none.
 */
export async function clusterNewest(
  deps: HistoryDeps,
  seriesIds: Uint32Array,
  options: HistoryOptions = {},
): Promise<NewestPoints> {
  const ids = ofOthers(seriesIds, deps);
  if (ids.length > LISTED_MAX) tellAll(ids, deps, options.onMissing);
  if (ids.length === 0 || ids.length > LISTED_MAX) return NONE;
  const query = { seriesIds: ids, arrivedBeforeS: Infinity, beforeUs: Infinity };
  const standing = await clusterStanding(deps, query, { ...OF_LISTS, ...options });
  const { timesUs, values, missing = [] } = standing;
  for (const { name } of missing) options.onMissing?.(name);
  const isThere = (_: unknown, slot: number) => !Number.isNaN(timesUs[slot]);
  return { seriesIds: ids.filter(isThere), timesUs: timesUs.filter(isThere), values: values.filter(isThere) };
}

export interface NewestPoints {
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

const NONE: NewestPoints = { seriesIds: new Uint32Array(), timesUs: new Float64Array(), values: new Float64Array() };

/** They are too many to be asked for. */
function tellAll(ids: Uint32Array, { places, peers }: HistoryDeps, onMissing: HistoryOptions["onMissing"]): void {
  const nodes = new Set<string>();
  for (const id of ids) for (const nodeId of places.othersWith(id)) nodes.add(nodeId);
  for (const nodeId of nodes) onMissing?.(peers.nameOf(nodeId));
}

function ofOthers(seriesIds: Uint32Array, { places }: HistoryDeps): Uint32Array {
  return seriesIds.filter((id) => places.othersWith(id).length > 0);
}

export async function clusterStanding(
  deps: HistoryDeps,
  query: StandingQuery,
  options: HistoryOptions = {},
): Promise<StandingResult & Missing> {
  const { seriesIds, arrivedBeforeS, beforeUs } = query;
  if (areAllOwn(seriesIds, deps.places)) return deps.store.standing(query, options);
  using nodes = new AskedNodes(deps, seriesIds, options);
  /** By slot: the latest of each node, of the same time. */
  const latest = new Map<number, NodeRows[]>();
  const ask: SeriesAsk = { reading: "standing", fromUs: 0, toUs: beforeUs, toS: arrivedBeforeS };
  await eachOfNodes(deps, seriesIds, nodes, ask, (nodeId, slot, [timeUs, value]) => {
    const found = latest.get(slot) ?? [];
    const foundUs = found[0]?.timesUs[0] ?? -Infinity;
    const own: NodeRows = { nodeId, timesUs: Float64Array.of(timeUs), values: Float64Array.of(value) };
    if (timeUs > foundUs) latest.set(slot, [own]);
    else if (timeUs === foundUs) found.push(own);
  });
  const shared = seriesWithNodes(seriesIds, deps.places, deps.nodeId).filter(({ nodeIds }) => nodeIds.length > 1);
  const asOfS = arrivedBeforeS === Infinity ? undefined : arrivedBeforeS - 1;
  const arrivals = await readArrivals(shared, (slot) => latest.get(slot) ?? [], asOfS, nodes);
  const timesUs = new Float64Array(seriesIds.length).fill(NaN);
  const values = new Float64Array(seriesIds.length).fill(NaN);
  for (const [slot, found] of latest) {
    const [timeUs] = found[0].timesUs;
    const arrivalS = (nodeId: string) => arrivals.get(slot)?.get(nodeId)?.get(timeUs) ?? -Infinity;
    const last = found.reduce((best, each) => (isLater(each.nodeId, best.nodeId, arrivalS) ? each : best));
    timesUs[slot] = timeUs;
    values[slot] = last.values[0];
  }
  return { timesUs, values, ...toldBy(nodes) };
}

/** A part ends with a second: what arrived in one is together, whichever node had it. */
export async function clusterArrivals(
  deps: HistoryDeps,
  query: ArrivalQuery,
  options: HistoryOptions = {},
): Promise<ArrivalResult & Missing> {
  const { seriesIds, fromS, toS, fromUs, toUs, partRows, fromSlot = 0 } = query;
  if (areAllOwn(seriesIds, deps.places)) return deps.store.arrivals(query, options);
  using nodes = new AskedNodes(deps, seriesIds, options);
  const ask: SeriesAsk = { reading: "arrivals", fromUs, toUs, fromS, toS, partRows };
  const found: Arrived[] = [];
  /** Resolves with the end of what is read. */
  const read = async (nodeId: string, slots: readonly number[], endS: number): Promise<number> => {
    let rows = 0;
    let firstS = Infinity;
    for await (const part of nodes.partsOf(nodeId, slots, { ...ask, toS: endS })) {
      const [timesUs, values, arrivalsS] = part.columns;
      if (arrivalsS.length === 0) continue;
      let row = 0;
      for (const [i, slot] of part.slots.entries()) {
        for (const end = row + part.rows[i]; row < end; row++) {
          const arrived = { slot, timeUs: timesUs[row], value: values[row], arrivalS: arrivalsS[row], nodeId };
          if (arrived.arrivalS > fromS || slot >= fromSlot) found.push(arrived);
        }
      }
      rows += row;
      firstS = Math.min(firstS, arrivalsS[0]);
      const lastS = arrivalsS[row - 1];
      // Of the last second there may be more.
      if (rows >= partRows && lastS > firstS) return lastS;
    }
    return endS;
  };
  const asked = slotsByNode(seriesWithNodes(seriesIds, deps.places, deps.nodeId));
  const ends = await Promise.all(
    [...asked].map(async ([nodeId, slots]) => {
      let endS = toS;
      // Each request begins anew: further ones go no further than those before.
      for (const some of nodes.requestsOf(nodeId, slots)) endS = await read(nodeId, some, endS);
      return endS;
    }),
  );
  const endS = Math.min(toS, ...ends);
  // Stable: what a node wrote at one time stays in its order.
  const told = found
    .filter(({ arrivalS }) => arrivalS < endS)
    .sort(
      (a, b) =>
        a.arrivalS - b.arrivalS ||
        a.slot - b.slot ||
        a.timeUs - b.timeUs ||
        (a.nodeId < b.nodeId ? -1 : a.nodeId > b.nodeId ? 1 : 0),
    );
  return {
    slots: Uint32Array.from(told, ({ slot }) => slot),
    timesUs: Float64Array.from(told, ({ timeUs }) => timeUs),
    values: Float64Array.from(told, ({ value }) => value),
    arrivalsS: Float64Array.from(told, ({ arrivalS }) => arrivalS),
    ...toldBy(nodes),
    next: endS < toS ? { fromS: endS, fromSlot: 0 } : null,
  };
}

interface Arrived {
  readonly slot: number;
  readonly timeUs: number;
  readonly value: number;
  readonly arrivalS: number;
  readonly nodeId: string;
}

/** Each row of each node. */
async function eachOfNodes(
  { places, nodeId: ownId }: HistoryDeps,
  seriesIds: Uint32Array,
  nodes: AskedNodes,
  ask: SeriesAsk,
  take: (nodeId: string, slot: number, cells: readonly number[]) => void,
): Promise<void> {
  const asked = slotsByNode(seriesWithNodes(seriesIds, places, ownId));
  const reading = [...asked].map(async ([nodeId, slots]) => {
    for await (const part of nodes.partsOf(nodeId, slots, ask)) {
      for (const [i, slot] of part.slots.entries())
        take(
          nodeId,
          slot,
          part.columns.map((column) => column[i]),
        );
    }
  });
  await Promise.all(reading);
}

function toldBy({ isDamaged, missing }: AskedNodes) {
  return { isDamaged, ...(missing.length > 0 && { missing }) };
}
