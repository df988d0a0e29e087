import { expect, test } from "bun:test";
import fc from "fast-check";
import { Line, type Points } from "../../src/console/data/line.ts";

const SEED = 7;

function pointsOf(entries: Iterable<readonly [timeMs: number, value: number]>): Points {
  const all = [...entries].sort(([a], [b]) => a - b);
  return { timesMs: all.map(([timeMs]) => timeMs), values: all.map(([, value]) => value) };
}

function contentOf(line: Line): (readonly [number, number])[] {
  return [...line.timesMs].map((timeMs, i) => [timeMs, line.values[i]] as const);
}

test("points that come in any order and more than once stand once each, in order, as they came last", () => {
  const batch = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer()), { selector: ([time]) => time });
  const forget = fc.integer({ min: -10, max: 60 });
  const steps = fc.array(fc.oneof(batch, forget), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (all) => {
      const line = new Line();
      const expected = new Map<number, number>();
      for (const step of all) {
        if (typeof step === "number") {
          line.forgetBefore(step);
          for (const time of [...expected.keys()]) if (time < step) expected.delete(time);
          continue;
        }
        const before = expected.size;
        for (const [time, value] of step) expected.set(time, value);
        expect(line.merge(pointsOf(step))).toBe(expected.size - before);
      }
      expect(contentOf(line)).toEqual([...expected].sort(([a], [b]) => a - b));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("bands go with their points, and what has none has its value for both", () => {
  const line = new Line({ timesMs: [1, 3], values: [5, 7], mins: [4, 6], maxs: [6, 8] });
  line.merge({ timesMs: [2, 3], values: [50, 70] });
  expect([...line.timesMs]).toEqual([1, 2, 3]);
  expect([...line.mins]).toEqual([4, 50, 70]);
  expect([...line.maxs]).toEqual([6, 50, 70]);
});

test("a line that is followed for long holds no more than what is shown of it", () => {
  const line = new Line();
  for (let second = 0; second < 100_000; second++) {
    line.merge({ timesMs: [second * 1_000], values: [second] });
    line.forgetBefore((second - 300) * 1_000);
  }
  expect(line.length).toBe(301);
  expect(line.timesMs.buffer.byteLength).toBeLessThan(301 * 8 * 4);
});
