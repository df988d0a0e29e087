/** What holds for all conditions: no nonsense from hostile values, and a state that was warmed up goes on like the old one. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  conditionStateOf,
  hasSeriesState,
  lookbackPoints,
  lookbackUs,
} from "../../../src/alerts/conditions/condition-state-of.ts";
import type { Condition, WindowFunction } from "../../../src/alerts/rule.ts";
import { randomOf } from "../../support/random.ts";
import { narrowGap, OVER_MS, samplesOf } from "./samples.ts";
import { above, below } from "./timeline.ts";

const windowed = (func: WindowFunction, limit = above(0.5, 0), pointsMin = 2): Condition => ({
  kind: "window",
  func,
  overMs: OVER_MS,
  limit,
  pointsMin,
});

const CONDITIONS: Record<string, Condition> = {
  threshold: { kind: "threshold", limit: above(0.5, 0) },
  ladder: {
    kind: "ladder",
    steps: [
      { severity: "low", limit: below(0, 1) },
      { severity: "high", limit: below(-2, 0) },
    ],
  },
  range: { kind: "range", low: -1, high: 1, isOutside: true, margin: 0.5 },
  avg: windowed("avg"),
  min: windowed("min"),
  max: windowed("max"),
  sum: windowed("sum", below(-1, 1)),
  p95: windowed("p95", above(2, 1), 1),
  "count above": windowed("count", above(3, 1)),
  "count below": windowed("count", below(3, 5)),
  rate: { kind: "rate", overMs: OVER_MS, limit: above(0.01, 0) },
  n_of_m: { kind: "n_of_m", n: 2, m: 4, limit: above(0) },
  stuck: { kind: "stuck", overMs: OVER_MS, epsilon: 4 },
  deviation: { kind: "deviation", sigmas: 1.5, spanMs: OVER_MS, direction: "both", pointsMin: 3 },
};

describe("any samples", () => {
  for (const [name, condition] of Object.entries(CONDITIONS)) {
    const top = condition.kind === "ladder" ? condition.steps.length : 1;

    test(`${name}: levels are levels`, () => {
      const property = fc.property(samplesOf(narrowGap), fc.integer({ min: 0, max: top }), (samples, stood) => {
        const state = conditionStateOf(condition);
        let level = stood;
        for (const { timeUs, value } of samples) {
          level = state.take(timeUs, value, level);
          expect(Number.isInteger(level) && level >= 0 && level <= top).toBe(true);
          expect(level > 0 && Number.isNaN(state.observed)).toBe(false);
          expect(state.dueUs > timeUs).toBe(true);
        }
      });
      fc.assert(property);
    });

    // The past of a deviation has no end: it is near what it was.
    if (condition.kind === "deviation") continue;
    test(`${name}: after a restart it goes on as before`, () => {
      const property = fc.property(samplesOf(narrowGap), fc.nat(), (samples, seed) => {
        if (samples.length === 0) return;
        const at = seed % samples.length;
        const nowUs = samples[at].timeUs;
        const live = conditionStateOf(condition);
        let level = 0;
        for (const { timeUs, value } of samples.slice(0, at + 1)) level = live.take(timeUs, value, level);

        const again = conditionStateOf(condition, { seenSinceUs: samples[0].timeUs });
        const byTime = samples.findIndex(({ timeUs }) => timeUs > nowUs - lookbackUs(condition));
        const from = Math.max(0, Math.min(byTime, at + 1 - lookbackPoints(condition)));
        let ignored = 0;
        for (const { timeUs, value } of samples.slice(from, at + 1)) ignored = again.take(timeUs, value, ignored);
        expect(again.elapse(nowUs, level)).toBe(level);
        expect(again.dueUs).toBe(live.dueUs);
        for (const { timeUs, value } of samples.slice(at + 1)) {
          const next = live.take(timeUs, value, level);
          expect(again.take(timeUs, value, level)).toBe(next);
          if (next > 0) expect(again.observed).toBeCloseTo(live.observed, 9);
          expect(again.dueUs).toBe(live.dueUs);
          level = next;
        }
      });
      fc.assert(property, { numRuns: 200 });
    });
  }
});

test("a deviation after a restart is near what it was", () => {
  const condition: Condition = { kind: "deviation", sigmas: 4, spanMs: OVER_MS, direction: "both", pointsMin: 30 };
  const random = randomOf(1);
  const [live, again] = [conditionStateOf(condition), conditionStateOf(condition)];
  const fedFrom = 3_000 - lookbackUs(condition) / 1e6;
  for (let i = 0; i < 4_000; i++) {
    const value = 20 + random() + Math.sin(i / 500) + (i % 700 === 0 ? 50 : 0);
    live.take(i * 1e6, value, 0);
    if (i > fedFrom) again.take(i * 1e6, value, 0);
    if (i >= 3_000) expect(again.observed).toBeCloseTo(live.observed, 3);
  }
});

test("absence and watchdog are not judged by samples", () => {
  expect(() => conditionStateOf({ kind: "watchdog" })).toThrow("no state for a condition of watchdog");
  expect(() => conditionStateOf({ kind: "absence", afterMs: 1 })).toThrow(RangeError);
});

test("what keeps nothing of a series is shared", () => {
  expect(Object.keys(CONDITIONS).filter((name) => !hasSeriesState(CONDITIONS[name]))).toEqual([
    "threshold",
    "ladder",
    "range",
  ]);
});
