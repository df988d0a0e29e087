/** Long runs of samples through dense and rare ones, gaps and steps, and limits that they come near to. */
import type { Limit } from "../../../src/alerts/rule.ts";
import { OVER_US, PANE_US } from "./samples.ts";
import { above, below, START_US } from "./timeline.ts";

export type Random = () => number;
export const pick = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random() * of.length)];

const GAPS_US = [20, 500, PANE_US / 3, PANE_US, OVER_US / 300, OVER_US / 60, OVER_US / 6, OVER_US / 2.5, 2 * OVER_US];
export const HOSTILE = [Number.MAX_VALUE, 1e308, 5e-324, -5e-324, -0, 1e16];
/** Where they cancel out against those above, what is left in a sum need not be the same. */
export const HOSTILE_BELOW = [-Number.MAX_VALUE, -1e308, -1e300, -1e16];

/** How values go for a while: around 0, of a size of about 1. */
const SHAPES: ((random: Random, hostile: readonly number[]) => (i: number) => number)[] = [
  (random) => () => random() - 0.5,
  (random) => () => Math.round(4 * random()) / 2 - 1,
  (random) => () => (random() < 0.02 ? 20 * random() - 10 : random() / 10),
  (random, hostile) => () => (random() < 0.01 ? pick(random, hostile) : random()),
  (random) => (i) => Math.sin(i / (5 + 100 * random())),
  (random) => {
    const slope = (random() - 0.5) / 100;
    return (i) => slope * i;
  },
  (random) => {
    const constant = pick(random, [0, -0, 0.1, 1, -1, 3]);
    return () => constant;
  },
];

/** Samples of a few stretches, each of one gap and shape; at least `count`. */
export function* stretches(
  random: Random,
  hostile: readonly number[],
  count: number,
): Generator<readonly [number, number]> {
  let timeUs = START_US;
  for (let taken = 0; taken < count;) {
    const gapUs = pick(random, GAPS_US);
    const isJittered = random() < 0.5;
    const valueAt = pick(random, SHAPES)(random, hostile);
    const length = Math.ceil(random() * random() * 3_000);
    for (let i = 0; i < length; i++) {
      timeUs += Math.max(1, Math.round(gapUs * (isJittered ? 0.2 + 1.6 * random() : 1)));
      if (random() < 0.000_5) timeUs += pick(random, GAPS_US);
      yield [timeUs, valueAt(i)];
    }
    taken += length;
  }
}

export const LIMITS: Limit[] = [
  above(0.4, 0.1),
  above(0.9),
  above(-0.2, -0.3),
  above(5),
  below(0.05, 0.2),
  below(-0.45),
  below(-3, 1),
];
LIMITS.push(above(1e300), above(-1e300), below(-1e300), below(Infinity), above(Number.MAX_VALUE), above(0, -0));
