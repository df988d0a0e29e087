/** Windows that count, and run empty without a sample. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import { meets } from "../../../src/alerts/conditions/limit.ts";
import type { Condition, Limit } from "../../../src/alerts/rule.ts";
import { narrowGap, OVER_MS, OVER_US, paneWindowOf, samplesOf, wideGap, windowOf, type Sample } from "./samples.ts";
import { above, below, linesOf, played, START_US } from "./timeline.ts";

function counted(limit: Limit): Condition {
  return { kind: "window", func: "count", overMs: OVER_MS, limit, pointsMin: 1 };
}

describe("timelines", () => {
  const timelines: [string, Limit, string][] = [
    [
      "too many, until the window has run empty enough",
      above(2),
      `0s  0 0 1
       10s 0 0 2
       20s 0 1 3
       30s 0 1 4
       70s - 0 2
       5m  end 0 2`,
    ],
    [
      "too many, down to a clear value of its own",
      above(2, 0),
      `0s  0 0
       10s 0 0
       20s 0 1
       80s - 0 0
       5m  end 0 0`,
    ],
    [
      "too few is said from one window after the first sample on",
      below(3),
      `0s  0 0 1
       10s 0 0 2
       1m  - 1 1
       62s 0 1 2
       64s 0 0 3
       70s - 1 2
       5m  end 1 2`,
    ],
    [
      "too few, with a clear value of its own",
      below(2, 4),
      `0s   0 0 1
       20s  0 0 2
       40s  0 0 3
       65s  0 0 3
       80s  0 0 3
       100s 0 0 3
       140s - 1 1
       150s 0 1 2
       151s 0 1 3
       152s 0 0 4
       211s - 1 1
       2h   end 1 1`,
    ],
    [
      "none at all",
      below(1),
      `0s  0 0 1
       1m  - 1 0
       90s 0 0 1
       150s - 1 0
       1h  end 1 0`,
    ],
    [
      "fewer than none there never are",
      below(0),
      `0s 0 0 1
       1h end 0 1`,
    ],
  ];
  for (const [name, limit, text] of timelines) {
    test(name, () => {
      expect(played(conditionStateOf(counted(limit)), text)).toEqual(linesOf(text));
    });
  }

  test("a series that was seen before is judged at once", () => {
    const state = conditionStateOf(counted(below(2)), { seenSinceUs: START_US - OVER_US });
    expect(state.dueUs).toBe(START_US);
    expect(state.elapse(START_US, 0)).toBe(1);
    expect(state.take(START_US + 1, 5, 1)).toBe(1);
    expect(state.take(START_US + 2, 5, 1)).toBe(0);
  });

  test("what stands is not taken back where too little has been seen", () => {
    const state = conditionStateOf(counted(below(2)));
    expect(state.take(START_US, 5, 1)).toBe(1);
    expect(state.take(START_US + 1, 5, 1)).toBe(0);
  });
});

/** Plays samples, with all that falls due, and looks at each moment a level changes, and just before. */
function expectCounts(
  gap: fc.Arbitrary<number>,
  windowAt: (samples: readonly Sample[], endUs: number) => Sample[],
): void {
  const limits = fc.constantFrom(above(2), above(3, 1.5), above(0), below(3), below(1), below(2.5, 4), below(0));
  const property = fc.property(samplesOf(gap), limits, (samples, limit) => {
    const state = conditionStateOf(counted(limit));
    const isJudged = (timeUs: number) => limit.direction === "above" || timeUs - samples[0].timeUs >= OVER_US;
    const expected = (timeUs: number, level: number, upTo: readonly Sample[]) =>
      (level > 0 || isJudged(timeUs)) && meets(limit, windowAt(upTo, timeUs).length, level > 0) ? 1 : 0;
    let level = 0;
    for (const [i, { timeUs, value }] of samples.entries()) {
      level = state.take(timeUs, value, level);
      expect(state.observed).toBe(windowAt(samples.slice(0, i + 1), timeUs).length);
      const nextUs = samples[i + 1]?.timeUs ?? Infinity;
      const upTo = samples.slice(0, i + 1);
      while (state.dueUs < nextUs) {
        const dueUs = state.dueUs;
        expect(expected(dueUs - 1, level, upTo)).toBe(level);
        const next = state.elapse(dueUs, level);
        expect(next).toBe(expected(dueUs, level, upTo));
        expect(next).not.toBe(level);
        level = next;
      }
      const waitedUs = Math.min(nextUs - 1, timeUs + 2 * OVER_US);
      expect(expected(waitedUs, level, upTo)).toBe(level);
    }
  });
  fc.assert(property, { numRuns: 300 });
}

test("random samples, panes apart: each change is due when it comes, and nothing else is", () => {
  expectCounts(wideGap, windowOf);
});

test("random samples that share panes", () => {
  expectCounts(narrowGap, paneWindowOf);
});
