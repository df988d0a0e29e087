/** What thousands of devices may give reason for is said once in a while, with how often it was. */
import type { Clock } from "../../model/clock.ts";

export class Seldom {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #say: (sentence: string) => void;
  #saidAtMs = -Infinity;
  #unsaid = 0;

  constructor(clock: Clock, everyMs: number, say: (sentence: string) => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#say = say;
  }

  say(sentence: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs < this.#everyMs) return void this.#unsaid++;
    this.#say(this.#unsaid === 0 ? sentence : `${sentence} (and ${this.#unsaid} others since)`);
    this.#saidAtMs = nowMs;
    this.#unsaid = 0;
  }
}
