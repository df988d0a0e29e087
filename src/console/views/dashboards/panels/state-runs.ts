/** In which state a series was, and from when to when. Pure. */
import type { Severity } from "../../../charts/plot-model.ts";
import { severityOf, type Threshold } from "../thresholds.ts";

export interface StateRun {
  readonly fromMs: number;
  readonly toMs: number;
  /** Missing: below all thresholds. */
  readonly severity: Severity | undefined;
  /** What tells it from other states: its threshold, or, where there are none, its value. */
  readonly state: string;
}

interface StateRunsInput {
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
  readonly thresholds: readonly Threshold[];
  /** A value holds until the next one, and no longer than this: then nothing is known. */
  readonly holdMs: number;
  /** The last one holds no further than to here. */
  readonly untilMs: number;
  /** How a value is written where there are no thresholds. */
  readonly textOf: (value: number) => string;
}

/** Ascending, without overlaps; neighbours that touch differ in state. */
export function stateRuns({ timesMs, values, thresholds, holdMs, untilMs, textOf }: StateRunsInput): StateRun[] {
  const runs: StateRun[] = [];
  for (let i = 0; i < timesMs.length; i++) {
    const fromMs = timesMs[i];
    const toMs = Math.min(timesMs[i + 1] ?? Infinity, fromMs + holdMs, untilMs);
    if (Number.isNaN(values[i]) || toMs <= fromMs) continue;
    const severity = severityOf(values[i], thresholds);
    const state = thresholds.length === 0 ? textOf(values[i]) : (severity ?? "");
    const last = runs.at(-1);
    if (last !== undefined && last.toMs === fromMs && last.state === state) runs[runs.length - 1] = { ...last, toMs };
    else runs.push({ fromMs, toMs, severity, state });
  }
  return runs;
}

const USUAL_GAPS = 3;

/** A series that sends seldom is in its state until it says otherwise: for three of its usual gaps, at least three steps. */
export function holdMsOf(timesMs: readonly number[], stepMs: number): number {
  const gaps = timesMs.slice(1).map((timeMs, i) => timeMs - timesMs[i]);
  const usualMs = gaps.sort((a, b) => a - b)[gaps.length >> 1] ?? 0;
  return USUAL_GAPS * Math.max(stepMs, usualMs);
}

/** The share of the range in each state, the longest first; what is left was not known. */
export function shares(runs: readonly StateRun[], fromMs: number, toMs: number): { state: string; share: number }[] {
  const lengths = new Map<string, number>();
  for (const run of runs) {
    const inRange = Math.min(run.toMs, toMs) - Math.max(run.fromMs, fromMs);
    if (inRange > 0) lengths.set(run.state, (lengths.get(run.state) ?? 0) + inRange);
  }
  return [...lengths].map(([state, ms]) => ({ state, share: ms / (toMs - fromMs) })).sort((a, b) => b.share - a.share);
}
