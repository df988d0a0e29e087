/** Deviation from the series' own past. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { conditionStateOf } from "../../../src/alerts/conditions/condition-state-of.ts";
import type { Condition, Direction } from "../../../src/alerts/rule.ts";
import { randomOf } from "../../support/random.ts";
import { START_US } from "./timeline.ts";

const SPAN_S = 600;

function deviating(sigmas = 4, direction: Direction = "both", pointsMin = 30): Condition {
  return { kind: "deviation", sigmas, spanMs: SPAN_S * 1_000, direction, pointsMin };
}

/** Standard normal (Box and Muller 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A state, a sample a second, and what it says of each value. */
class Played {
  readonly #state;
  #second = 0;
  level = 0;

  constructor(condition: Condition) {
    this.#state = conditionStateOf(condition);
  }

  get observed(): number {
    return this.#state.observed;
  }

  take(value: number, afterS = 1): number {
    this.#second += afterS;
    return (this.level = this.#state.take(START_US + this.#second * 1e6, value, this.level));
  }

  /** How many of so many values it is met for. */
  met(samples: number, valueAt: (i: number) => number): number {
    let met = 0;
    for (let i = 0; i < samples; i++) met += this.take(valueAt(i));
    return met;
  }
}

test("z-scores are those of weights that fall off exponentially", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomOf(seed);
    const values = Float64Array.from({ length: 150 }, () => 100 + normal(random));
    // So wide a limit that none weighs less.
    const state = new Played(deviating(1e9, "both", 1));
    for (const [i, value] of values.entries()) {
      state.take(value);
      if (i < 10) continue;
      const past = values.subarray(0, i);
      const weights = past.map((_, k) => Math.exp((k - i) / SPAN_S));
      const total = weights.reduce((sum, weight) => sum + weight);
      const mean = weights.reduce((sum, weight, k) => sum + weight * past[k], 0) / total;
      const variance = weights.reduce((sum, weight, k) => sum + weight * (past[k] - mean) ** 2, 0) / total;
      expect(state.observed).toBeCloseTo((value - mean) / Math.sqrt(variance), 2);
    }
  }
});

describe("a steady series with noise", () => {
  const noisy = (seed: number, mean = 20) => {
    const random = randomOf(seed);
    return () => mean + normal(random);
  };

  test("is calm, from the first judged sample on", () => {
    let met = 0;
    for (let seed = 1; seed <= 50; seed++) met += new Played(deviating(5)).met(2_000, noisy(seed));
    expect(met).toBeLessThanOrEqual(3);
  });

  test("a spike is met once and forgotten", () => {
    const state = new Played(deviating());
    const value = noisy(3);
    state.met(1_000, value);
    expect(state.take(60)).toBe(1);
    expect(state.observed).toBeGreaterThan(30);
    expect(state.take(20)).toBe(0);
    expect(state.take(60)).toBe(1);
    expect(state.observed).toBeGreaterThan(20);
  });

  test("a step that stays is the new normal after about a span", () => {
    for (const step of [10, 1_000, -40]) {
      const state = new Played(deviating());
      state.met(5 * SPAN_S, noisy(4));
      const metFor = state.met(3 * SPAN_S, noisy(5, 20 + step));
      expect(metFor / SPAN_S).toBeGreaterThan(0.4);
      expect(metFor / SPAN_S).toBeLessThan(1.1);
      expect(state.level).toBe(0);
      // Some spans later it is as watchful as before.
      state.met(15 * SPAN_S, noisy(6, 20 + step));
      expect(state.take(20 + step + 9)).toBe(1);
    }
  });

  test("met until it is back within three quarters of the limit", () => {
    const state = new Played(deviating(4));
    state.met(3_000, noisy(8));
    expect([23.5, 24.6, 23.6, 22.5, 23.5].map((value) => state.take(value))).toEqual([0, 1, 1, 0, 0]);
  });

  test("only to the side that is asked for; the other does not drag the mean along, either", () => {
    const state = new Played(deviating(4, "above"));
    state.met(3_000, noisy(9));
    expect(state.met(60, () => -50)).toBe(0);
    expect(state.take(90)).toBe(1);
    expect(new Played(deviating(4, "below")).met(100, (i) => (i < 99 ? i % 2 : -9))).toBe(1);
  });

  test("a gap is not all of the past", () => {
    const state = new Played(deviating());
    state.met(3_000, noisy(10));
    state.take(20.5, 86_400);
    expect(state.met(500, noisy(11))).toBe(0);
  });

  test("nothing is judged by fewer samples than asked for", () => {
    const state = new Played(deviating(4, "both", 30));
    expect(state.met(30, (i) => i % 2)).toBe(0);
    expect(state.take(100)).toBe(1);
    expect(new Played(deviating(4, "both", 30)).met(30, (i) => (i < 29 ? i % 2 : 100))).toBe(0);
  });
});

describe("a series that is constant for long", () => {
  const after = (constant: number, values: readonly number[]) => {
    const state = new Played(deviating());
    state.met(2_000, () => constant);
    return values.map((value) => state.take(value));
  };

  test("may move by what rounding makes", () => {
    expect(after(20, [20 + 1e-12, 20, 20 - 4e-15, 20 + 2e-6])).toEqual([0, 0, 0, 0]);
    expect(after(0.1 + 0.2, [0.3, 0.1 + 0.2, 0.3])).toEqual([0, 0, 0]);
    expect(after(Math.fround(20.1), [Math.fround(20.100002), 20.1])).toEqual([0, 0]);
  });

  test("may move by the smallest step that it shows", () => {
    expect(after(21, [22, 21, 22, 21])).toEqual([0, 0, 0, 0]);
    expect(after(1013.25, [1013.26, 1013.24])).toEqual([0, 0]);
  });

  test("is met when it jumps", () => {
    expect(after(20, [85])).toEqual([1]);
    expect(after(0, [1])).toEqual([1]);
    expect(after(21, [22, 21, 26])).toEqual([0, 0, 1]);
  });

  test("zero, whatever its sign", () => {
    expect(after(0, [-0, 0, -0])).toEqual([0, 0, 0]);
  });
});

test("huge values make no nonsense", () => {
  const hostile = fc.constantFrom(1e308, -1e308, Number.MAX_VALUE, 0, -0, 5e-324, 1e150, 1);
  const property = fc.property(fc.array(hostile, { maxLength: 60 }), (values) => {
    const state = new Played(deviating(4, "both", 2));
    for (const value of values) {
      expect([0, 1]).toContain(state.take(value));
      if (state.level === 1) expect(Math.abs(state.observed)).toBeGreaterThan(3);
    }
  });
  fc.assert(property);
});
