/** The clock that silence is measured with: it goes with the monotonic clock, and stands still while nobody can be heard. */

/** How far arrivals may be ahead of the last `advance`: the wall clock may have been set forward since. */
const AHEAD_MS_MAX = 5_000;

export class InnerClock {
  readonly #deafReasons = new Set<string>();
  #innerMs: number;
  #monotonicMs: number;
  /** Inner less wall time. */
  #shiftMs = 0;

  constructor(nowMs: number, monotonicMs: number) {
    this.#innerMs = nowMs;
    this.#monotonicMs = monotonicMs;
  }

  /** As of the last `advance`. */
  get innerMs(): number {
    return this.#innerMs;
  }

  advance(nowMs: number, monotonicMs: number): number {
    if (this.#deafReasons.size === 0) this.#innerMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
    this.#shiftMs = this.#innerMs - nowMs;
    return this.#innerMs;
  }

  setHearing(isHearing: boolean, reason: string): void {
    if (isHearing) this.#deafReasons.delete(reason);
    else this.#deafReasons.add(reason);
  }

  innerOf(wallMs: number): number {
    return Math.min(wallMs + this.#shiftMs, this.#innerMs + AHEAD_MS_MAX);
  }

  wallOf(innerMs: number): number {
    return innerMs - this.#shiftMs;
  }
}
