import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import { meets } from "../../../src/alerts/conditions/limit.ts";
import type { Condition, Limit } from "../../../src/alerts/rule.ts";
import { narrowGap, OVER_MS, OVER_US, PANE_US, samplesOf, windowOf } from "./samples.ts";
import { above, below, linesOf, played } from "./timeline.ts";

function changing(limit: Limit): Condition {
  return { kind: "rate", overMs: OVER_MS, limit };
}

describe("timelines", () => {
  const timelines: [string, Limit, string][] = [
    [
      "not before half of the window is seen",
      above(1),
      `0s     0   0
       1ms    900 0
       29.9s  900 0
       30s    900 1 30
       59s    900 1 15.2542
       61s    900 0 0`,
    ],
    [
      "the oldest sample is out when it is as old as the window",
      above(1, 0.5),
      `0s  0  0
       30s 45 1 1.5
       60s 60 0 0.5
       90s 60 0 0`,
    ],
    [
      "after a gap it is seen anew",
      above(1),
      `0s   0   0
       40s  80  1 2
       120s 900 0
       140s 960 0
       150s 990 1 3`,
    ],
    [
      "falling",
      below(-1, -0.5),
      `0s  100 0
       30s 69  1 -1.03333
       50s 74  1 -0.52
       59s 80  0 -0.338983`,
    ],
  ];
  for (const [name, limit, text] of timelines) {
    test(name, () => {
      expect(played(conditionStateOf(changing(limit)), text)).toEqual(linesOf(text));
    });
  }
});

test("random samples: from the first of its pane that is in the window", () => {
  const pane = (timeUs: number) => Math.floor(timeUs / PANE_US);
  const property = fc.property(samplesOf(narrowGap), (samples) => {
    const state = conditionStateOf(changing(above(0.001)));
    let level = 0;
    const firsts = samples.filter(({ timeUs }, i) => i === 0 || pane(samples[i - 1].timeUs) !== pane(timeUs));
    for (const { timeUs, value } of samples) {
      const was = level;
      level = state.take(timeUs, value, was);
      const oldest = windowOf(firsts, timeUs)[0];
      const seconds = (timeUs - oldest.timeUs) / 1e6;
      if (seconds < OVER_US / 2e6) expect(level).toBe(0);
      else {
        expect(state.observed).toBe((value - oldest.value) / seconds);
        expect(level).toBe(meets(above(0.001), state.observed, was > 0) ? 1 : 0);
      }
    }
  });
  fc.assert(property, { numRuns: 300 });
});
