import type { Clock } from "../../src/model/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** A clock that stands still until it is moved; its timers run in order when it is. */
export class ManualClock implements Clock {
  /** What the wall clock is ahead of the other: a sum of many steps would not be exact. */
  #aheadMs: number;
  #monotonicMs = 0;
  #timers: Timer[] = [];

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#aheadMs = nowMs;
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** How long until the next timer runs; Infinity: there is none. */
  get dueInMs(): number {
    return this.#timers.reduce((least, { atMs }) => Math.min(least, atMs - this.#monotonicMs), Infinity);
  }

  nowMs(): number {
    return this.#aheadMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + delayMs, run };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((t) => t !== timer));
  }

  /** Moves both clocks on, running what is due at its own time. */
  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      const due = this.#timers.filter((t) => t.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== due);
      this.#monotonicMs = due.atMs;
      due.run();
    }
    this.#monotonicMs = endMs;
  }

  /** Sets the wall clock alone, as a person or NTP would. */
  setWallClock(nowMs: number): void {
    this.#aheadMs = nowMs - this.#monotonicMs;
  }
}
