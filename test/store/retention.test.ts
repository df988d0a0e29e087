/** Retention in the store, under a clock and a disk of the test's own: what goes, when, and what is served meanwhile. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Catalog } from "../../src/store/catalog.ts";
import { diskStateOf } from "../../src/store/disk.ts";
import type { RetentionLimits } from "../../src/store/protocol.ts";
import { Retention, type Tier } from "../../src/store/retention.ts";
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import { DECEMBER_US, NOVEMBER_US, openStore, plain, recordOf, SHORTEST_SLICE, type OpenOptions } from "./harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const DAY_US = DAY_MS * 1000;
const KEEP: RetentionLimits = {
  rawMs: Infinity,
  rollup1mMs: Infinity,
  rollup1hMs: Infinity,
  budgetBytes: Infinity,
  freeFloor: 0,
};
const SERIES = Uint32Array.of(1);
const NOVEMBER = "points-2026-11.db";
const DECEMBER = "points-2026-12.db";

/** A store whose wall clock stands at `nowUs`, with a point a day in November and December until then. */
function opened(dir: string, nowUs: number, limits: Partial<RetentionLimits>, options: Partial<OpenOptions> = {}) {
  const clock = options.clock ?? new ManualClock(nowUs / 1000);
  const open = openStore({ dir, clock, retention: { ...KEEP, ...limits }, ...options });
  return { ...open, clock, [Symbol.dispose]: () => open.store.close() };
}

function fill(dir: string, untilUs = DECEMBER_US + 9 * DAY_US): void {
  using open = opened(dir, untilUs, {});
  for (let timeUs = NOVEMBER_US; timeUs < untilUs; timeUs += DAY_US) {
    open.store.absorb(recordOf(timeUs / DAY_US, [[1, timeUs, 1]], { arrivalMs: timeUs / 1000 }));
  }
}

function timesOf({ range }: Pick<ReturnType<typeof openStore>, "range">): number[] {
  return [...range({ seriesIds: SERIES }).timesUs];
}

function files(dir: string): string[] {
  const names = readdirSync(dir).filter((name) => name.startsWith("points-") && !name.endsWith("-journal"));
  return names.sort();
}

describe("age", () => {
  test("points past the limit are not served, down to a whole hour, while their file is there", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const nowUs = DECEMBER_US + 9 * DAY_US + 1800e6;
    using open = opened(folder.path, nowUs, { rawMs: 20 * DAY_MS });
    open.settle();
    expect(files(folder.path)).toEqual([NOVEMBER, DECEMBER]);
    expect(timesOf(open)[0]).toBe(NOVEMBER_US + 19 * DAY_US);
    const rows = (func: "stddev" | "count") => open.range({ seriesIds: SERIES, stepUs: DAY_US, func }).values.length;
    expect(rows("stddev")).toBe(20);
    // What rollups will tell of them they tell until then.
    expect(rows("count")).toBe(39);
    open.clock.advance(DAY_MS);
    expect(timesOf(open).length).toBe(19);
  });

  test("a file goes once its newest point is past it: at the start, and by the minute", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const newestUs = DECEMBER_US - DAY_US;
    {
      using open = opened(folder.path, newestUs + 20 * DAY_US - 30e6, { rawMs: 20 * DAY_MS });
      open.settle();
      expect(files(folder.path)).toEqual([NOVEMBER, DECEMBER]);
      open.clock.advance(MINUTE_MS);
      expect(open.dropped).toEqual([]);
      const bytes = statSync(join(folder.path, NOVEMBER)).size;
      open.settle();
      expect(files(folder.path)).toEqual([DECEMBER]);
      expect(existsSync(join(folder.path, `${NOVEMBER}-journal`))).toBe(false);
      expect(open.dropped).toMatchObject([
        { tier: "raw", file: NOVEMBER, reason: "age", points: 30, bytes, fromUs: NOVEMBER_US, toUs: newestUs },
      ]);
      const { tiers, disk } = open.store.stats();
      expect(tiers[0]).toMatchObject({ name: "raw", files: 1, points: 9, fromUs: DECEMBER_US });
      expect(tiers[2]).toMatchObject({ name: "1h", points: 30 });
      expect(disk).toMatchObject({ droppedPoints: 30, droppedBytes: bytes });
    }
    using open = opened(folder.path, DECEMBER_US + 60 * DAY_US, { rawMs: 20 * DAY_MS });
    expect(open.opened.damage).toEqual([]);
    open.settle();
    expect(files(folder.path)).toEqual([]);
    expect(timesOf(open)).toEqual([]);
  });

  test("nothing goes, and all is served, while the wall clock is behind the newest stored arrival", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const newestArrivalMs = (DECEMBER_US + 8 * DAY_US) / 1000;
    using open = opened(folder.path, (newestArrivalMs - 1) * 1000, { rawMs: DAY_MS });
    open.settle();
    expect(files(folder.path)).toEqual([NOVEMBER, DECEMBER]);
    expect(timesOf(open).length).toBe(39);
    open.clock.setWallClock(newestArrivalMs);
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(files(folder.path)).toEqual([DECEMBER]);
    expect(timesOf(open)).toEqual([newestArrivalMs * 1000 - DAY_US, newestArrivalMs * 1000]);
    open.store.absorb(recordOf(1e6, [[1, DECEMBER_US, 5]], { arrivalMs: newestArrivalMs + DAY_MS }));
    expect(timesOf(open).length).toBe(9);
  });

  test("late points of a month that is gone are kept in another file, and go like it", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    using open = opened(folder.path, DECEMBER_US + 9 * DAY_US, { rawMs: 9 * DAY_MS });
    open.settle();
    expect(files(folder.path)).toEqual([DECEMBER]);
    open.store.absorb(recordOf(1e6, [[1, NOVEMBER_US, 5]], { arrivalMs: open.clock.nowMs() }));
    open.seal();
    expect(files(folder.path)).toEqual([DECEMBER]);
    expect(open.dropped.map(({ file, points }) => [file, points])).toEqual([
      [NOVEMBER, 30],
      ["points-2026-11.1.db", 1],
    ]);
  });
});

