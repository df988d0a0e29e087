import type { Condition } from "../rule.ts";
import type { ConditionState } from "./condition-state.ts";
import { meets } from "./limit.ts";

type SomeOfSamples = Extract<Condition, { kind: "n_of_m" }>;

const WORD_BITS = 32;

/** How many of the last m samples are beyond `limit.at`, whenever they came; a bit for each. */
export class NOfMState implements ConditionState {
  readonly #condition: SomeOfSamples;
  readonly #isBeyond: Uint32Array;
  /** Of the oldest, which the next sample replaces. */
  #next = 0;
  #beyond = 0;
  observed = NaN;

  constructor(condition: SomeOfSamples) {
    this.#condition = condition;
    this.#isBeyond = new Uint32Array(Math.ceil(condition.m / WORD_BITS));
  }

  get dueUs(): number {
    return Infinity;
  }

  take(_timeUs: number, value: number): number {
    const { n, m, limit } = this.#condition;
    const [word, bit] = [Math.floor(this.#next / WORD_BITS), this.#next % WORD_BITS];
    const was = (this.#isBeyond[word] >>> bit) & 1;
    const is = meets(limit, value, false) ? 1 : 0;
    this.#isBeyond[word] ^= (was ^ is) << bit;
    this.#next = (this.#next + 1) % m;
    this.#beyond += is - was;
    this.observed = this.#beyond;
    return this.#beyond >= n ? 1 : 0;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
