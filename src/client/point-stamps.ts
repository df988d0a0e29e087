/** Times for readings that bring none, given where they are read: with them they may be sent again. */
import type { Clock } from "../model/clock.ts";
import { seriesKey } from "../model/series-key.ts";
import { systemClock } from "../model/system-clock.ts";
import type { Point } from "./batch.ts";

/** How far stamps may run ahead of the wall clock before it is taken to have been set back. */
const AHEAD_US_MAX = 1_000_000;

/**
 * As the server stamps at arrival: the time now, and one microsecond more for every further point of a series in the same
 * millisecond. Series that differ in their source alone count as one.
 */
export class PointStamps {
  readonly #clock: Clock;
  /** The stamps given last, by series; only those matter that the clock has not passed. */
  readonly #lastUs = new Map<string, number>();
  #latestUs = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** The point itself where it has a time. */
  stamped<P extends Point>(point: P): P & { readonly timeUs: number } {
    if (hasTime(point)) return point;
    const timeUs = this.#next(seriesKey(point.metric, "", Object.entries(point.tags ?? {})));
    return { ...point, timeUs };
  }

  #next(key: string): number {
    const nowUs = Math.floor(this.#clock.nowMs() * 1_000);
    if (nowUs > this.#latestUs || this.#latestUs - nowUs > AHEAD_US_MAX) {
      this.#lastUs.clear();
      this.#latestUs = nowUs;
    }
    const stampUs = Math.max(nowUs, (this.#lastUs.get(key) ?? 0) + 1);
    this.#lastUs.set(key, stampUs);
    this.#latestUs = Math.max(this.#latestUs, stampUs);
    return stampUs;
  }
}

function hasTime<P extends Point>(point: P): point is P & { readonly timeUs: number } {
  return point.timeUs !== undefined;
}
