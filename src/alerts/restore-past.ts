/**
 * After a start, once instances stand where they stood: conditions get the points they look back at, what the run before
 * took and did not evaluate is evaluated, and every series goes on behind what is stored of it.
 */
import type { Clock } from "../model/clock.ts";
import type { Frame } from "../model/frame.ts";
import { learnGaps } from "./learn-gaps.ts";
import { restoreClocks, type LatestValues } from "./restore-alerts.ts";
import { warmUp, type History, type PastEngine } from "./warm-up.ts";

export interface PastDeps {
  readonly engine: PastEngine;
  readonly history: History;
  readonly latest: LatestValues;
  readonly clock: Clock;
  /** Everything up to then was evaluated; NaN: everything that is stored. */
  readonly evaluatedMs: number;
  /** How long the server is known to have lived after a time. */
  livedAfterMs(timeMs: number): number;
  /** What came after a time, as far as it is still in the log, in order. */
  framesAfter(arrivalMs: number): Iterable<Frame>;
}

export async function restorePast(deps: PastDeps): Promise<void> {
  const { engine, history, clock, evaluatedMs } = deps;
  const latest = boundOf(engine, deps.latest);
  if (latest.seriesIds.length === 0) return;
  const firstsUs = await history.firstTimes(latest.seriesIds);
  for (const [i, id] of latest.seriesIds.entries()) {
    for (const probe of engine.probesOf(id)) probe.beganAt(firstsUs[i]);
  }
  await learnGaps(engine, history, latest.seriesIds, firstsUs);
  const frames = () => (Number.isNaN(evaluatedMs) ? [] : deps.framesAfter(evaluatedMs));
  await warmUp(deps, latest, seriesIn(frames(), engine));
  for (const frame of frames()) engine.replay(frame, deps.livedAfterMs(frame.arrivalMs));
  restoreClocks(engine, latest, clock.nowMs(), deps.livedAfterMs);
}

/** Bound ones that have points in some frames, and those that are judged with them. */
function seriesIn(frames: Iterable<Frame>, engine: PastEngine): Set<number> {
  const ids = new Set<number>();
  for (const { seriesIds, count } of frames) {
    for (let i = 0; i < count; i++) {
      if (ids.has(seriesIds[i])) continue;
      for (const probe of engine.probesOf(seriesIds[i])) {
        for (const { seriesId } of probe.instance.probes) ids.add(seriesId);
      }
    }
  }
  return ids;
}

/** Of the series that some rule is bound to. */
function boundOf(engine: PastEngine, { seriesIds, timesUs, values }: LatestValues): LatestValues {
  const bound = Array.from(seriesIds.keys()).filter((i) => engine.probesOf(seriesIds[i]).length > 0);
  return {
    seriesIds: Uint32Array.from(bound, (i) => seriesIds[i]),
    timesUs: Float64Array.from(bound, (i) => timesUs[i]),
    values: Float64Array.from(bound, (i) => values[i]),
  };
}
