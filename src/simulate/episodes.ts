import type { Schedule } from "./fault.ts";
import type { Random } from "./random.ts";

export interface Episode {
  /** From 0. */
  readonly number: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * When one fault holds on one device. Asked with times that ascend; one that came and went between two of them holds at the
 * second, so that no fault is too short for slow sensors. What else came meanwhile is left out.
 */
export class Episodes {
  readonly #when: Schedule;
  readonly #forMs: number;
  readonly #random: Random;
  #next: Episode | undefined;
  /** When it was last asked and the next one held; undefined: it has not yet. */
  #heldAtMs: number | undefined;

  /** `startMs`: when the device begins. */
  constructor(when: Schedule, forMs: number, random: Random, startMs: number) {
    this.#when = when;
    this.#forMs = forMs;
    this.#random = random;
    const firstMs = "perHour" in when ? startMs + this.#gapMs(when.perHour) : startMs + when.atMs;
    this.#next = { number: 0, startMs: firstMs, endMs: firstMs + forMs };
  }

  at(nowMs: number): Episode | undefined {
    if (this.#heldAtMs !== undefined && this.#next !== undefined && nowMs >= this.#next.endMs) {
      this.#next = this.#after(this.#next, this.#heldAtMs, nowMs);
      this.#heldAtMs = undefined;
    }
    if (this.#next === undefined || nowMs < this.#next.startMs) return undefined;
    this.#heldAtMs = nowMs;
    return this.#next;
  }

  #after({ number, startMs, endMs }: Episode, heldAtMs: number, nowMs: number): Episode | undefined {
    let nextMs: number;
    if ("perHour" in this.#when) nextMs = Math.max(endMs, heldAtMs) + this.#gapMs(this.#when.perHour);
    else {
      const { everyMs } = this.#when;
      if (everyMs === undefined) return undefined;
      // The last one that has begun, or the next.
      const passed = Math.max(1, Math.floor((nowMs - startMs) / everyMs));
      nextMs = startMs + passed * everyMs;
    }
    return { number: number + 1, startMs: nextMs, endMs: nextMs + this.#forMs };
  }

  #gapMs(perHour: number): number {
    return this.#random.exponential(3_600_000 / perHour);
  }
}
