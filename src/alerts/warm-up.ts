/** After a start: conditions that look back are given the points they look back at. */
import type { Clock } from "../model/clock.ts";
import { lookbackPoints, lookbackUs } from "./conditions/condition-state-of.ts";
import type { Engine } from "./engine.ts";
import type { Probe } from "./probe.ts";

/** Stored points. */
export interface History {
  /**
   * Of each asked series from a time on, ascending: those of `seriesIds[i]` are [offsets[i], offsets[i + 1]). `asOfS`: what
   * had come until the end of this second; undefined: everything.
   */
  pointsFrom(seriesIds: Uint32Array, fromUs: number, asOfS: number | undefined): Promise<HistoryPart>;
  /** Event time of the earliest point of each, NaN where nothing is stored; `seriesIds` ascending, each once. */
  firstTimes(seriesIds: Uint32Array): Promise<Float64Array>;
  /** NaN where there are not enough points lately. */
  usualGapsMs(seriesIds: Uint32Array): Promise<Float64Array>;
}

export interface HistoryPart {
  readonly offsets: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

export interface WarmUpDeps {
  readonly engine: Engine;
  readonly history: History;
  readonly clock: Clock;
  /** Everything that had come until then was evaluated; NaN: everything that is stored. */
  readonly evaluatedMs: number;
  /** How long the server is known to have lived after a time. */
  livedAfterMs(timeMs: number): number;
}

const SERIES_AT_ONCE = 1_000;
/** Where some points are wanted however old they are, and nobody knows how far apart they are. */
const POINT_US = 60_000_000;
/** Where only the place is wanted from which a series goes on. */
const PLACE_US = 120_000_000;

/** `goingOn`: those of which there is more to evaluate: they go on behind what was evaluated. */
export async function warmUp(deps: WarmUpDeps, seriesIds: Uint32Array, goingOn: ReadonlySet<number>): Promise<void> {
  const { engine, history, clock, evaluatedMs } = deps;
  const asOfS = Number.isNaN(evaluatedMs) ? undefined : Math.floor(evaluatedMs / 1_000);
  const lastMs = Number.isNaN(evaluatedMs) ? clock.nowMs() : Math.min(clock.nowMs(), evaluatedMs);
  for (const [lookback, ids] of byLookback(engine, seriesIds, goingOn)) {
    for (let at = 0; at < ids.length; at += SERIES_AT_ONCE) {
      const some = Uint32Array.from(ids.slice(at, at + SERIES_AT_ONCE));
      const part = await history.pointsFrom(some, Math.max(0, lastMs * 1_000 - lookback), asOfS);
      for (const [i, id] of some.entries()) {
        for (let probe = engine.probesOf(id); probe !== null; probe = probe.next) {
          feed(probe, part, part.offsets[i], part.offsets[i + 1], lastMs, deps);
        }
      }
    }
  }
}

/** Series by how far back they are looked at: in powers of four, so that few questions are asked. */
function byLookback(engine: Engine, seriesIds: Uint32Array, goingOn: ReadonlySet<number>): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const id of seriesIds) {
    const lookback = Math.max(longestLookbackUs(engine.probesOf(id)), goingOn.has(id) ? PLACE_US : 0);
    if (lookback === 0) continue;
    const step = 4 ** Math.ceil(Math.log(lookback) / Math.log(4));
    const ids = found.get(step);
    if (ids === undefined) found.set(step, [id]);
    else ids.push(id);
  }
  return found;
}

function feed(
  probe: Probe,
  { timesUs, values }: HistoryPart,
  from: number,
  to: number,
  lastMs: number,
  { engine, clock, livedAfterMs }: WarmUpDeps,
): void {
  const { instance, state } = probe;
  const atMs = engine.atMs();
  const nowUs = clock.nowMs() * 1_000;
  for (let i = from; i < to; i++) {
    const timeUs = Math.min(timesUs[i], nowUs);
    instance.restoreClock(probe, timeUs, values[i], atMs - livedAfterMs(timeUs / 1_000), atMs);
  }
  // What became of it without samples until the run before ended.
  if (to > from && state !== null) probe.level = state.elapse(Math.max(probe.clockUs, lastMs * 1_000), probe.level);
}

function longestLookbackUs(first: Probe | null): number {
  let longest = 0;
  for (let probe = first; probe !== null; probe = probe.next) {
    const { condition } = probe.instance.rule;
    if (probe.state === null) continue;
    const pointUs = Math.max(POINT_US, 2_000 * probe.gapMs);
    longest = Math.max(longest, lookbackUs(condition), lookbackPoints(condition) * pointUs);
  }
  return longest;
}
