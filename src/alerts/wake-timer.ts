/** One timer for whatever comes next. */
import type { Clock } from "../model/clock.ts";

/** Timers of more than 24 days run at once. */
const TIMER_MS_MAX = 86_400_000;

export class WakeTimer {
  readonly #clock: Pick<Clock, "after">;
  readonly #onWake: () => void;
  #cancel: (() => void) | null = null;
  #atMs = Infinity;

  /** `onWake` may come too early: after a day at the latest. */
  constructor(clock: Pick<Clock, "after">, onWake: () => void) {
    this.#clock = clock;
    this.#onWake = onWake;
  }

  /** It wakes at `atMs` by the time of the caller, who says what time it is, unless it wakes before anyway. */
  wakeAt(atMs: number, nowMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#cancel?.();
    this.#atMs = atMs;
    this.#cancel = this.#clock.after(Math.min(Math.max(0, atMs - nowMs), TIMER_MS_MAX), () => {
      this.#cancel = null;
      this.#atMs = Infinity;
      this.#onWake();
    });
  }

  /** It wakes nobody any more. */
  close(): void {
    this.#cancel?.();
    this.#atMs = -Infinity;
  }
}
