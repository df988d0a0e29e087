/** A recording sent as it happened: with the time between its readings, at some speed. */
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import { batchEnd, encodeBatch, type Batch, type Point } from "./batch.ts";
import type { PointStamps } from "./point-stamps.ts";

export interface ReplayOptions {
  readonly source: string;
  /** Seconds of the recording a second. */
  readonly speed: number;
  /** The wall clock, Unix milliseconds, at which the first reading is to have happened; undefined: times stay. */
  readonly rebaseToMs: number | undefined;
  /** Gives times to readings that have none and are not rebased; without it they stay so. */
  readonly stamps?: PointStamps;
  readonly signal?: AbortSignal;
}

const TICK_MS = 50;

/** In order of time; points without one come first. Times count from `startUs` on, compressed by `speed`. */
export function rebased(points: readonly Point[], startUs: number, speed: number): Point[] {
  const ordered = [...points].sort((a, b) => (a.timeUs ?? 0) - (b.timeUs ?? 0));
  const firstUs = ordered.find((point) => point.timeUs !== undefined)?.timeUs ?? 0;
  return ordered.map((point) => {
    const offsetUs = Math.max(0, (point.timeUs ?? firstUs) - firstUs) / speed;
    return { ...point, timeUs: startUs + Math.round(offsetUs) };
  });
}

/** Batches of what is due, until the recording ends or `signal` aborts. */
export async function* replayBatches(
  points: readonly Point[],
  { source, speed, rebaseToMs, stamps, signal }: ReplayOptions,
): AsyncIterable<Batch> {
  const due = rebased(points, 0, speed);
  const original = [...points].sort((a, b) => (a.timeUs ?? 0) - (b.timeUs ?? 0));
  const startedAtMs = performance.now();
  for (let at = 0; at < due.length && !signal?.aborted;) {
    const nowUs = (performance.now() - startedAtMs) * 1_000;
    let end = at;
    while (end < due.length && end - at < BATCH_POINTS_MAX && due[end].timeUs! <= nowUs) end++;
    if (end > at) {
      end = batchEnd(due, at, end);
      const batch =
        rebaseToMs === undefined
          ? original.slice(at, end).map((point) => stamps?.stamped(point) ?? point)
          : due.slice(at, end).map((point) => ({ ...point, timeUs: point.timeUs! + rebaseToMs * 1_000 }));
      yield encodeBatch(batch, source);
      at = end;
    } else await Bun.sleep(TICK_MS);
  }
}
