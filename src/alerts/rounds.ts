/**
 * Work that is done in rounds, one at a time, however often it is asked for: what comes during a round is done in the next.
 * The shells around notifications and escalation are driven by it.
 */
import type { Clock } from "../model/clock.ts";

/** Timers of more than 24 days run at once. */
const TIMER_MS_MAX = 86_400_000;

export class Rounds {
  readonly #clock: Clock;
  readonly #round: () => Promise<number>;
  #isAsked = false;
  #isRunning = false;
  #isHeld = false;
  #isClosed = false;
  #running = Promise.resolve();
  #cancelTimer = () => {};

  /** `round` resolves with how long the next one may wait, milliseconds; Infinity: until it is asked for. */
  constructor(clock: Clock, round: () => Promise<number>) {
    this.#clock = clock;
    this.#round = round;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** There is something to be done. */
  ask(): void {
    this.#isAsked = true;
    if (this.#isRunning || this.#isClosed || this.#isHeld) return;
    this.#isRunning = true;
    this.#running = Promise.resolve().then(() => this.#run());
  }

  askAfter(delayMs: number): void {
    if (delayMs === Infinity || this.#isClosed) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(Math.min(Math.max(1, delayMs), TIMER_MS_MAX), () => this.ask());
  }

  /** Does `change` between two rounds; what is asked for meanwhile is done after it. Rejects where it does. */
  async hold(change: () => Promise<void>): Promise<void> {
    this.#isHeld = true;
    try {
      await this.#running;
      await change();
    } finally {
      this.#isHeld = false;
      this.ask();
    }
  }

  /** No round begins any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
  }

  async #run(): Promise<void> {
    let nextInMs = Infinity;
    try {
      while (this.#isAsked && !this.#isClosed && !this.#isHeld) {
        this.#isAsked = false;
        nextInMs = await this.#round();
      }
    } finally {
      this.#isRunning = false;
    }
    this.askAfter(nextInMs);
  }
}
