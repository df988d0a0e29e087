import type { Limit } from "../rule.ts";

/**
 * Samples that leave a level of 0 as it is: those from `low` to `high`, of before `untilUs`, however many come, up to
 * {@link KEPT_BACK_MAX}. Where `low` is above `high` none is known to.
 */
export interface Calm {
  low: number;
  high: number;
  untilUs: number;
  /** Whether the state has to take them all the same; else it is as if there had been none. */
  areTaken: boolean;
}

/** So many samples may be kept back before a state takes them. */
export const KEPT_BACK_MAX = 16;

/** Whatever comes is to be looked at. */
export function setNothingCalm(calm: Calm): void {
  calm.low = Infinity;
  calm.high = -Infinity;
}

/** What does not go beyond a limit is calm. */
export function setCalmWithin({ direction, at }: Limit, areTaken: boolean, calm: Calm): void {
  calm.low = direction === "above" ? -Infinity : at;
  calm.high = direction === "above" ? at : Infinity;
  calm.untilUs = Infinity;
  calm.areTaken = areTaken;
}
