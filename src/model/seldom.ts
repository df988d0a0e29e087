/** Sentences of one kind for the log, of which one is said in a while: whoever causes them may do so without end. */
import type { Clock } from "./clock.ts";

const EVERY_MS = 60_000;

export class Seldom {
  readonly #clock: Clock;
  readonly #say: (sentence: string) => void;
  readonly #everyMs: number;
  #saidAtMs = -Infinity;
  #unsaid = 0;

  constructor(clock: Clock, say: (sentence: string) => void, everyMs = EVERY_MS) {
    [this.#clock, this.#say, this.#everyMs] = [clock, say, everyMs];
  }

  say(sentence: () => string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs < this.#everyMs) return void this.#unsaid++;
    const more = this.#unsaid > 0 ? ` (and ${this.#unsaid} more since this was said last)` : "";
    this.#saidAtMs = nowMs;
    this.#unsaid = 0;
    this.#say(sentence() + more);
  }
}
