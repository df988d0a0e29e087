/** Which period files go, and why. */
import { describe, expect, test } from "bun:test";
import { earliestVisibleUs, filesTooOld, freeFloorBytes, planForSpace } from "../../src/store/retention-plan.ts";
import { periodOf, periodStartUs } from "../../src/store/period.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MB = 1_000_000;
const NOW_MS = Date.UTC(2026, 10, 20);
const NOVEMBER = periodOf(NOW_MS * 1000);
const NO_LIMITS = { budgetBytes: Infinity, freeFloor: 0 };

/** The file of a month before November, ending with it. */
function file(monthsAgo: number, part = 0, bytes = 10 * MB) {
  const period = NOVEMBER - monthsAgo;
  const newestUs = Math.min(periodStartUs(period + 1) - 1, NOW_MS * 1000);
  return { name: `${monthsAgo}.${part}`, period, part, newestUs, bytes };
}

function tier(...files: ReturnType<typeof file>[]) {
  return { files, ageLimitMs: Infinity };
}

function disk(usedBytes: number, freeBytes = 1e12, totalBytes = 1e12) {
  return { usedBytes, freeBytes, totalBytes };
}

function planned(...args: Parameters<typeof planForSpace<ReturnType<typeof file>>>): string[] {
  return planForSpace(...args).drops.map(({ file: { name }, reason }) => `${name} ${reason}`);
}

describe("age", () => {
  test("a file goes when its newest point is older than the limit, not at it", () => {
    const october = file(1);
    const ageMs = NOW_MS - october.newestUs / 1000;
    const names = (ageLimitMs: number) =>
      filesTooOld({ files: [file(0), october, file(2)], ageLimitMs }, NOW_MS).map(({ name }) => name);
    expect(names(Infinity)).toEqual([]);
    expect(names(40 * DAY_MS)).toEqual(["2.0"]);
    expect(names(ageMs)).toEqual(["2.0"]);
    expect(names(ageMs - 1)).toEqual(["2.0", "1.0"]);
  });

  test("parts of a period go in their order", () => {
    const [older, newer] = [NOW_MS * 1000 - 5 * DAY_MS * 1000, NOW_MS * 1000];
    const files = [
      { ...file(0, 2), newestUs: older },
      { ...file(0, 0), newestUs: older },
      { ...file(0, 1), newestUs: newer },
    ];
    expect(filesTooOld({ files, ageLimitMs: DAY_MS }, NOW_MS).map(({ name }) => name)).toEqual(["0.0"]);
  });

  test("what is visible begins with a whole hour, at 1970 where all is kept", () => {
    expect(earliestVisibleUs(NOW_MS, Infinity)).toBe(0);
    expect(earliestVisibleUs(NOW_MS, 100 * 366 * DAY_MS)).toBe(0);
    expect(earliestVisibleUs(NOW_MS, DAY_MS)).toBe((NOW_MS - DAY_MS) * 1000);
    expect(earliestVisibleUs(NOW_MS - 1, DAY_MS)).toBe((NOW_MS - DAY_MS - HOUR_MS) * 1000);
  });
});

describe("budget", () => {
  const tiers = [tier(file(2), file(0), file(1)), tier(file(3), file(0)), tier(file(9), file(8), file(0))];

  test("nothing goes without one, or within it", () => {
    expect(planned(tiers, disk(1e11), NO_LIMITS, NOW_MS)).toEqual([]);
    expect(planned(tiers, disk(100 * MB), { ...NO_LIMITS, budgetBytes: 100 * MB }, NOW_MS)).toEqual([]);
  });

  test("the oldest raw file first, one or as many as bring it a twentieth below", () => {
    const limits = { ...NO_LIMITS, budgetBytes: 100 * MB };
    expect(planned(tiers, disk(101 * MB), limits, NOW_MS)).toEqual(["2.0 budget"]);
    expect(planned(tiers, disk(106 * MB), limits, NOW_MS)).toEqual(["2.0 budget", "1.0 budget"]);
  });

  test("raw, then one minute, then one hour, and never the file of now or the newest of a tier", () => {
    const plan = planForSpace(tiers, disk(500 * MB), { ...NO_LIMITS, budgetBytes: 100 * MB }, NOW_MS);
    expect(plan.drops.map(({ file: { name } }) => name)).toEqual(["2.0", "1.0", "3.0", "9.0", "8.0"]);
    expect(plan.shortBytes).toBe(350 * MB);
    const future = [tier(file(0), file(-3), file(-2))];
    expect(planned(future, disk(500 * MB), { ...NO_LIMITS, budgetBytes: 100 * MB }, NOW_MS)).toEqual(["-2.0 budget"]);
  });
});

describe("floor", () => {
  const tiers = [tier(file(2), file(1), file(0))];

  test("is 100 MB or 5 %, whichever is more, and no more than half of a small disk", () => {
    expect(freeFloorBytes("auto", 64 * MB)).toBe(32 * MB);
    expect(freeFloorBytes("auto", 1000 * MB)).toBe(100 * MB);
    expect(freeFloorBytes("auto", 100_000 * MB)).toBe(5000 * MB);
    expect(freeFloorBytes(7, 1000 * MB)).toBe(7);
  });

  test("files go until a tenth more than it is free", () => {
    const limits = { ...NO_LIMITS, freeFloor: 200 * MB };
    expect(planned(tiers, disk(1, 200 * MB), limits, NOW_MS)).toEqual([]);
    expect(planned(tiers, disk(1, 199 * MB), limits, NOW_MS)).toEqual(["2.0 floor", "1.0 floor"]);
    expect(planned(tiers, disk(1, 195 * MB), { ...NO_LIMITS, freeFloor: 183 * MB }, NOW_MS)).toEqual([]);
  });

  test("one that cannot be reached takes no more than 100 MB free", () => {
    const limits = { ...NO_LIMITS, freeFloor: "auto" as const };
    expect(planned(tiers, disk(30 * MB, 4000 * MB, 100_000 * MB), limits, NOW_MS)).toEqual([]);
    expect(planned(tiers, disk(30 * MB, 99 * MB, 100_000 * MB), limits, NOW_MS)).toEqual(["2.0 floor", "1.0 floor"]);
    expect(planned(tiers, disk(30 * MB, 4990 * MB, 100_000 * MB), limits, NOW_MS)).toEqual(["2.0 floor", "1.0 floor"]);
  });

  test("beside a budget each file goes for what is missed then", () => {
    const limits = { budgetBytes: 100 * MB, freeFloor: 200 * MB };
    expect(planned(tiers, disk(101 * MB, 190 * MB), limits, NOW_MS)).toEqual(["2.0 budget", "1.0 floor"]);
  });
});
