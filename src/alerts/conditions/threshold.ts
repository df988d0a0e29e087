import type { Limit } from "../rule.ts";
import { setCalmWithin, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";

/** Keeps nothing of a series: one serves all series of a rule, and `observed` is the value it took last. */
export class ThresholdState implements ConditionState {
  readonly dueUs = Infinity;
  readonly #limit: Limit;
  readonly #isAbove: boolean;
  readonly #at: number;
  readonly #clearAt: number;
  observed = NaN;

  constructor(limit: Limit) {
    const { direction, at, clearAt } = limit;
    this.#limit = limit;
    this.#isAbove = direction === "above";
    this.#at = at;
    this.#clearAt = clearAt;
  }

  take(_timeUs: number, value: number, level: number): number {
    this.observed = value;
    const edge = level > 0 ? this.#clearAt : this.#at;
    return (this.#isAbove ? value > edge : value < edge) ? 1 : 0;
  }

  becalm(calm: Calm): void {
    setCalmWithin(this.#limit, false, calm);
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