describe("before a file goes by age", () => {
  test("what is to be kept of it has been kept; a failure lets it stay; for space nobody waits", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const clock = new ManualClock((DECEMBER_US + 40 * DAY_US) / 1000);
    const catalog = new Catalog(folder.path, "points", 1e9, () => {});
    const happened: string[] = [];
    let fails = true;
    let usedBytes = 0;
    const tier: Tier = {
      name: "raw",
      resolutionUs: 0,
      catalog,
      ageLimitMs: 20 * DAY_MS,
      onDetached: () => [],
      *beforeDrop(file) {
        happened.push(`begin ${file.name}`);
        yield;
        if (fails) throw new Error("no room for rollups");
        happened.push(`end ${file.name}`);
      },
    };
    const retention = new Retention({
      dir: folder.path,
      tiers: [tier],
      limits: { budgetBytes: 100, freeFloor: 0 },
      isHeld: false,
      clock,
      lookAtDisk: () => ({ usedBytes, freeBytes: 1e9, totalBytes: 1e9 }),
      *undeliveredIn() {
        return { points: 0, ranges: [], bySeries: null };
      },
      *unsentIn() {
        return { points: 0, ranges: [], bySeries: null };
      },
      isClockTrusted: () => true,
      onDropped: ({ file, reason }) => happened.push(`${reason} ${file}`),
      onGone() {},
      onTrouble: (sentence) => happened.push(sentence),
      onWork() {},
    });
    expect(runToEnd(retention.step(false, ENDLESS_SLICE))).toBe(false);
    expect(happened).toEqual([]);
    expect(() => runToEnd(retention.step(true, ENDLESS_SLICE))).toThrow("no room for rollups");
    expect(files(folder.path)).toEqual([NOVEMBER, DECEMBER]);
    usedBytes = 101;
    expect(runToEnd(retention.step(false, ENDLESS_SLICE))).toBe(true);
    expect(happened).toEqual([`begin ${NOVEMBER}`, `budget ${NOVEMBER}`]);
    usedBytes = 0;
    fails = false;
    while (runToEnd(retention.step(true, ENDLESS_SLICE)));
    expect(happened.slice(2)).toEqual([`begin ${DECEMBER}`, `end ${DECEMBER}`, `age ${DECEMBER}`]);
    expect(files(folder.path)).toEqual([]);
    retention.close();
    catalog.close();
    expect(clock.timers).toBe(0);
  });
});

describe("before a start is over", () => {
  test("nothing goes by age or budget, and all that may once it is", () => {
    for (const limits of [{ rawMs: 20 * DAY_MS }, { budgetBytes: 100 }]) {
      using folder = tempDir("retention");
      fill(folder.path);
      using open = opened(folder.path, DECEMBER_US + 40 * DAY_US, limits, { isRetentionHeld: true });
      open.settle();
      open.store.absorb(recordOf(1e6, [[1, DECEMBER_US + 40 * DAY_US, 5]], { arrivalMs: open.clock.nowMs() }));
      open.seal();
      open.clock.advance(MINUTE_MS);
      open.settle();
      expect(open.dropped).toEqual([]);
      expect(open.trouble).toEqual([]);
      open.store.retain();
      open.settle();
      expect(open.dropped.map(({ file }) => file)).toEqual([NOVEMBER, DECEMBER]);
    }
  });

  test("what the free floor needs goes: with a full disk there is no start", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const lookAtDisk = () => ({ usedBytes: 1e6, freeBytes: 10, totalBytes: 1e9 });
    const options = { isRetentionHeld: true, lookAtDisk };
    using open = opened(folder.path, DECEMBER_US + 9 * DAY_US, { budgetBytes: 100, freeFloor: 20 }, options);
    open.settle();
    expect(open.dropped.map(({ file, reason }) => [file, reason])).toEqual([[NOVEMBER, "floor"]]);
  });
});

