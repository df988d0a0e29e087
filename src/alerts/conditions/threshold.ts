import type { Limit } from "../rule.ts";
import type { ConditionState } from "./condition-state.ts";
import { meets } from "./limit.ts";

/** Keeps nothing of a series: one serves all series of a rule, and `observed` is the value it took last. */
export class ThresholdState implements ConditionState {
  readonly dueUs = Infinity;
  readonly #limit: Limit;
  observed = NaN;

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  take(_timeUs: number, value: number, level: number): number {
    this.observed = value;
    return meets(this.#limit, value, level > 0) ? 1 : 0;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
