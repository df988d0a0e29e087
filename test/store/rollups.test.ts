/** Rollups change what is read, never what is answered; and where points are gone they are what is left. */
import { expect, spyOn, test } from "bun:test";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { PeriodFile } from "../../src/store/period-file.ts";
import type { StepFunction } from "../../src/store/protocol.ts";
import {
  EVERYTHING,
  SHORTEST_SLICE,
  Model,
  NOVEMBER_US,
  openStore,
  plain,
  randomOf,
  recordOf,
  rowsOfSteps,
} from "./harness.ts";
import type { Opened, Point } from "./harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const [SECOND, MINUTE, HOUR] = [1e6, 60e6, 3600e6];
const SUMMARIES: readonly StepFunction[] = ["avg", "min", "max", "sum", "count", "first", "last", "delta"];

/** Two readings of a 2-decimal walk a minute. */
function walkOf(ids: readonly number[], hours: number, fromUs = NOVEMBER_US): Point[] {
  const random = randomOf(hours);
  const cents = ids.map(() => 2_000);
  const points: Point[] = [];
  for (let at = 0; at < hours * 120; at++) {
    ids.forEach((id, i) =>
      points.push([id, fromUs + at * 30 * SECOND, (cents[i] += Math.round(random() * 20 - 10)) / 100]),
    );
  }
  return points;
}

function absorbSealed(open: Opened, seq: number, points: readonly Point[], model: Model): void {
  open.store.absorb(recordOf(seq, points));
  model.write(points);
  open.seal();
}

function bytesOf(dir: string, prefix: string): number {
  const names = readdirSync(dir).filter((name) => name.startsWith(prefix) && name.endsWith(".db"));
  return names.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

/** `part`: of every third function, beginning with that one. */
function everyAnswerIsRight(open: Opened, model: Model, seriesIds: Uint32Array, part?: number): void {
  for (const stepUs of [MINUTE, 7 * MINUTE, HOUR, 3 * HOUR, 24 * HOUR, 1000 * HOUR]) {
    for (const [fromUs, toUs] of [
      [0, 2 ** 53],
      [NOVEMBER_US + 2 * HOUR, NOVEMBER_US + 9 * HOUR],
      [NOVEMBER_US + 2 * HOUR + 17 * SECOND, NOVEMBER_US + 9 * HOUR + 31 * MINUTE],
    ]) {
      for (const func of SUMMARIES.filter((_, i) => part === undefined || i % 3 === part % 3)) {
        const query = { seriesIds, fromUs, toUs, stepUs, func, pointsMax: 1e9 };
        expect(plain(open.range(query))).toEqual(model.range(query));
      }
    }
  }
}

test("whole hours are answered from rows, no point is read; the hour that goes on is", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path, rowPointsMin: 100 });
  const seriesIds = Uint32Array.of(1, 2, 3);
  absorbSealed(open, 1, walkOf([1, 2, 3], 10), model);
  absorbSealed(open, 2, walkOf([1, 2, 3], 2, NOVEMBER_US + 10 * HOUR), model);
  expect(
    readdirSync(folder.path)
      .filter((name) => name.endsWith(".db"))
      .sort(),
  ).toEqual(["points-2026-11.db", "rollup-1h-2026-11.db"]);
  const bodies = spyOn(PeriodFile.prototype, "readBody");
  try {
    const query = { seriesIds, fromUs: 0, toUs: NOVEMBER_US + 11 * HOUR, stepUs: HOUR, pointsMax: 1e9 };
    const answer = open.range(query);
    expect(plain(answer)).toEqual(model.range(query));
    expect(answer.resolutionUs).toBe(HOUR);
    expect(bodies).toHaveBeenCalledTimes(0);
    expect(open.range({ ...query, func: "p99" }).resolutionUs).toBe(0);
    expect(bodies).toHaveBeenCalled();
  } finally {
    bodies.mockRestore();
  }
  everyAnswerIsRight(open, model, seriesIds);
});