describe("a file that a query reads", () => {
  test("is not found any more, and goes from the disk when the query has ended", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    using open = opened(folder.path, DECEMBER_US + 9 * DAY_US, { rawMs: 30 * DAY_MS });
    const query = { seriesIds: SERIES, fromUs: 0, toUs: 2 ** 53, stepUs: 0, pointsMax: 1e9 };
    const reading = open.store.range(query, SHORTEST_SLICE);
    reading.next();
    const cancelled = open.store.range(query, SHORTEST_SLICE);
    cancelled.next();
    open.clock.setWallClock((DECEMBER_US + 32 * DAY_US) / 1000);
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(open.dropped.length).toBe(1);
    expect(timesOf(open)).toEqual(Array.from({ length: 7 }, (_, i) => DECEMBER_US + (i + 2) * DAY_US));
    expect(files(folder.path)).toEqual([NOVEMBER, DECEMBER]);
    cancelled.return(undefined as never);
    open.settle();
    expect(files(folder.path)).toEqual([NOVEMBER, DECEMBER]);
    let step = reading.next();
    while (!step.done) step = reading.next();
    expect(step.value.timesUs.length).toBe(30);
    open.settle();
    expect(files(folder.path)).toEqual([DECEMBER]);
  });
});

describe("disk budget", () => {
  /** Parts of a month: one a seal. */
  function parts(dir: string, count: number): void {
    using open = opened(dir, NOVEMBER_US, {}, { periodFileBytesMax: 1 });
    for (let seq = 1; seq <= count; seq++) {
      open.store.absorb(recordOf(seq, [[1, NOVEMBER_US + seq, seq]], { arrivalMs: NOVEMBER_US / 1000 }));
      open.seal();
    }
  }

  test("counts everything in the directory, and takes the oldest part first; what is gone is not missed later", () => {
    using folder = tempDir("retention");
    parts(folder.path, 5);
    const used = () => diskStateOf(folder.path).usedBytes;
    const fileBytes = statSync(join(folder.path, NOVEMBER)).size;
    const budgetBytes = used() + 10_000;
    {
      using open = opened(folder.path, NOVEMBER_US + DAY_US, { budgetBytes });
      open.settle();
      expect(open.dropped).toEqual([]);
      mkdirSync(join(folder.path, "other"));
      writeFileSync(join(folder.path, "other", "file"), new Uint8Array(20_000));
      open.clock.advance(MINUTE_MS);
      open.settle();
      expect(open.dropped).toMatchObject([{ file: NOVEMBER, reason: "budget", points: 1, bytes: fileBytes }]);
      expect(used()).toBeLessThanOrEqual(budgetBytes * 0.95);
      expect(plain(open.range({ seriesIds: SERIES }))[0]).toEqual([2, 3, 4, 5].map((i) => [NOVEMBER_US + i, i]));
      open.clock.advance(MINUTE_MS);
      open.settle();
      expect(open.dropped.length).toBe(1);
    }
    expect(statSync(join(folder.path, `${NOVEMBER}.dropped`)).size).toBe(0);
    using open = opened(folder.path, NOVEMBER_US + DAY_US, {});
    expect(open.opened.damage).toEqual([]);
    expect(plain(open.range({ seriesIds: SERIES }))[0]).toEqual([2, 3, 4, 5].map((i) => [NOVEMBER_US + i, i]));
  });

  test("the file being written stays, and it is said once that the budget is missed", () => {
    using folder = tempDir("retention");
    parts(folder.path, 3);
    using open = opened(folder.path, NOVEMBER_US + DAY_US, { budgetBytes: 1000 });
    open.settle();
    expect(files(folder.path).filter((name) => name.endsWith(".db"))).toEqual(["points-2026-11.2.db"]);
    expect(timesOf(open)).toEqual([NOVEMBER_US + 3]);
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(open.trouble).toEqual([expect.stringMatching(/missed by [\d.]+KiB, and nothing more may be dropped/)]);
    open.store.absorb(recordOf(9, [[1, DECEMBER_US, 9]], { arrivalMs: open.clock.nowMs() }));
    open.seal();
    expect(timesOf(open)).toEqual([NOVEMBER_US + 3, DECEMBER_US]);
  });

  test("a crash between the steps of a drop loses nothing else and is ended at the next start", () => {
    using folder = tempDir("retention");
    parts(folder.path, 3);
    const path = join(folder.path, NOVEMBER);
    renameSync(path, `${path}.dropped`);
    expect(statSync(`${path}.dropped`).size).toBeGreaterThan(0);
    {
      using open = opened(folder.path, NOVEMBER_US + DAY_US, {});
      expect(open.opened.damage).toEqual([]);
      expect(statSync(`${path}.dropped`).size).toBe(0);
      expect(timesOf(open)).toEqual([NOVEMBER_US + 2, NOVEMBER_US + 3]);
    }
    for (const part of [1, 2]) rmSync(join(folder.path, `points-2026-11.${part}.db`));
    using open = opened(folder.path, NOVEMBER_US + DAY_US, {});
    expect(open.opened.damage).toEqual([]);
    expect(files(folder.path)).toEqual([]);
  });

  test("a file that cannot be removed is said, and tried again", () => {
    using folder = tempDir("retention");
    parts(folder.path, 2);
    using open = opened(folder.path, NOVEMBER_US + DAY_US, { budgetBytes: 30_000 });
    rmSync(join(folder.path, `${NOVEMBER}-journal`), { force: true });
    mkdirSync(join(folder.path, `${NOVEMBER}-journal`, "in the way"), { recursive: true });
    open.settle();
    expect(open.trouble.join()).toMatch(/points-2026-11\.db is given up and cannot be removed/);
    expect(timesOf(open)).toEqual([NOVEMBER_US + 2]);
    rmSync(join(folder.path, `${NOVEMBER}-journal`), { recursive: true });
    writeFileSync(join(folder.path, `${NOVEMBER}-journal`), "left");
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(files(folder.path)).toEqual(["points-2026-11.1.db", `${NOVEMBER}.dropped`]);
    expect(existsSync(join(folder.path, `${NOVEMBER}-journal`))).toBe(false);
    expect(open.dropped.length).toBe(1);
  });

  test("a file that holds a part of a generation that could not be sealed may go: its rows are written again", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const inTheWay = join(folder.path, "points-2027-01.db.new");
    const januaryUs = Date.UTC(2027, 0) * 1000;
    let usedBytes = 0;
    using open = opened(
      folder.path,
      januaryUs,
      { budgetBytes: 1e6 },
      {
        lookAtDisk: () => ({ usedBytes, freeBytes: 1e9, totalBytes: 1e9 }),
      },
    );
    open.settle();
    mkdirSync(inTheWay);
    const late = NOVEMBER_US + 1;
    const points = [late, januaryUs].map((timeUs) => [1, timeUs, 7] as const);
    open.store.absorb(recordOf(1e6, points, { arrivalMs: januaryUs / 1000 }));
    open.seal();
    expect(open.trouble.join()).toContain("points-2027-01.db cannot be made");
    usedBytes = 1e6 + 1;
    open.clock.advance(500);
    open.store.retain();
    open.settle();
    expect(open.dropped.map(({ file }) => file)).toEqual([NOVEMBER]);
    usedBytes = 0;
    rmSync(inTheWay, { recursive: true });
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(open.sealed).toContain(1e6);
    expect(timesOf(open).filter((timeUs) => timeUs < DECEMBER_US || timeUs >= januaryUs)).toEqual([late, januaryUs]);
  });
});

