/**
 * Steps of one series that several nodes have points of, out of what each knows of its own. Where these lie behind each other in a step
 * that tells all; where they overlap, the points of that step are needed.
 */
import { firstNotBefore } from "../../store/column.ts";
import { SeriesRows } from "../../store/series-rows.ts";
import { stepOf, type RunSummary, type Steps } from "../../store/steps.ts";
import { mergeRows, type NodeRows } from "./merge-rows.ts";

/** A run for each step, ascending; columns as in `COLUMNS_OF.runs`. */
export interface NodeRuns {
  readonly nodeId: string;
  readonly columns: readonly Float64Array[];
}

export interface TimeSpan {
  readonly fromUs: number;
  /** Exclusive. */
  readonly toUs: number;
}

/** Starts of the steps in which runs of nodes overlap, ascending. */
export function overlappedSteps(all: readonly NodeRuns[], stepUs: number): number[] {
  const starts: number[] = [];
  eachStep(all, stepUs, (startUs, runs) => void (overlap(runs) && starts.push(startUs)));
  return starts;
}

/** At most `spansMax` spans that hold all steps, with as little as possible between them. `starts` ascending. */
export function spansOf(starts: readonly number[], stepUs: number, spansMax: number): TimeSpan[] {
  if (starts.length === 0) return [];
  const gaps = starts
    .slice(1)
    .map((startUs, i) => ({ before: i + 1, gapUs: startUs - starts[i] - stepUs }))
    .filter(({ gapUs }) => gapUs > 0)
    .sort((a, b) => b.gapUs - a.gapUs)
    .slice(0, spansMax - 1)
    .map(({ before }) => before)
    .sort((a, b) => a - b);
  return [0, ...gaps].map((first, i, cuts) => {
    const last = (cuts[i + 1] ?? starts.length) - 1;
    return { fromUs: starts[first], toUs: starts[last] + stepUs };
  });
}

/**
 * Gives all steps to `steps`, and ends the series. `points`: of each node those of steps that overlap, as far as they are there: where
 * retention has left only rollups of them, these count one beside the other.
 */
export function takeRuns(
  all: readonly NodeRuns[],
  stepUs: number,
  points: readonly NodeRows[],
  arrivalS: (nodeId: string, timeUs: number) => number,
  steps: Steps,
): void {
  const merged = new SeriesRows();
  eachStep(all, stepUs, (startUs, runs) => {
    const rows = overlap(runs) ? pointsOf(runs, startUs, startUs + stepUs, points) : null;
    if (rows === null) {
      for (const { summary } of runs.sort((a, b) => a.summary.fromUs - b.summary.fromUs)) steps.summary(summary);
      return;
    }
    merged.clear();
    mergeRows(rows, arrivalS, merged);
    steps.take(merged.timesUs, merged.values, 0, merged.length);
  });
  steps.end();
}

interface NodeRun {
  readonly nodeId: string;
  readonly summary: RunSummary;
}

/** Null where some are gone. */
function pointsOf(
  runs: readonly NodeRun[],
  fromUs: number,
  toUs: number,
  points: readonly NodeRows[],
): NodeRows[] | null {
  const found: NodeRows[] = [];
  for (const { nodeId, summary } of runs) {
    const own = points.find((each) => each.nodeId === nodeId);
    if (own === undefined) return null;
    const from = firstNotBefore(own.timesUs, 0, own.timesUs.length, fromUs);
    const to = firstNotBefore(own.timesUs, from, own.timesUs.length, toUs);
    if (to - from < summary.count) return null;
    found.push({ nodeId, timesUs: own.timesUs.subarray(from, to), values: own.values.subarray(from, to) });
  }
  return found;
}

function overlap(runs: readonly NodeRun[]): boolean {
  if (runs.length < 2) return false;
  const byTime = runs.map(({ summary }) => summary).sort((a, b) => a.fromUs - b.fromUs);
  let lastUs = -Infinity;
  return byTime.some(({ fromUs, toUs }) => {
    if (fromUs <= lastUs) return true;
    lastUs = Math.max(lastUs, toUs);
    return false;
  });
}

function eachStep(all: readonly NodeRuns[], stepUs: number, take: (startUs: number, runs: NodeRun[]) => void): void {
  const at = new Uint32Array(all.length);
  for (;;) {
    let startUs = Infinity;
    for (let node = 0; node < all.length; node++) {
      const [fromUs] = all[node].columns;
      if (at[node] < fromUs.length) startUs = Math.min(startUs, stepOf(fromUs[at[node]], stepUs));
    }
    if (startUs === Infinity) return;
    const runs: NodeRun[] = [];
    for (let node = 0; node < all.length; node++) {
      const { nodeId, columns } = all[node];
      for (; at[node] < columns[0].length && stepOf(columns[0][at[node]], stepUs) === startUs; at[node]++) {
        runs.push({ nodeId, summary: runAt(columns, at[node]) });
      }
    }
    take(startUs, runs);
  }
}

function runAt(columns: readonly Float64Array[], row: number): RunSummary {
  const [fromUs, toUs, count, min, max, sum, first, last] = columns.map((column) => column[row]);
  return { fromUs, toUs, count, min, max, sum, first, last };
}