test("late points, replaced values and restarts: rows that are out of date are not believed, and made again", () => {
  using folder = tempDir("store");
  const model = new Model();
  const seriesIds = Uint32Array.of(1, 2, 3);
  const random = randomOf(3);
  const options = { dir: folder.path, rowPointsMin: 10 };
  let open = openStore(options);
  for (let seq = 1; seq <= 10; seq++) {
    const points = walkOf([1, 2, 3], 3, NOVEMBER_US + seq * 2 * HOUR);
    for (let i = 0; i < 20; i++)
      points.push([2, NOVEMBER_US + Math.floor(random() * 20 * 120) * 30 * SECOND, 1_000 * seq + i]);
    open.store.absorb(recordOf(seq, points));
    model.write(points);
    if (seq % 2 === 0) {
      // Sealed, and nothing more: rows are older than points now.
      open.store.seal().catch(() => {});
      const work = open.store.maintain(SHORTEST_SLICE);
      while (open.store.mustSeal) work.next();
      work.return();
      everyAnswerIsRight(open, model, seriesIds, seq);
    } else open.seal();
    if (seq === 5) {
      open.store.close();
      open = openStore(options);
    }
  }
  everyAnswerIsRight(open, model, seriesIds, 0);
  open.compact();
  everyAnswerIsRight(open, model, seriesIds);
  expect(open.range({ seriesIds, stepUs: HOUR }).resolutionUs).toBe(HOUR);
  open.store.close();
  using again = openStore(options);
  everyAnswerIsRight(again, model, seriesIds, 1);
});

test("minutes have rows where many points stand in them, and hours are made of these", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  const points: Point[] = [];
  for (let at = 0; at < 3 * 3600 * 4; at++) points.push([1, NOVEMBER_US + at * SECOND * 0.25, (at % 977) / 100]);
  for (let at = 0; at < 3 * 120; at++) points.push([2, NOVEMBER_US + at * 30 * SECOND, at]);
  absorbSealed(open, 1, points, model);
  const seriesIds = Uint32Array.of(1, 2);
  const resolution = (id: number, stepUs: number) => open.range({ seriesIds: Uint32Array.of(id), stepUs }).resolutionUs;
  expect([resolution(1, MINUTE), resolution(1, 7 * MINUTE), resolution(1, HOUR)]).toEqual([MINUTE, MINUTE, HOUR]);
  expect([resolution(2, MINUTE), resolution(2, HOUR)]).toEqual([0, 0]);
  everyAnswerIsRight(open, model, seriesIds);
});

test("rows cost less than a tenth of the points, merged or not, and stay right when they are merged", () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  const ids = Array.from({ length: 50 }, (_, i) => i + 1);
  const random = randomOf(8);
  const cents = ids.map(() => 2_000);
  for (let seq = 1; seq <= 24; seq++) {
    const points: Point[] = [];
    for (let at = 0; at < 1_080; at++) {
      const timeUs = NOVEMBER_US + (seq * 1_080 + at) * 10 * SECOND;
      ids.forEach((id, i) =>
        points.push([id, timeUs, (cents[i] += Math.round((random() + random()) * 20 - 20)) / 100]),
      );
    }
    absorbSealed(open, seq, points, model);
  }
  const share = () => bytesOf(folder.path, "rollup") / bytesOf(folder.path, "points");
  expect(share()).toBeLessThan(0.1);
  open.compact();
  expect(share()).toBeLessThan(0.1);
  const seriesIds = Uint32Array.of(1, 50);
  const query = { seriesIds, fromUs: 0, toUs: 2 ** 53, stepUs: HOUR, func: "sum" as const, pointsMax: 1e9 };
  const answer = open.range(query);
  expect(answer.resolutionUs).toBe(HOUR);
  expect(plain(answer)).toEqual(model.range(query));
});

