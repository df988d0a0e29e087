import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import type { Condition } from "../../../src/alerts/rule.ts";
import { narrowGap, OVER_MS, OVER_US, paneWindowOf, samplesOf, windowOf } from "./samples.ts";
import { linesOf, played } from "./timeline.ts";

function stuckWithin(epsilon: number): Condition {
  return { kind: "stuck", overMs: OVER_MS, epsilon };
}

describe("timelines", () => {
  const timelines: [string, number, string][] = [
    [
      "from one window on, until it moves, and again a window later",
      0,
      `0s   7   0 0
       20s  7   0 0
       40s  7   0 0
       60s  7   1 0
       80s  7   1 0
       90s  7.1 0 0.1
       100s 7   0 0.1
       120s 7   0 0.1
       149s 7   0 0.1
       150s 7   1 0`,
    ],
    [
      "within epsilon of each other, not of the one before",
      0.5,
      `0s  7    0
       20s 7.25 0
       40s 7    0
       60s 7.5  1 0.5
       70s 7.75 0 0.75
       80s 7.75 0 0.75
       99s 7.75 0 0.75
       100s 7.75 1 0.25`,
    ],
    [
      "two samples say nothing",
      0,
      `0s   7 0
       40s  7 0
       80s  7 0
       120s 7 0
       121s 7 1
       160s 7 1
       180s 7 1
       230s 7 0`,
    ],
    [
      "a gap of the window's length begins anew",
      0,
      `0s   7 0
       30s  7 0
       59s  7 0
       119s 7 0
       120s 7 0
       178s 7 0
       179s 7 1`,
    ],
  ];
  for (const [name, epsilon, text] of timelines) {
    test(name, () => {
      expect(played(conditionStateOf(stuckWithin(epsilon)), text)).toEqual(linesOf(text));
    });
  }
});

test("random samples", () => {
  const value = fc.oneof(fc.constantFrom(1, 1, 1, 1, 1.25, 1.5, -0, 0), fc.constant(Number.MAX_VALUE));
  const property = fc.property(samplesOf(narrowGap, value), fc.constantFrom(0, 0.25, 1), (samples, epsilon) => {
    const state = conditionStateOf(stuckWithin(epsilon));
    let sinceUs = NaN;
    for (const [i, { timeUs, value }] of samples.entries()) {
      if (i === 0 || timeUs - samples[i - 1].timeUs >= OVER_US) sinceUs = timeUs;
      const values = paneWindowOf(samples, timeUs).map((sample) => sample.value);
      const spread = Math.max(...values) - Math.min(...values);
      const isSeen = timeUs - sinceUs >= OVER_US && windowOf(samples, timeUs).length >= 3;
      expect(state.take(timeUs, value, i % 2)).toBe(isSeen && spread <= epsilon ? 1 : 0);
      expect(state.observed).toBe(spread);
    }
  });
  fc.assert(property, { numRuns: 300 });
});
