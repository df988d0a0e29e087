/** After a start: conditions that look back are given the points they look back at. */
import type { Clock } from "../model/clock.ts";
import { lookbackPoints, lookbackUs } from "./conditions/condition-state-of.ts";
import type { Engine } from "./engine.ts";
import type { Probe } from "./probe.ts";

/** What was evaluated before, or elsewhere, is brought back through this. */
export type PastEngine = Pick<Engine, "probesOf" | "atMs" | "schedule" | "replay">;

/** Stored points. */
export interface History {
  /**
   * Of each asked series from a time on, ascending: those of `seriesIds[i]` are [offsets[i], offsets[i + 1]). `asOfS`: what
   * had come until the end of this second; undefined: everything.
   */
  pointsFrom(seriesIds: Uint32Array, fromUs: number, asOfS: number | undefined): Promise<HistoryPart>;
  /** Event time of the earliest point of each, NaN where nothing is stored; `seriesIds` ascending, each once. */
  firstTimes(seriesIds: Uint32Array): Promise<Float64Array>;
  /** NaN where there are not enough points lately; `firstsUs`: their {@link firstTimes}. */
  usualGapsMs(seriesIds: Uint32Array, firstsUs: Float64Array): Promise<Float64Array>;
}

export interface HistoryPart {
  readonly offsets: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

export interface WarmUpDeps {
  readonly engine: PastEngine;
  readonly history: History;
  readonly clock: Clock;
  /** Everything that had come until then was evaluated; NaN: everything that is stored. */
  readonly evaluatedMs: number;
  /** How long the server is known to have lived after a time. */
  livedAfterMs(timeMs: number): number;
}

/** The time of the newest stored point of each series. */
export interface LatestTimes {
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
}

const SERIES_AT_ONCE = 1_000;
/** Where some points are wanted however old they are, and nobody knows how far apart they are. */
const POINT_US = 60_000_000;
/** Where a member of a group may still be met by a value between the limit and where it clears: by those before it. */
const HELD_POINTS = 8;
/** Where only the place is wanted from which a series goes on. */
const PLACE_US = 120_000_000;

/**
 * `latest`: of the series that are to be warmed up. `goingOn`: those of which there is more to evaluate: they go on behind
 * what was evaluated.
 */
export async function warmUp(deps: WarmUpDeps, latest: LatestTimes, goingOn: ReadonlySet<number>): Promise<void> {
  const { engine, history, clock, evaluatedMs } = deps;
  const asOfS = Number.isNaN(evaluatedMs) ? undefined : Math.floor(evaluatedMs / 1_000);
  const lastMs = Number.isNaN(evaluatedMs) ? clock.nowMs() : Math.min(clock.nowMs(), evaluatedMs);
  for (const { fromUs, seriesIds } of askedTogether(engine, latest, goingOn, lastMs * 1_000)) {
    const part = await history.pointsFrom(seriesIds, fromUs, asOfS);
    for (const [i, id] of seriesIds.entries()) {
      for (const probe of engine.probesOf(id)) {
        feed(probe, part, part.offsets[i], part.offsets[i + 1], lastMs, deps);
      }
    }
  }
}

interface Asked {
  readonly fromUs: number;
  /** Ascending. */
  readonly seriesIds: Uint32Array;
}

/**
 * Few questions that read little in vain: each series is looked at from its own newest point back, because the clock of a
 * device may be behind. How far back is rounded up to a power of four, and no more than that lies between those that are
 * asked together.
 */
function askedTogether(engine: PastEngine, latest: LatestTimes, goingOn: ReadonlySet<number>, lastUs: number): Asked[] {
  const { seriesIds, timesUs } = latest;
  const byLookback = new Map<number, { readonly id: number; readonly fromUs: number }[]>();
  for (const [i, id] of seriesIds.entries()) {
    const lookback = longestLookbackUs(engine.probesOf(id)) + (goingOn.has(id) ? PLACE_US : 0);
    if (lookback === 0) continue;
    const step = 4 ** Math.ceil(Math.log(lookback) / Math.log(4));
    const one = { id, fromUs: Math.max(0, Math.min(lastUs, timesUs[i]) - step) };
    const others = byLookback.get(step);
    if (others === undefined) byLookback.set(step, [one]);
    else others.push(one);
  }
  const asked: Asked[] = [];
  for (const [step, all] of byLookback) {
    all.sort((a, b) => a.fromUs - b.fromUs);
    for (let at = 0; at < all.length;) {
      const { fromUs } = all[at];
      let end = at + 1;
      while (end < all.length && end - at < SERIES_AT_ONCE && all[end].fromUs <= fromUs + step) end++;
      asked.push({ fromUs, seriesIds: Uint32Array.from(all.slice(at, end), ({ id }) => id).sort() });
      at = end;
    }
  }
  return asked;
}

function feed(
  probe: Probe,
  { timesUs, values }: HistoryPart,
  from: number,
  to: number,
  lastMs: number,
  { engine, livedAfterMs }: WarmUpDeps,
): void {
  if (to === from) return;
  const { instance } = probe;
  const atMs = engine.atMs();
  const lastUs = lastMs * 1_000;
  // A clock that is ahead was so all the time, as far as can be known.
  const aheadUs = Math.max(0, timesUs[to - 1] - lastUs);
  for (let i = from; i < to; i++) {
    const clockUs = timesUs[i] - aheadUs;
    instance.restoreClock(probe, timesUs[i], clockUs, values[i], atMs - livedAfterMs(clockUs / 1_000), atMs);
  }
  instance.restoreElapsed(probe, atMs - livedAfterMs(lastMs));
}

function longestLookbackUs(probes: readonly Probe[]): number {
  let longest = 0;
  for (const { instance, state, gapMs } of probes) {
    const { rule, probes: others, lifecycle } = instance;
    if (state === null) continue;
    const heldPoints = others.length > 1 && lifecycle.phase !== "quiet" ? HELD_POINTS : 0;
    const pointUs = Math.max(POINT_US, 2_000 * gapMs);
    const points = Math.max(lookbackPoints(rule.condition), heldPoints);
    longest = Math.max(longest, lookbackUs(rule.condition), points * pointUs);
  }
  return longest;
}
