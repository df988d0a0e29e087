/** What GetStoreStats tells, from what store and log tell. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { storeStatsOf, type StoreFacts } from "../../src/dashboard/store-stats.ts";
import { GetStoreStatsResponseSchema } from "../../src/wire/gen/store_pb.ts";

const RAW = { name: "raw", resolutionUs: 0, files: 2, blocks: 3, points: 400, bytes: 5_000, ageLimitMs: 3_600_000 };

const facts: StoreFacts = {
  series: 7,
  dataDirectory: "/data",
  store: {
    headPoints: 11,
    headBytes: 0,
    blocks: 3,
    chunks: 9,
    chunkPoints: 400,
    chunkBytes: 900,
    files: 2,
    tiers: [
      { ...RAW, fromUs: 1_500_999, toUs: 2_000_000 },
      { ...RAW, name: "1m", resolutionUs: 60e6, points: 0, fromUs: Infinity, toUs: -Infinity, ageLimitMs: Infinity },
    ],
    disk: {
      usedBytes: 6_000,
      freeBytes: 70,
      totalBytes: 80,
      budgetBytes: Infinity,
      freeFloorBytes: 0.5,
      droppedPoints: 1,
      droppedBytes: 2,
    },
    writtenBytes: { seal: 100, merge: 200 },
    rewrites: {},
    sealedBytes: 50,
    absorbedSeq: 1,
    sealedSeq: 1,
  },
  log: {
    segments: 1,
    segmentBytes: 300,
    unsyncedBytes: 0,
    writtenBytes: { log: 400, state: 50 },
    syncs: { count: 1, totalMs: 2 },
  },
};

test("limits that are none are 0, what is not there has no time", () => {
  const told = create(GetStoreStatsResponseSchema, storeStatsOf(facts));
  expect(told).toMatchObject({
    series: 7n,
    headPoints: 11n,
    logBytes: 300n,
    diskBytes: 6_000n,
    diskBudgetBytes: 0n,
    diskFreeBytes: 70n,
    diskFreeFloorBytes: 1n,
    droppedPoints: 1n,
    droppedBytes: 2n,
    dataDirectory: "/data",
  });
  const [raw, minutes] = told.resolutions;
  expect(raw).toMatchObject({ resolutionMs: 0n, files: 2n, blocks: 3n, points: 400n, bytes: 5_000n });
  expect(raw).toMatchObject({ ageLimitMs: 3_600_000n, from: { seconds: 1n, nanos: 500_000_000 }, to: { seconds: 2n } });
  expect(minutes).toMatchObject({ resolutionMs: 60_000n, ageLimitMs: 0n });
  expect([minutes.from, minutes.to]).toEqual([undefined, undefined]);
});

test("write amplification is all that was written over what was sealed, 0 before", () => {
  expect(storeStatsOf(facts)).toMatchObject({ writtenBytes: 750n, writeAmplification: 15 });
  expect(storeStatsOf({ ...facts, store: { ...facts.store, sealedBytes: 0 } }).writeAmplification).toBe(0);
});
