import { expect, test } from "bun:test";
import { covers, coversStanding, groupsOf, reachOf } from "../../../src/cluster/recent/recent-reach.ts";

const slice = (afterSeq: number, throughSeq: number, beforeUs: number) => ({ afterSeq, throughSeq, beforeUs });

test("a window reaches back to the first gap", () => {
  const [a, b, c] = [slice(-1, 10, -1), slice(10, 20, 100), slice(20, 30, 200)];
  const reach = (slices: readonly ReturnType<typeof slice>[], throughSeq: number) =>
    reachOf(slices, throughSeq, 5_000).beforeUs;
  expect(reach([a, b, c], 30)).toBe(-1);
  expect(reach([a, c], 30)).toBe(200);
  expect(reach([b, c], 30)).toBe(100);
  // A part of what is there again, whichever stands first.
  expect(reach([a, slice(15, 20, 150), b, c], 30)).toBe(-1);
  expect(reach([a, b, slice(15, 20, 150), c], 30)).toBe(-1);
  // The end was written, and is there no more.
  expect(reachOf([a, b], 30, 5_000)).toEqual({ beforeUs: Infinity, untilMs: 0 });
  expect(reachOf([], -1, 5_000)).toEqual({ beforeUs: Infinity, untilMs: 0 });
});

test("a question is covered where nothing earlier and nothing later can belong to its answer", () => {
  const reach = { beforeUs: 1_000_000, untilMs: 5_000 };
  const rows = (fromUs: number, toUs: number, more = {}) => covers(reach, { reading: "rows", fromUs, toUs, ...more });
  expect([rows(1_000_001, 5_000_000), rows(1_000_000, 5_000_000), rows(1_000_001, 5_000_001)]).toEqual([
    ...[true, false, false],
  ]);
  expect([rows(2e6, 9e6, { asOfS: 4 }), rows(2e6, 9e6, { asOfS: 5 })]).toEqual([true, false]);
  const arrivals = (toS: number) => covers(reach, { reading: "arrivals", fromUs: 2e6, toUs: 9e6, fromS: 0, toS });
  expect([arrivals(5), arrivals(6)]).toEqual([true, false]);
  const standing = (timeUs: number, toS: number) =>
    coversStanding(reach, timeUs, { reading: "standing", fromUs: 0, toUs: 9e6, toS });
  expect([standing(1_000_001, 5), standing(1_000_000, 5), standing(1_000_001, 6)]).toEqual([true, false, false]);
});

test("series are read by shards, and in their order where an answer goes on in parts", () => {
  const ids = Uint32Array.of(33, 1, 17, 2, 34);
  const whole = { reading: "rows", fromUs: 0, toUs: 1 } as const;
  expect(groupsOf(ids, whole, 1)).toEqual([[1, 3, 2, 0, 4]]);
  expect(groupsOf(ids, whole, 1_000_000)).toEqual([[1, 3], [2, 0], [4]]);
  expect(groupsOf(ids, { ...whole, partRows: 20 }, 10)).toEqual([[0, 1], [2, 3], [4]]);
  expect(groupsOf(ids, { ...whole, partRows: 20 }, 100)).toEqual([[0], [1], [2], [3], [4]]);
  expect(groupsOf(ids, { ...whole, reading: "arrivals", partRows: 20 }, 100)).toEqual([[0, 1, 2, 3, 4]]);
});
