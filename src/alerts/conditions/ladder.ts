import type { LadderStep } from "../rule.ts";
import type { Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { meets } from "./limit.ts";

/**
 * The level is the number of the highest step that is met; each step at or below the level that stood holds on to its own
 * `clearAt`. Keeps nothing of a series: one serves all series of a rule, and `observed` is the value it took last.
 */
export class LadderState implements ConditionState {
  readonly dueUs = Infinity;
  readonly #steps: readonly LadderStep[];
  /** Between these no step is met that was not. */
  readonly #calmFrom: number;
  readonly #calmTo: number;
  observed = NaN;

  constructor(steps: readonly LadderStep[]) {
    this.#steps = steps;
    const edges = (side: "above" | "below") => steps.flatMap(({ limit }) => (limit.direction === side ? limit.at : []));
    this.#calmFrom = Math.max(...edges("below"));
    this.#calmTo = Math.min(...edges("above"));
  }

  take(_timeUs: number, value: number, level: number): number {
    this.observed = value;
    if (level === 0 && value >= this.#calmFrom && value <= this.#calmTo) return 0;
    for (let step = this.#steps.length; step > 0; step--) {
      if (meets(this.#steps[step - 1].limit, value, level >= step)) return step;
    }
    return 0;
  }

  becalm(calm: Calm): void {
    calm.low = this.#calmFrom;
    calm.high = this.#calmTo;
    calm.untilUs = Infinity;
    calm.areTaken = false;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
