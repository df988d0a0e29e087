/** How wide the steps are that a small drawing is made of. Pure. */

const S = 1_000;
const [MINUTE, HOUR] = [60 * S, 3_600 * S];
/** As people divide time, so that steps begin at round ones. */
const STEPS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((s) => s * S),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 168].map((hours) => hours * HOUR),
];

/** The narrowest of which no more than `stepsMax` fit into the range. */
export function stepFor(rangeMs: number, stepsMax: number): number {
  return STEPS_MS.find((stepMs) => rangeMs / stepMs <= stepsMax) ?? Math.ceil(rangeMs / stepsMax / HOUR) * HOUR;
}
