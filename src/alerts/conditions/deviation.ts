import type { Condition, Direction } from "../rule.ts";
import { KEPT_BACK_MAX, setNothingCalm, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { isBeyond, zScore } from "./z-score.ts";

type Deviation = Extract<Condition, { kind: "deviation" }>;

/** What is beyond counts as this, so that squares are finite. */
const VALUE_MAX = 1e150;
/** Weight of a sample that is beyond the limit. */
const BEYOND_WEIGHT = 0.1;
const STEP_SHARE = 0.5;
const STEP_SHARE_OF_VALUE_MAX = 0.05;
const US_PER_MS = 1_000;
/** More than rounding makes of a mean, in deviations. */
const ROUNDING_SHARE = 1e-9;

/**
 * How far a sample is from the exponentially weighted mean of the samples before it, in their standard deviations (Finch,
 * Incremental calculation of weighted mean and variance, 2009). With dt since the sample before, a sample weighs
 * 1 - exp(-dt/span), so a burst weighs no more than the time it took. Those before it together weigh at least as much as
 * `pointsMin` of its weight, or as many as there were: so neither the first samples nor one after a gap are all of the past.
 *
 * A sample beyond the limit, to either side, weighs a tenth: a spike hardly moves the mean, and a step that stays is taken
 * for the new normal after about a span (three quarters of one at 4 sigmas). What is met is met until it is back within
 * three quarters of the limit.
 *
 * The deviation counts as at least half of the smallest step between two samples so far, but not for more than a
 * twentieth of the value: a sensor that has long been at 21 and shows whole degrees may show 22. `observed` is the
 * number of deviations, negative below the mean.
 */
export class DeviationState implements ConditionState {
  readonly #sigmas: number;
  readonly #spanUs: number;
  readonly #pointsMin: number;
  readonly #direction: Direction;
  /** The limit in deviations of before, after as many samples as may be kept back. */
  readonly #calmSigmas: number;
  #samples = 0;
  #lastUs = NaN;
  #last = NaN;
  #stepMin = Infinity;
  #weight = 0;
  #mean = 0;
  #variance = 0;
  observed = NaN;

  constructor({ sigmas, spanMs, pointsMin, direction }: Deviation) {
    this.#sigmas = sigmas;
    this.#spanUs = spanMs * US_PER_MS;
    this.#pointsMin = pointsMin;
    this.#direction = direction;
    const weighed = Math.max(1, pointsMin);
    this.#calmSigmas = sigmas * (weighed / (weighed + 1)) ** (KEPT_BACK_MAX / 2) * (1 - ROUNDING_SHARE);
  }

  get dueUs(): number {
    return Infinity;
  }

  take(timeUs: number, value: number, level: number): number {
    const sigmas = this.#sigmas;
    const near = Math.max(-VALUE_MAX, Math.min(VALUE_MAX, value));
    if (this.#samples === 0) return this.#begin(timeUs, near);
    const step = Math.abs(near - this.#last);
    if (step > 0 && step < this.#stepMin) this.#stepMin = step;
    if (this.#samples < this.#pointsMin) {
      this.#fold(timeUs, near, 1);
      return 0;
    }
    this.observed = zScore(near, this.#mean, this.#deviationFor(near));
    const isMet = isBeyond(this.observed, sigmas, this.#direction, level > 0);
    this.#fold(timeUs, near, isMet || Math.abs(this.observed) > sigmas ? BEYOND_WEIGHT : 1);
    return isMet ? 1 : 0;
  }

  /**
   * What is kept back from within some range leaves the mean in there, and takes no more from the variance than it weighs;
   * so nothing is beyond the limit that is within a range as wide as the limit will be at least.
   */
  becalm(calm: Calm): void {
    if (this.#samples < Math.max(1, this.#pointsMin)) return setNothingCalm(calm);
    const half = (this.#calmSigmas * Math.sqrt(this.#variance)) / 2;
    calm.low = this.#mean - half;
    calm.high = this.#mean + half;
    calm.untilUs = Infinity;
    calm.areTaken = true;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }

  #begin(timeUs: number, value: number): number {
    this.#samples = 1;
    this.#lastUs = timeUs;
    this.#last = this.#mean = value;
    return 0;
  }

  #deviationFor(value: number): number {
    const least = STEP_SHARE_OF_VALUE_MAX * Math.max(Math.abs(value), Math.abs(this.#mean));
    return Math.max(Math.sqrt(this.#variance), Math.min(STEP_SHARE * this.#stepMin, least));
  }

  #fold(timeUs: number, value: number, share: number): void {
    const forgotten = forgottenAfter((timeUs - this.#lastUs) / this.#spanUs);
    const weight = share * forgotten;
    const before = Math.max(
      this.#weight * (1 - forgotten),
      Math.min(this.#samples, Math.max(1, this.#pointsMin)) * weight,
    );
    this.#weight = before + weight;
    const part = weight / this.#weight;
    const difference = value - this.#mean;
    this.#mean += part * difference;
    this.#variance = (1 - part) * (this.#variance + part * difference * difference);
    this.#samples++;
    this.#lastUs = timeUs;
    this.#last = value;
  }
}

/** 1 - exp(-spans); of short times by its first terms, which are faster and as good to thirteen digits. */
function forgottenAfter(spans: number): number {
  if (spans > 0.01) return -Math.expm1(-spans);
  return spans * (1 - (spans / 2) * (1 - (spans / 3) * (1 - (spans / 4) * (1 - spans / 5))));
}
