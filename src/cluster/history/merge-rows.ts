/** Points of one series that several nodes have: an upsert by time, of which the last write stands. */
import type { SeriesRows } from "../../store/series-rows.ts";

/** Ascending by time, each time once. */
export interface NodeRows {
  readonly nodeId: string;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** Times at which nodes have different values, ascending: which of them came last is to be asked. */
export function contestedTimes(all: readonly NodeRows[]): number[] {
  if (oneBehindTheOther(all) !== undefined) return [];
  const contested: number[] = [];
  eachTime(all, (timeUs, nodes, at) => {
    const first = all[nodes[0]].values[at[nodes[0]]];
    if (nodes.some((node) => !Object.is(all[node].values[at[node]], first))) contested.push(timeUs);
  });
  return contested;
}

/**
 * Appends all of them to `into`. Where they have different values that stands which arrived last; of those of one second that of the
 * highest node id. `arrivalS`: of what a node has at a contested time; -Infinity: it is not known.
 */
export function mergeRows(
  all: readonly NodeRows[],
  arrivalS: (nodeId: string, timeUs: number) => number,
  into: SeriesRows,
): void {
  const inOrder = oneBehindTheOther(all);
  if (inOrder !== undefined) {
    for (const { timesUs, values } of inOrder) into.append(timesUs, values);
    return;
  }
  eachTime(all, (timeUs, nodes, at) => {
    let best = nodes[0];
    for (const node of nodes) {
      if (node === best || Object.is(all[node].values[at[node]], all[best].values[at[best]])) continue;
      if (isLater(all[node].nodeId, all[best].nodeId, (nodeId) => arrivalS(nodeId, timeUs))) best = node;
    }
    into.push(timeUs, all[best].values[at[best]]);
  });
}

/** Whether what one node has is a later write than what another one has. */
export function isLater(nodeId: string, other: string, arrivalS: (nodeId: string) => number): boolean {
  const [mine, its] = [arrivalS(nodeId), arrivalS(other)];
  return mine === its ? nodeId > other : mine > its;
}

/** In order of time, where no node goes on while another one has begun, as where a device has moved; undefined: some do. */
function oneBehindTheOther(all: readonly NodeRows[]): readonly NodeRows[] | undefined {
  const inOrder = all.filter(({ timesUs }) => timesUs.length > 0).sort((a, b) => a.timesUs[0] - b.timesUs[0]);
  const isBehind = ({ timesUs }: NodeRows, i: number) => i === 0 || timesUs[0] > inOrder[i - 1].timesUs.at(-1)!;
  return inOrder.every(isBehind) ? inOrder : undefined;
}

/** Calls `take` with each time, the nodes that have it, and the row at which each node stands. */
function eachTime(
  all: readonly NodeRows[],
  take: (timeUs: number, nodes: readonly number[], at: Uint32Array) => void,
): void {
  const at = new Uint32Array(all.length);
  const nodes: number[] = [];
  for (;;) {
    let timeUs = Infinity;
    for (let node = 0; node < all.length; node++) {
      const { timesUs } = all[node];
      if (at[node] < timesUs.length && timesUs[at[node]] < timeUs) timeUs = timesUs[at[node]];
    }
    if (timeUs === Infinity) return;
    nodes.length = 0;
    for (let node = 0; node < all.length; node++) if (all[node].timesUs[at[node]] === timeUs) nodes.push(node);
    take(timeUs, nodes, at);
    for (const node of nodes) at[node]++;
  }
}