test("where points are gone rows are what is left, at their width, and it is said", () => {
  using folder = tempDir("store");
  const model = new Model();
  const points = walkOf([1], 10);
  {
    using open = openStore({ dir: folder.path, rowPointsMin: 100 });
    absorbSealed(open, 1, points, model);
  }
  rmSync(join(folder.path, "points-2026-11.db"));
  using open = openStore({ dir: folder.path, rowPointsMin: 100 });
  const seriesIds = Uint32Array.of(1);
  const rows = points
    .filter(([, timeUs]) => timeUs < NOVEMBER_US + 9 * HOUR)
    .map(([, timeUs, value]): [number, number] => [timeUs, value]);
  const hours = open.range({ seriesIds, stepUs: HOUR, func: "max" });
  expect(plain(hours)).toEqual([rowsOfSteps(rows, HOUR, "max")]);
  const minutes = open.range({ seriesIds, stepUs: MINUTE, func: "max" });
  expect(plain(minutes)).toEqual(plain(hours));
  expect([minutes.resolutionUs, minutes.isCoarse]).toEqual([HOUR, false]);
  expect(open.range({ seriesIds, stepUs: HOUR, func: "stddev" })).toMatchObject({ isCoarse: true });
  expect(open.range({ seriesIds })).toMatchObject({ isCoarse: true });
  const before = open.range({ seriesIds, stepUs: HOUR, func: "max", asOfS: NOVEMBER_US / 1e6 - 1 });
  expect([plain(before), before.isCoarse]).toEqual([[[]], true]);
  // What comes now is newer than every row.
  absorbSealed(open, 1, [[1, NOVEMBER_US + 20 * HOUR, 77]], new Model());
  expect(plain(open.range({ seriesIds, stepUs: HOUR, func: "max" }))[0].at(-1)).toEqual([NOVEMBER_US + 20 * HOUR, 77]);
});

test("late points of hours whose points are gone are added to what their rows tell", () => {
  using folder = tempDir("store");
  const model = new Model();
  {
    using open = openStore({ dir: folder.path, rowPointsMin: 100 });
    absorbSealed(open, 1, walkOf([1, 2], 10), model);
  }
  rmSync(join(folder.path, "points-2026-11.db"));
  using open = openStore({ dir: folder.path, rowPointsMin: 100 });
  const query = { ...EVERYTHING, seriesIds: Uint32Array.of(1, 2), toUs: NOVEMBER_US + 9 * HOUR };
  const everyHourIsRight = () => {
    for (const func of SUMMARIES) {
      const hours = { ...query, stepUs: HOUR, func };
      expect(plain(open.range(hours))).toEqual(model.range(hours));
    }
    // An hour of 7 minutes each: the row in the step it begins in, and nothing of any other hour lost.
    const counts = plain(open.range({ ...query, stepUs: 7 * MINUTE, func: "count" })) as [number, number][][];
    const wanted = model.range({ ...query, stepUs: 24 * HOUR, func: "count" }) as [number, number][][];
    expect(counts.map((rows) => rows.reduce((sum, [, count]) => sum + count, 0))).toEqual(
      wanted.map(([[, count]]) => count),
    );
    expect(open.range({ ...query, stepUs: HOUR, func: "stddev" }).isCoarse).toBe(true);
  };
  everyHourIsRight();
  for (let seq = 2; seq < 8; seq++) {
    const late: Point[] = [
      [1, NOVEMBER_US + 3 * HOUR + seq * SECOND, 900 + seq],
      [1, NOVEMBER_US + 5 * HOUR + 40 * MINUTE + seq * SECOND, -seq],
    ];
    open.store.absorb(recordOf(seq, late));
    model.write(late);
    everyHourIsRight();
    open.seal();
    everyHourIsRight();
    if (seq === 5) open.compact();
  }
  open.compact();
  everyHourIsRight();
  // All of it sent again is what there was, not twice as much; hours are cut otherwise this time.
  const again = [...model.series].flatMap(([id, rows]) =>
    [...rows].map(([timeUs, value]): Point => [id, timeUs, value]),
  );
  for (const part of [again, again]) {
    absorbSealed(open, 8 + open.sealed.length, part, model);
    open.compact();
    everyAnswerIsRight(open, model, Uint32Array.of(1, 2));
  }
});

