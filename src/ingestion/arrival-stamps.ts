import type { Clock } from "../model/clock.ts";

/** How far stamps may run ahead of the wall clock before it is taken to have been set back. */
const AHEAD_US_MAX = 1_000_000;

/**
 * Times for points that bring none: the time of arrival, and one microsecond more for every further point of a series
 * in the same millisecond, so that none overwrites another.
 */
export class ArrivalStamps {
  readonly #clock: Clock;
  /** The stamp given last, by series id; 0 where there was none. */
  #lastUs = new Float64Array(1_024);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Unix microseconds. */
  next(seriesId: number): number {
    if (seriesId >= this.#lastUs.length) {
      const grown = new Float64Array(Math.max(2 * this.#lastUs.length, seriesId + 1));
      grown.set(this.#lastUs);
      this.#lastUs = grown;
    }
    const nowUs = Math.floor(this.#clock.nowMs() * 1_000);
    const lastUs = this.#lastUs[seriesId];
    const stampUs = nowUs > lastUs || lastUs - nowUs > AHEAD_US_MAX ? nowUs : lastUs + 1;
    this.#lastUs[seriesId] = stampUs;
    return stampUs;
  }
}
