import type { Condition } from "../rule.ts";
import { setNothingCalm, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import type { SeasonalProfile } from "./seasonal-profile.ts";
import { isBeyond, zScore } from "./z-score.ts";

type Seasonal = Extract<Condition, { kind: "seasonal" }>;

/**
 * How far a sample is from what is usual at its hour of the week; hours of which too little is known are not met. It keeps
 * nothing of the samples, so it may be replaced by one with a newer profile at any time. `observed` is the number of
 * standard deviations, negative below the mean.
 */
export class SeasonalState implements ConditionState {
  readonly #condition: Seasonal;
  readonly #profile: SeasonalProfile | null;
  observed = NaN;

  /** Null: nothing is known. */
  constructor(condition: Seasonal, profile: SeasonalProfile | null) {
    this.#condition = condition;
    this.#profile = profile;
  }

  get dueUs(): number {
    return Infinity;
  }

  take(timeUs: number, value: number, level: number): number {
    const usual = this.#profile?.usual(timeUs) ?? null;
    if (usual === null) return 0;
    const { sigmas, direction } = this.#condition;
    this.observed = zScore(value, usual.mean, usual.deviation);
    return isBeyond(this.observed, sigmas, direction, level > 0) ? 1 : 0;
  }

  becalm(calm: Calm): void {
    setNothingCalm(calm);
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