test("many late points are not taken for those that are gone, sealed alone or twice; changes go on over them", () => {
  using folder = tempDir("store");
  {
    using open = openStore({ dir: folder.path, rowPointsMin: 100 });
    absorbSealed(open, 1, walkOf([1], 10), new Model());
  }
  rmSync(join(folder.path, "points-2026-11.db"));
  using open = openStore({ dir: folder.path, rowPointsMin: 100 });
  const hour = NOVEMBER_US + 3 * HOUR;
  const query = { seriesIds: Uint32Array.of(1), fromUs: hour - HOUR, toUs: hour + 3 * HOUR, stepUs: HOUR };
  const deltas = plain(open.range({ ...query, func: "delta" }));
  const late = Array.from({ length: 130 }, (_, i): Point => [1, hour + (15 + 27 * i) * SECOND + 7, 0]);
  for (let seq = 2; seq < 5; seq++) {
    open.store.absorb(recordOf(seq, late));
    for (const isSealed of [false, true]) {
      if (isSealed) open.seal();
      const counts = plain(open.range({ ...query, func: "count" })) as [number, number][][];
      expect([seq, isSealed, counts[0].map(([, count]) => count)]).toEqual([seq, isSealed, [120, 250, 120, 120]]);
      expect(plain(open.range({ ...query, func: "delta" }))).toEqual(deltas);
    }
  }
  open.compact();
  const counts = plain(open.range({ ...query, func: "count" })) as [number, number][][];
  expect(counts[0].map(([, count]) => count)).toEqual([120, 250, 120, 120]);
});

for (const [rollup1mMs, left] of [
  ["auto", ["rollup-1h-2026-11.db"]],
  [Infinity, ["rollup-1h-2026-11.db", "rollup-1m-2026-11.db"]],
  [400 * 86_400_000, ["rollup-1h-2026-11.db", "rollup-1m-2026-11.db"]],
] as const) {
  test(`points of a slow series that go by age leave rows of a minute where they are asked for: ${rollup1mMs}`, () => {
    using folder = tempDir("store");
    const clock = new ManualClock(NOVEMBER_US / 1000 + 86_400_000);
    const rollup1hMs = Infinity;
    const retention = { rawMs: 7 * 86_400_000, rollup1mMs, rollup1hMs, budgetBytes: Infinity, freeFloor: 0 };
    using open = openStore({ dir: folder.path, clock, retention });
    const points = Array.from({ length: 144 }, (_, i): Point => [1, NOVEMBER_US + i * 10 * MINUTE, i]);
    open.store.absorb(recordOf(1, points, { arrivalMs: clock.nowMs() }));
    open.seal();
    clock.advance(8 * 86_400_000);
    open.settle();
    const dbs = readdirSync(folder.path).filter((name) => name.endsWith(".db"));
    expect(dbs.sort()).toEqual([...left]);
  });
}

test("points that go by age leave rows of an hour, all of them; what is past the limit of these goes too", () => {
  using folder = tempDir("store");
  const model = new Model();
  const DAY_MS = 86_400_000;
  const clock = new ManualClock(NOVEMBER_US / 1000 + DAY_MS);
  const retention = {
    rawMs: 7 * DAY_MS,
    rollup1mMs: "auto" as const,
    rollup1hMs: 60 * DAY_MS,
    budgetBytes: Infinity,
    freeFloor: 0,
  };
  using open = openStore({ dir: folder.path, clock, retention });
  // One reading every ten minutes: rows do not pay.
  const points = Array.from({ length: 144 }, (_, i): Point => [1, NOVEMBER_US + i * 10 * MINUTE, i]);
  open.store.absorb(recordOf(1, points, { arrivalMs: clock.nowMs() }));
  model.write(points);
  open.seal();
  const dbs = () => readdirSync(folder.path).filter((name) => name.endsWith(".db"));
  expect(dbs()).toEqual(["points-2026-11.db"]);
  clock.advance(8 * DAY_MS);
  open.settle();
  expect(dbs()).toEqual(["rollup-1h-2026-11.db"]);
  const query = {
    seriesIds: Uint32Array.of(1),
    fromUs: 0,
    toUs: 2 ** 53,
    stepUs: HOUR,
    func: "avg" as const,
    pointsMax: 1e9,
  };
  expect(plain(open.range(query))).toEqual(model.range(query));
  clock.advance(60 * DAY_MS);
  open.settle();
  expect(dbs()).toEqual([]);
  expect(plain(open.range(query))).toEqual([[]]);
});
