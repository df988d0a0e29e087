import { expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import type { Condition } from "../../../src/alerts/rule.ts";
import { above, below, linesOf, played } from "./timeline.ts";

test("three of five", () => {
  const condition: Condition = { kind: "n_of_m", n: 3, m: 5, limit: above(80) };
  const text = `
    0s  81 0 1
    1s  80 0 1
    2s  90 0 2
    3s  85 1 3
    4s  0  1 3
    5s  0  0 2
    1h  99 1 3
    2h  0  0 2
    3h  0  0 1
    4h  0  0 1
    5h  0  0 1
    6h  0  0 0`;
  expect(played(conditionStateOf(condition), text)).toEqual(linesOf(text));
});

test("random samples, more than one word of them, too", () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(31, 32, 33, 64, 100));
  const values = fc.array(fc.integer({ min: -1, max: 1 }), { maxLength: 250 });
  const property = fc.property(sizes, fc.nat(), values, (m, seed, samples) => {
    const n = 1 + (seed % m);
    const state = conditionStateOf({ kind: "n_of_m", n, m, limit: below(0) });
    for (const [i, value] of samples.entries()) {
      const beyond = samples.slice(Math.max(0, i + 1 - m), i + 1).filter((each) => each < 0).length;
      expect(state.take(i, value, i % 2)).toBe(beyond >= n ? 1 : 0);
      expect(state.observed).toBe(beyond);
    }
  });
  fc.assert(property);
});