describe("free floor", () => {
  test("files go while less than it is free, whatever takes the disk, and not again until it is less again", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const fileBytes = statSync(join(folder.path, NOVEMBER)).size;
    let takenBytes = 0;
    const totalBytes = 1e9;
    const lookAtDisk = (dir: string) => {
      const { usedBytes } = diskStateOf(dir);
      return { usedBytes, freeBytes: totalBytes - usedBytes - takenBytes, totalBytes };
    };
    using open = opened(folder.path, DECEMBER_US + 9 * DAY_US, { freeFloor: 1e6 }, { lookAtDisk });
    open.settle();
    expect(open.dropped).toEqual([]);
    takenBytes = totalBytes - diskStateOf(folder.path).usedBytes - 1e6 + 1;
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(open.dropped).toMatchObject([{ file: NOVEMBER, reason: "floor", points: 30, bytes: fileBytes }]);
    expect(timesOf(open)).toHaveLength(9);
    open.clock.advance(MINUTE_MS);
    open.settle();
    expect(open.dropped.length).toBe(1);
    expect(open.store.stats().disk).toMatchObject({ freeFloorBytes: 1e6, totalBytes });
  });

  test("a disk that cannot be looked at takes nothing", () => {
    using folder = tempDir("retention");
    fill(folder.path);
    const lookAtDisk = () => {
      throw new Error("EIO");
    };
    using open = opened(folder.path, DECEMBER_US + 9 * DAY_US, { budgetBytes: 1 }, { lookAtDisk });
    open.settle();
    expect(open.trouble.join()).toContain("cannot be looked at");
    expect(timesOf(open)).toHaveLength(39);
    expect(open.store.stats().disk.usedBytes).toBe(0);
  });
});
