import type { Condition, Limit } from "../rule.ts";
import { setCalmWithin, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";

type SomeOfSamples = Extract<Condition, { kind: "n_of_m" }>;

const WORD_DIGITS = 5;
const WORD_BITS = 1 << WORD_DIGITS;

/**
 * How many of the last m samples are beyond `limit.at`, whenever they came; a bit for each, of which there are none while
 * none is beyond.
 */
export class NOfMState implements ConditionState {
  readonly #n: number;
  readonly #m: number;
  readonly #limit: Limit;
  readonly #isAbove: boolean;
  readonly #at: number;
  #beyond = 0;
  /** Of the oldest, which the next sample replaces. */
  #next = 0;
  #isBeyond: Uint32Array | null = null;
  observed = NaN;

  constructor({ n, m, limit }: SomeOfSamples) {
    const { direction, at } = limit;
    this.#limit = limit;
    this.#n = n;
    this.#m = m;
    this.#isAbove = direction === "above";
    this.#at = at;
  }

  get dueUs(): number {
    return Infinity;
  }

  take(_timeUs: number, value: number): number {
    const is = (this.#isAbove ? value > this.#at : value < this.#at) ? 1 : 0;
    // Where no bit is set it is all the same which is the oldest.
    if (this.#beyond + is > 0) this.#replaceOldest(is);
    this.observed = this.#beyond;
    return this.#beyond >= this.#n ? 1 : 0;
  }

  becalm(calm: Calm): void {
    setCalmWithin(this.#limit, this.#beyond > 0, calm);
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }

  #replaceOldest(is: 0 | 1): void {
    const bits = (this.#isBeyond ??= new Uint32Array(Math.ceil(this.#m / WORD_BITS)));
    const next = this.#next;
    const word = next >>> WORD_DIGITS;
    const bit = next % WORD_BITS;
    const was = (bits[word] >>> bit) & 1;
    bits[word] ^= (was ^ is) << bit;
    this.#next = next + 1 < this.#m ? next + 1 : 0;
    this.#beyond += is - was;
  }
}
