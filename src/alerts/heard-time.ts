/** Time as instances of rules know it: the monotonic clock without the times in which nobody could be heard, since nobody was silent then. */
import type { Clock } from "../model/clock.ts";

export class HeardTime {
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** Why nobody can be heard; there may be several reasons. */
  readonly #deafFor = new Set<string>();
  #deafSinceMs: number | null = null;
  #deafMs = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  get isHearing(): boolean {
    return this.#deafSinceMs === null;
  }

  atMs(): number {
    return (this.#deafSinceMs ?? this.#clock.monotonicMs()) - this.#deafMs;
  }

  /** When a time comes, on the monotonic clock; Infinity while time stands still. */
  comesAtMs(atMs: number): number {
    return this.#deafSinceMs === null ? atMs + this.#deafMs : Infinity;
  }

  /** Returns whether time goes on from now on, and stood still before. */
  setHearing(isHearing: boolean, reason: string): boolean {
    if (isHearing) this.#deafFor.delete(reason);
    else this.#deafFor.add(reason);
    const nowMs = this.#clock.monotonicMs();
    if (this.#deafFor.size > 0) {
      this.#deafSinceMs ??= nowMs;
      return false;
    }
    if (this.#deafSinceMs === null) return false;
    this.#deafMs += nowMs - this.#deafSinceMs;
    this.#deafSinceMs = null;
    return true;
  }
}
