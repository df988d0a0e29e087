/** Calm samples: they leave the level as it is, and a state that takes them later is like one that took them as they came. */
import { expect, test } from "bun:test";
import { KEPT_BACK_MAX, type Calm } from "../../../src/alerts/conditions/calm.ts";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import type { Condition, WindowFunction } from "../../../src/alerts/rule.ts";
import { randomOf } from "../../support/random.ts";
import { OVER_MS } from "./samples.ts";
import { HOSTILE, HOSTILE_BELOW, LIMITS, pick, stretches, type Random } from "./stretches.ts";
import { above, below } from "./timeline.ts";

const SAMPLES = 12_000;
const SEEDS = 12;

/** How many samples were calm. */
function calmOf(condition: Condition, seed: number): number {
  const random = randomOf(seed);
  const [prompt, late] = [conditionStateOf(condition), conditionStateOf(condition)];
  const calm: Calm = { low: Infinity, high: -Infinity, untilUs: Infinity, areTaken: false };
  const kept: (readonly [number, number])[] = [];
  let level = 0;
  let calmSamples = 0;
  let sinceTaken = Infinity;
  const takeKept = () => {
    for (const [timeUs, value] of kept) late.take(timeUs, value, 0);
    kept.length = 0;
  };
  for (const [timeUs, value] of stretches(random, [...HOSTILE, ...HOSTILE_BELOW], SAMPLES)) {
    // After a restart, or once it was resolved by hand, another level stands.
    if (random() < 0.000_5) {
      level = 1 - level;
      sinceTaken = Infinity;
    }
    const wanted = prompt.take(timeUs, value, level);
    const isCalm = value >= calm.low && value <= calm.high && timeUs < calm.untilUs && sinceTaken < KEPT_BACK_MAX;
    if (isCalm) {
      calmSamples++;
      sinceTaken++;
      if (calm.areTaken) kept.push([timeUs, value]);
      if (wanted !== 0) throw new Error(`level ${wanted} at ${timeUs}; wanted 0, for it is calm`);
      if (random() > 0.01) continue;
      takeKept();
    } else {
      takeKept();
      const got = late.take(timeUs, value, level);
      if (got !== wanted) throw new Error(`level ${got} at ${timeUs}; wanted ${wanted}`);
    }
    level = wanted;
    // Of conditions that are no more than a limit, what is compared is the value.
    const isValue = isCalm && !calm.areTaken && condition.kind !== "n_of_m";
    if (!isValue && !Object.is(late.observed + 0, prompt.observed + 0)) {
      throw new Error(`observed ${late.observed} at ${timeUs}; wanted ${prompt.observed}`);
    }
    sinceTaken = level === 0 ? 0 : Infinity;
    if (level === 0) late.becalm(calm);
  }
  return calmSamples;
}

const FUNCTIONS: WindowFunction[] = ["avg", "sum", "min", "max", "p95", "count"];
const windows = FUNCTIONS.map((func) => {
  return (random: Random): Condition => {
    const pointsMin = func === "count" ? 0 : pick(random, [1, 1, 3, 700]);
    return { kind: "window", func, overMs: OVER_MS, limit: pick(random, LIMITS), pointsMin };
  };
});
const OTHERS: ((random: Random) => Condition)[] = [
  (random) => ({ kind: "threshold", limit: pick(random, LIMITS) }),
  () => ({
    kind: "ladder",
    steps: [
      { severity: "low", limit: above(0.3, 0.2) },
      { severity: "high", limit: above(0.6) },
      { severity: "critical", limit: below(-0.4) },
    ],
  }),
  (random) => ({ kind: "range", low: -0.3, high: 0.4, isOutside: random() < 0.7, margin: 0.1 }),
  (random) => {
    const { direction, at, clearAt } = pick(random, LIMITS);
    const share = pick(random, [1, 0.1, 0.01]);
    return { kind: "rate", overMs: OVER_MS, limit: { direction, at: at * share, clearAt: clearAt * share } };
  },
  (random) => ({ kind: "n_of_m", n: pick(random, [1, 3]), m: pick(random, [5, 40]), limit: pick(random, LIMITS) }),
  (random) => ({ kind: "stuck", overMs: OVER_MS, epsilon: pick(random, [0, 1e-9, 0.05, 0.5, 1, 2.5]) }),
  (random) => ({
    kind: "deviation",
    sigmas: pick(random, [0.5, 2, 4, 8]),
    spanMs: pick(random, [1_000, OVER_MS, 60 * OVER_MS]),
    direction: pick(random, ["above", "below", "both"] as const),
    pointsMin: pick(random, [0, 1, 5, 30]),
  }),
];

const NEVER_CALM = new Set<string>(["sum", "count"]);

for (const conditionOf of [...windows, ...OTHERS]) {
  const example = conditionOf(randomOf(48_271));
  const name = example.kind === "window" ? example.func : example.kind;
  test(name, () => {
    let calmSamples = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const condition = conditionOf(randomOf(48_271 * seed));
      try {
        calmSamples += calmOf(condition, seed);
      } catch (cause) {
        throw new Error(`${(cause as Error).message}; seed ${seed}, ${JSON.stringify(condition)}`, { cause });
      }
    }
    if (NEVER_CALM.has(name)) expect(calmSamples).toBe(0);
    else expect(calmSamples).toBeGreaterThan((SEEDS * SAMPLES) / 20);
  });
}
