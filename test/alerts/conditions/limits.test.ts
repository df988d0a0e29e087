/** Conditions on single values: threshold, ladder, range. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import { meets } from "../../../src/alerts/conditions/limit.ts";
import type { Condition } from "../../../src/alerts/rule.ts";
import { testNeeding } from "../../support/needs.ts";
import { readRecording, recordingFile } from "../../support/recordings.ts";
import { above, below, linesOf, played } from "./timeline.ts";

const LADDER: Condition = {
  kind: "ladder",
  steps: [
    { severity: "medium", limit: above(80, 75) },
    { severity: "high", limit: above(90, 88) },
    { severity: "critical", limit: above(95, 78) },
  ],
};

const TIMELINES: [string, Condition, string][] = [
  [
    "above, without a clear value of its own",
    { kind: "threshold", limit: above(80) },
    `0s 80     0 80
     1s 80.01  1 80.01
     2s 80     0 80
     3s 1e308  1 1e+308
     4s -1e308 0 -1e+308`,
  ],
  [
    "above 80, clear at 75",
    { kind: "threshold", limit: above(80, 75) },
    `0s 76    0
     1s 80    0
     2s 81    1
     3s 80    1
     4s 75.01 1
     5s 75    0
     6s 79    0
     7s 80.5  1
     8s -3    0`,
  ],
  [
    "below 40, clear at 45",
    { kind: "threshold", limit: below(40, 45) },
    `0s 40    0
     1s 39.9  1
     2s 44.99 1
     3s 45    0
     4s 41    0
     5s 2     1
     6s 45.1  0`,
  ],
  [
    "neither zero is above the other",
    { kind: "threshold", limit: above(0, -0) },
    `0s -0     0
     1s 0      0
     2s 5e-324 1
     3s -0     0`,
  ],
  [
    "a ladder: each step holds on to its own clear value",
    LADDER,
    `0s  79 0
     1s  81 1
     2s  91 2
     3s  89 2
     4s  88 1
     5s  76 1
     6s  75 0
     7s  96 3 96
     8s  91 3
     9s  79 3
     10s 78 1
     11s 75 0
     12s 89 1
     13s 96 3
     14s 10 0`,
  ],
  [
    "a ladder downwards",
    {
      kind: "ladder",
      steps: [
        { severity: "low", limit: below(20, 25) },
        { severity: "critical", limit: below(5, 10) },
      ],
    },
    `0s 20 0
     1s 4  2
     2s 9  2
     3s 10 1
     4s 24 1
     5s 25 0
     6s 19 1`,
  ],
  [
    "outside of 10 to 20, by a margin of 2",
    { kind: "range", low: 10, high: 20, isOutside: true, margin: 2 },
    `0s 10   0
     1s 20   0
     2s 20.1 1
     3s 19   1
     4s 18   0
     5s 9.9  1
     6s 11   1
     7s 22   1
     8s 12   0`,
  ],
  [
    "inside of 10 to 20, by a margin of 2",
    { kind: "range", low: 10, high: 20, isOutside: false, margin: 2 },
    `0s 9.9  0
     1s 10   1
     2s 8    1
     3s 7.9  0
     4s 9    0
     5s 20   1
     6s 22   1
     7s 22.1 0`,
  ],
  [
    "outside of what has one end",
    { kind: "range", low: -Infinity, high: 20, isOutside: true, margin: 1 },
    `0s -1e308 0
     1s 21     1
     2s 19.5   1
     3s 19     0`,
  ],
];

describe("timelines", () => {
  for (const [name, condition, text] of TIMELINES) {
    test(name, () => {
      expect(played(conditionStateOf(condition), text)).toEqual(linesOf(text));
    });
  }
});

test("with one clear value for all a ladder is as many thresholds", () => {
  const limits = [above(10, 8), above(20, 15), above(30, 29)];
  const steps = limits.map((limit) => ({ severity: "low" as const, limit }));
  const values = fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { maxLength: 50 });
  const property = fc.property(values, (samples) => {
    const ladder = conditionStateOf({ kind: "ladder", steps });
    let level = 0;
    for (const [i, value] of samples.entries()) {
      const expected = limits.filter((limit, step) => meets(limit, value, level > step)).length;
      level = ladder.take(i, value, level);
      expect(level).toBe(expected);
    }
  });
  fc.assert(property);
});

const machine = recordingFile("machine");
const recorded = testNeeding([machine === undefined && "the machine recording"]);

/** Lengths of the runs of consecutive samples for which a condition is met. */
function runsOf(condition: Condition, metric: string): number[] {
  const { series, points } = readRecording(machine!);
  const id = series.find((each) => each.metric === metric)!.id;
  const byTime = new Map<number, number>();
  for (const [seriesId, timeUs, value] of points) if (seriesId === id) byTime.set(timeUs, value);
  const state = conditionStateOf(condition);
  const runs: number[] = [];
  let level = 0;
  for (const [timeUs, value] of [...byTime].sort(([a], [b]) => a - b)) {
    const next = state.take(timeUs, value, level);
    if (next > level) runs.push(0);
    if (next > 0) runs[runs.length - 1]++;
    level = next;
  }
  return runs;
}

recorded("the machine's five episodes below 40 degrees, and the office's two above 84", () => {
  expect(runsOf({ kind: "threshold", limit: below(40) }, "temperature_f")).toEqual([24, 4, 1, 1, 369]);
  expect(runsOf({ kind: "threshold", limit: above(84) }, "ambient_temperature_f")).toEqual([11, 1]);
});
