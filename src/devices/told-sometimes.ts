/** Sentences of one kind for the log, of which one a minute is told: whoever causes them may do so without end. */
import type { Clock } from "../model/clock.ts";

const TELL_EVERY_MS = 60_000;

export class ToldSometimes {
  readonly #clock: Clock;
  readonly #tell: (sentence: string) => void;
  #toldAtMs = -Infinity;
  #omitted = 0;

  constructor(clock: Clock, tell: (sentence: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  say(sentence: () => string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#toldAtMs < TELL_EVERY_MS) {
      this.#omitted++;
      return;
    }
    const more = this.#omitted > 0 ? `; so it was with ${this.#omitted} more since this was said last` : "";
    this.#toldAtMs = nowMs;
    this.#omitted = 0;
    this.#tell(sentence() + more);
  }
}
