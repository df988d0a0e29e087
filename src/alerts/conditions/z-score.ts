import type { Direction } from "../rule.ts";

/** What is back within this share of the limit is no longer beyond it. */
const CLEAR_SHARE = 0.75;
/** Of the value; it covers what rounding to single precision makes. */
const DEVIATION_SHARE_MIN = 1e-6;
/** Squares of what is smaller are lost. */
const DEVIATION_MIN = 1e-150;

/**
 * Standard deviations that a value is above the mean; negative: below. A deviation of less than a millionth of the value
 * counts as that: what was constant, then moves by rounding, has not moved.
 */
export function zScore(value: number, mean: number, deviation: number): number {
  if (value === mean) return 0;
  const share = DEVIATION_SHARE_MIN * Math.max(Math.abs(value), Math.abs(mean));
  return (value - mean) / Math.max(deviation, share, DEVIATION_MIN);
}

/** Whether it is more than `sigmas` away to that side; what was stays so until it is back within three quarters of it. */
export function isBeyond(z: number, sigmas: number, direction: Direction, was: boolean): boolean {
  const away = direction === "above" ? z : direction === "below" ? -z : Math.abs(z);
  return away > (was ? CLEAR_SHARE * sigmas : sigmas);
}
