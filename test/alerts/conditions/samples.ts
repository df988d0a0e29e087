/** Random samples, and windows over them without any cleverness. */
import fc from "fast-check";
import { PANES_OF_WINDOW } from "../../../src/alerts/conditions/panes.ts";
import { START_US } from "./timeline.ts";

export interface Sample {
  readonly timeUs: number;
  readonly value: number;
}

export const OVER_MS = 60_000;
export const OVER_US = OVER_MS * 1_000;
export const PANE_US = OVER_US / PANES_OF_WINDOW;

const ordinary = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(0, -0, 0.1, 0.2, 0.3),
  fc.double({ min: -100, max: 100, noNaN: true }),
);
const hostile = fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 1e308, -1e308, 5e-324, -5e-324, 1e16, 1e-300);
export const anyValue = fc.oneof({ weight: 5, arbitrary: ordinary }, { weight: 1, arbitrary: hostile });

/** Gaps of a window's size or so, among them those that end at its edge. */
export const wideGap = fc.oneof(
  fc.integer({ min: PANE_US, max: OVER_US / 10 }),
  fc.constantFrom(PANE_US, OVER_US / 4, OVER_US / 2, OVER_US - PANE_US, OVER_US, OVER_US + 1, 3 * OVER_US),
);
/** Many samples of one pane. */
export const narrowGap = fc.oneof(fc.integer({ min: 1, max: PANE_US / 2 }), wideGap);

export function samplesOf(gap: fc.Arbitrary<number>, value: fc.Arbitrary<number> = anyValue): fc.Arbitrary<Sample[]> {
  return fc.array(fc.tuple(gap, value), { maxLength: 80 }).map((pairs) => {
    let timeUs = START_US;
    return pairs.map(([gapUs, each]) => ({ timeUs: (timeUs += gapUs), value: each }));
  });
}

/** The samples of (end - over, end]. */
export function windowOf(samples: readonly Sample[], endUs: number, overUs = OVER_US): Sample[] {
  return samples.filter(({ timeUs }) => timeUs > endUs - overUs && timeUs <= endUs);
}

/** With those that share a pane with one of them and come before it. */
export function paneWindowOf(samples: readonly Sample[], endUs: number, paneUs = PANE_US, overUs = OVER_US): Sample[] {
  const pane = (timeUs: number) => Math.floor(timeUs / paneUs);
  const first = samples.find(({ timeUs }) => timeUs > endUs - overUs);
  if (first === undefined) return [];
  return samples.filter(({ timeUs }) => timeUs <= endUs && pane(timeUs) >= pane(first.timeUs));
}
