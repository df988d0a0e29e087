import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  hasAllOf,
  hasSomeOf,
  sequencesWithin,
  unionOf,
  unionOfAll,
  withoutSequences,
  withSequences,
  type SequenceRanges,
} from "../../src/model/sequence-ranges.ts";

const END = 40;
const pair = fc.tuple(fc.nat(END), fc.nat(END));

function numbersOf(ranges: SequenceRanges): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
}

test("ranges are sets of numbers, whatever is put in and taken out", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), pair), { maxLength: 30 });
  fc.assert(
    fc.property(steps, pair, (changes, [from, to]) => {
      let ranges: SequenceRanges = [];
      const set = new Set<number>();
      for (const [adds, [a, b]] of changes) {
        ranges = adds ? withSequences(ranges, a, b) : withoutSequences(ranges, a, b);
        for (let n = a; n < b; n++) adds ? set.add(n) : set.delete(n);
      }
      expect(numbersOf(ranges)).toEqual([...set].sort((a, b) => a - b));
      for (let i = 1; i < ranges.length; i++) expect(ranges[i][0]).toBeGreaterThan(ranges[i - 1][1]);
      const asked = Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
      if (from < to) expect(hasSomeOf(ranges, from, to)).toBe(asked.some((n) => set.has(n)));
      expect(hasAllOf(ranges, from, to)).toBe(asked.every((n) => set.has(n)));
      expect(numbersOf(sequencesWithin(ranges, from, to))).toEqual(asked.filter((n) => set.has(n)));
    }),
  );
});

test("a range may have no end", () => {
  expect(withSequences([[3, 5]], 5, Infinity)).toEqual([[3, Infinity]]);
  expect(withoutSequences([[3, Infinity]], 7, 9)).toEqual([
    [3, 7],
    [9, Infinity],
  ]);
});

test("a union of ranges in any order is the set of what is in them", () => {
  const range = pair.filter(([from, to]) => from < to);
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), (ranges) => {
      const one = ranges.reduce<SequenceRanges>((all, [from, to]) => withSequences(all, from, to), []);
      expect(unionOfAll(ranges)).toEqual(one);
    }),
  );
});

test("a union of two sets holds what either does, as ranges that do not touch", () => {
  const set = fc.array(pair, { maxLength: 12 }).map((pairs) => {
    return pairs.reduce<SequenceRanges>((ranges, [a, b]) => withSequences(ranges, a, b), []);
  });
  fc.assert(
    fc.property(set, set, (a, b) => {
      const one = b.reduce<SequenceRanges>((all, [from, to]) => withSequences(all, from, to), a);
      expect(unionOf(a, b)).toEqual(one);
    }),
  );
});
