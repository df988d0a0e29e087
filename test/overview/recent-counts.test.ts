import { describe, expect, test } from "bun:test";
import { bucketQuantile, bucketsSince } from "../../src/overview/bucket-quantile.ts";
import type { Counts } from "../../src/overview/counts.ts";
import { RecentCounts } from "../../src/overview/recent-counts.ts";

const counts = (atS: number, points: number, more: Partial<Counts> = {}): Counts => ({
  ...{ atMs: atS * 1_000, points, batches: points / 10 },
  ...{ refusedOf: new Map(), readingAge: [], commit: [], ...more },
});

describe("rates", () => {
  test("are of the last ten seconds, and of what there is where that is less", () => {
    const recent = new RecentCounts(counts(0, 0));
    expect(recent.perS("points")).toBe(0);
    recent.add(counts(2, 100));
    expect(recent.perS("points")).toBe(50);
    for (let s = 3; s <= 30; s++) recent.add(counts(s, 100 + (s - 2) * 7));
    expect(recent.perS("points")).toBe(7);
    expect(recent.perS("batches")).toBeCloseTo(0.7);
  });

  test("of ten seconds each are kept for ten minutes", () => {
    const recent = new RecentCounts(counts(0, 0));
    for (let s = 1; s <= 1_000; s++) recent.add(counts(s, s <= 990 ? s : 990 + (s - 990) * 3));
    expect(recent.recentPointsPerS).toHaveLength(60);
    expect(recent.recentPointsPerS.slice(-2)).toEqual([1, 3]);
  });

  test("two looks at one time are one", () => {
    const recent = new RecentCounts(counts(0, 0));
    recent.add(counts(10, 10));
    recent.add(counts(10, 99));
    expect(recent.perS("points")).toBe(1);
  });
});

test("refusals are told of all time and of the last minute, those there were alone", () => {
  const of = (old: number, far: number) => ({
    refusedOf: new Map([
      ["too_old", old],
      ["too_far_ahead", far],
    ]),
  });
  const recent = new RecentCounts(counts(0, 0, of(5, 0)));
  for (let s = 1; s <= 100; s++) recent.add(counts(s, 0, of(5 + s, 0)));
  expect(recent.refused()).toEqual([{ reason: "too_old", total: 105, lastMinute: 60 }]);
});

describe("quantiles of buckets", () => {
  const buckets = [
    { le: 1, count: 10 },
    { le: 2, count: 20 },
    { le: Infinity, count: 25 },
  ];

  test("lie evenly in their bucket; what is above all bounds is said to be the last one", () => {
    expect(bucketQuantile(buckets, 0.2)).toBe(0.5);
    expect(bucketQuantile(buckets, 0.6)).toBe(1.5);
    expect(bucketQuantile(buckets, 0.99)).toBe(2);
    expect(bucketQuantile([], 0.5)).toBe(0);
    expect(bucketQuantile(bucketsSince(buckets, buckets), 0.5)).toBe(0);
  });

  test("of the last minute know nothing of what was before", () => {
    const commit = (fast: number, slow: number) => ({
      commit: [
        { le: 0.01, count: fast },
        { le: 1, count: fast + slow },
      ],
    });
    const recent = new RecentCounts(counts(0, 0, commit(0, 1_000)));
    for (let s = 1; s <= 61; s++) recent.add(counts(s, 0, commit(s, 1_000)));
    expect(recent.quantileMs("commit", 0.99)).toBeCloseTo(9.9);
  });
});
