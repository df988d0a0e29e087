import type { Condition } from "../rule.ts";
import { setNothingCalm, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";

type Range = Extract<Condition, { kind: "range" }>;

/**
 * The edges belong to the range. What is met outside is met until the value is within [low + margin, high - margin]; what
 * is met inside, until it is without [low - margin, high + margin]. Keeps nothing of a series: one serves all series of a
 * rule, and `observed` is the value it took last.
 */
export class RangeState implements ConditionState {
  readonly dueUs = Infinity;
  readonly #isOutside: boolean;
  readonly #low: number;
  readonly #high: number;
  readonly #clearLow: number;
  readonly #clearHigh: number;
  observed = NaN;

  constructor({ low, high, isOutside, margin }: Range) {
    const inwards = isOutside ? margin : -margin;
    this.#isOutside = isOutside;
    this.#low = low;
    this.#high = high;
    this.#clearLow = low + inwards;
    this.#clearHigh = high - inwards;
  }

  take(_timeUs: number, value: number, level: number): number {
    this.observed = value;
    const isInside =
      level > 0 ? value >= this.#clearLow && value <= this.#clearHigh : value >= this.#low && value <= this.#high;
    return isInside === this.#isOutside ? 0 : 1;
  }

  becalm(calm: Calm): void {
    calm.untilUs = Infinity;
    calm.areTaken = false;
    if (!this.#isOutside) return setNothingCalm(calm);
    calm.low = this.#low;
    calm.high = this.#high;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
