/** What is not delivered stays apart: in sealing, merging and retention; and what can be asked about it. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { SequenceRanges } from "../../src/model/sequence-ranges.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { Undelivered } from "../../src/store/undelivered.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";
import { deliveredBy, drain, partOf, plainSeries, pointsOf, storedSpans, upserted } from "./backlog-rig.ts";
import {
  DECEMBER_US,
  Model,
  NOVEMBER_US,
  openStore,
  randomOf,
  recordOf,
  SHORTEST_SLICE,
  writeSegment,
  type Opened,
  type Point,
} from "./harness.ts";

const SECOND_US = 1e6;
const ALL: SequenceRanges = [[0, Infinity]];

/** One point of each of three series a record, in two months by turns. */
function pointsOfRecord(seq: number): Point[] {
  const atUs = (seq % 2 === 0 ? NOVEMBER_US : DECEMBER_US) + seq * SECOND_US;
  return [1, 2, 3].map((id): Point => [id, atUs, seq]);
}

function absorb({ store }: Opened, from: number, to: number, model = new Model()): Model {
  for (let seq = from; seq < to; seq++) {
    store.absorb(recordOf(seq, pointsOfRecord(seq)));
    model.write(pointsOfRecord(seq));
  }
  return model;
}

describe("a generation is cut where what is undelivered begins and ends", () => {
  test("so that every block is in it or not", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: [[3, 5]] });
    open.store.setUndelivered([
      [4, 7],
      [9, 10],
      [20, Infinity],
    ]);
    absorb(open, 1, 13);
    open.seal();
    const spans = storedSpans(folder.path).map(({ seqFrom, seqTo, points }) => [seqFrom, seqTo, points]);
    expect(spans).toEqual([
      ...[
        [1, 3, 3],
        [4, 6, 6],
        [7, 8, 3],
        [10, 12, 6],
      ],
      ...[
        [1, 3, 6],
        [4, 6, 3],
        [7, 8, 3],
        [9, 9, 3],
        [10, 12, 3],
      ],
    ]);
  });

  test("rows that a query has put in order by series, too", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: [[3, 6]] });
    const random = randomOf(8);
    for (let seq = 1; seq <= 7; seq++) {
      const points = Array.from({ length: 20_000 }, (_, i): Point => {
        return [Math.floor(random() * 50), NOVEMBER_US + Math.floor(random() * 2e12), seq * 1e5 + i];
      });
      open.store.absorb(recordOf(seq, points));
    }
    open.range({ seriesIds: Uint32Array.of(1), stepUs: 0 });
    const wanted = Array.from({ length: 60_000 }, (_, i) => (3 + Math.floor(i / 20_000)) * 1e5 + (i % 20_000));
    const sent = () => drain(open, { ranges: [[3, 6]] }).flatMap((part) => pointsOf(part).map(([, , value]) => value));
    expect(sent().sort((a, b) => a - b)).toEqual(wanted);
    open.seal();
    const inRange = storedSpans(folder.path).filter(({ seqFrom, seqTo }) => seqFrom <= 5 && seqTo >= 3);
    expect(inRange.every(({ seqFrom, seqTo }) => seqFrom === 3 && seqTo === 5)).toBe(true);
    expect(sent().sort((a, b) => a - b)).toEqual(wanted);
  });

  test("at the newest boundaries where there are very many", () => {
    const ranges = Array.from({ length: 100 }, (_, i): [number, number] => [10 * i, 10 * i + 5]);
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ranges });
    absorb(open, 1, 1_000);
    open.seal();
    const spans = storedSpans(folder.path);
    expect(new Set(spans.map(({ seqFrom }) => seqFrom)).size).toBe(16);
    expect(spans.some(({ seqFrom, seqTo }) => seqFrom === 1 && seqTo === 924)).toBe(true);
    const sent = new Set(drain(open, { ranges }).flatMap((part) => pointsOf(part).map(([, , value]) => value)));
    for (let seq = 1; seq < 1_000; seq++) if (seq % 10 < 5) expect(sent).toContain(seq);
    for (const seq of [925, 989, 995, 999]) expect(sent).not.toContain(seq);
  });

  test("a crash at any moment of it loses nothing, whatever the ranges are afterwards", () => {
    for (let slices = 1; ; slices++) {
      using folder = tempDir("undelivered");
      const open = openStore({ dir: folder.path, undelivered: [[3, 6]] });
      const model = absorb(open, 1, 10);
      open.store.seal().catch(() => {});
      const sealing = open.store.maintain(SHORTEST_SLICE);
      let isDone = false;
      for (let slice = 0; slice < slices && !isDone; slice++) isDone = sealing.next().done === true;
      const records = Array.from({ length: 9 }, (_, i) => recordOf(i + 1, pointsOfRecord(i + 1)));
      const segments = [writeSegment(join(folder.path, "log-1.wal"), records)];
      using again = openStore({ dir: folder.path, segments, undelivered: [[2, 5]] });
      const fromHead = drain(again, { ranges: [[2, 5]] });
      again.seal();
      again.compact();
      const parts = drain(again, { ranges: [[2, 5]] });
      expect(deliveredBy(parts)).toEqual([[2, 5]]);
      const found = plainSeries(upserted(parts));
      for (const each of [fromHead, parts]) {
        const values = new Set(plainSeries(upserted(each)).flatMap(([, rows]) => rows.map(([, value]) => value)));
        for (const seq of [2, 3, 4]) expect(values).toContain(seq);
      }
      // Blocks of before the crash may hold more; none of it is anything but what stands.
      for (const [id, rows] of found) for (const [at, value] of rows) expect(model.series.get(id)!.get(at)).toBe(value);
      expect(plainSeries(upserted(drain(again, { ranges: ALL })))).toEqual(plainSeries(model));
      if (isDone) return expect(slices).toBeGreaterThan(5);
    }
  });
});

describe("merging", () => {
  test("stays within what is delivered, and makes up for it afterwards", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, mergeRunsMin: 2 });
    const model = new Model();
    for (let seq = 1; seq <= 12; seq++) {
      absorb(open, seq, seq + 1, model);
      open.store.setUndelivered([
        [5, 7],
        [12, Infinity],
      ]);
      open.seal();
    }
    open.compact();
    const spans = () => storedSpans(folder.path).map(({ seqFrom, seqTo }) => [seqFrom, seqTo]);
    // Even ones in November, odd ones in December.
    expect(spans()).toEqual(
      [
        [6, 6],
        [2, 4],
        [12, 12],
        [8, 10],
        [5, 5],
        [1, 3],
        [7, 11],
      ].sort(byMonthAndEnd),
    );
    open.store.setUndelivered([]);
    const before = spans().length;
    open.settle();
    expect(spans().length).toBeLessThan(before);
    open.compact();
    expect(spans()).toEqual([
      [2, 12],
      [1, 11],
    ]);
    expect(plainSeries(upserted(drain(open, { ranges: ALL })))).toEqual(plainSeries(model));
  });

  test("that is under way when some of it is to be sent again comes to nothing", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, mergeRunsMin: 2 });
    for (let seq = 2; seq <= 8; seq += 2) {
      absorb(open, seq, seq + 1);
      open.store.seal().catch(() => {});
      runToEnd(open.store.maintain({ over: () => false }));
      if (seq < 4) open.store.setUndelivered([[0, 100]]);
    }
    open.store.setUndelivered([]);
    open.store.compact().catch(() => {});
    const merging = open.store.maintain(SHORTEST_SLICE);
    for (let i = 0; i < 12; i++) merging.next();
    open.store.setUndelivered([[4, 5]]);
    runToEnd(merging);
    const touching = storedSpans(folder.path).filter(({ seqFrom, seqTo }) => seqFrom <= 4 && seqTo >= 4);
    expect(touching).toEqual([{ seqFrom: 4, seqTo: 4, level: 0, points: 3 }]);
  });

  test("stretches", () => {
    const undelivered = new Undelivered([
      [3, 5],
      [8, Infinity],
    ]);
    const stretch = (seqFrom: number, seqTo: number) => undelivered.stretchOf({ seqFrom, seqTo });
    expect([stretch(0, 2), stretch(5, 7), stretch(6, 6)]).toEqual([0, 1, 1]);
    expect([stretch(2, 3), stretch(4, 4), stretch(0, 9), stretch(7, 8), stretch(99, 99)]).toEqual(Array(5).fill(null));
  });
});

/** November first; within a month in the order of writing. */
function byMonthAndEnd([, a]: number[], [, b]: number[]): number {
  return (a % 2) - (b % 2) || a - b;
}

test("what retention takes of it is told, by sequence", () => {
  using folder = tempDir("undelivered");
  const clock = new ManualClock();
  const retention = {
    rawMs: Infinity,
    rollup1mMs: "auto",
    rollup1hMs: Infinity,
    budgetBytes: 100,
    freeFloor: 0,
  } as const;
  let usedBytes = 0;
  const lookAtDisk = () => ({ usedBytes, freeBytes: 1e12, totalBytes: 1e12 });
  using open = openStore({
    dir: folder.path,
    clock,
    retention,
    lookAtDisk,
    undelivered: [
      [4, 7],
      [9, Infinity],
    ],
  });
  absorb(open, 1, 11);
  open.seal();
  usedBytes = 101;
  open.store.retain();
  runToEnd(open.store.maintain({ over: () => false }));
  // Of November: 4 and 6, and 10.
  expect(open.dropped[0]).toMatchObject({
    points: 15,
    undelivered: {
      points: 9,
      ranges: [
        [4, 7],
        [9, 11],
      ],
      bySeries: expect.objectContaining({ seriesIds: Uint32Array.of(1, 2, 3), points: Float64Array.of(3, 3, 3) }),
    },
  });
});

describe("a pass", () => {
  test("tells of every sequence once, newest first, and what came later is not of it", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    for (let seq = 1; seq <= 6; seq += 2) {
      absorb(open, seq, seq + 2);
      open.seal();
    }
    absorb(open, 7, 9);
    const first = partOf(open, { ranges: ALL });
    absorb(open, 9, 10);
    const parts = [first, ...drain(open, { ranges: ALL, cursor: first.next })];
    expect(parts.map(({ delivered }) => delivered)).toEqual([[[7, 9]], [], [[5, 7]], [], [[3, 5]], [], [[0, 3]]]);
    expect(parts.every(({ sequences, delivered }) => delivered.length === 0 || sequences![1] === delivered[0][1])).toBe(
      true,
    );
    expect(new Set(pointsOf(first).map(([, , value]) => value))).toEqual(new Set([7, 8]));
    expect(new Set(parts.flatMap(pointsOf).map(([, , value]) => value))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  });

  test("over nothing ends at once", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    const nothing = { block: null, sequences: null, delivered: [], replaced: 0, unreadable: [], next: null };
    expect(partOf(open, { ranges: ALL })).toEqual(nothing);
    absorb(open, 1, 3);
    expect(partOf(open, { ranges: [[5, 9]] })).toMatchObject({ block: null, delivered: [], next: null });
  });

  test("goes through one large record in parts, and begins again with what is sealed in between", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    const points = Array.from({ length: 50_000 }, (_, i): Point => [i % 7, NOVEMBER_US + i * SECOND_US, i]);
    const model = new Model();
    model.write(points);
    open.store.absorb(recordOf(1, points));
    const parts = drain(open, { ranges: ALL });
    expect(parts.length).toBe(7);
    expect(parts.map(({ block }) => block!.points)).toEqual([8192, 8192, 8192, 8192, 8192, 8192, 848]);
    expect(parts.map(({ delivered }) => delivered.length)).toEqual([0, 0, 0, 0, 0, 0, 1]);
    expect(plainSeries(upserted(parts))).toEqual(plainSeries(model));
    const first = partOf(open, { ranges: ALL });
    open.seal();
    const rest = drain(open, { ranges: ALL, cursor: first.next });
    expect(plainSeries(upserted(rest))).toEqual(plainSeries(model));
    expect(deliveredBy(rest)).toEqual([[0, 2]]);
  });

  test("leaves out of the head what the very next row replaces in another part", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    const points = (from: number) =>
      Array.from({ length: 20_000 }, (_, i): Point => [
        1,
        NOVEMBER_US + Math.floor((from + i + 1) / 2) * SECOND_US,
        from + i,
      ]);
    const model = new Model();
    for (const from of [0, 20_000]) {
      model.write(points(from));
      open.store.absorb(recordOf(1 + from, points(from)));
      // Two generations, neither of them sealed.
      open.store.seal().catch(() => {});
    }
    const parts = drain(open, { ranges: ALL });
    expect(parts.length).toBe(6);
    expect(parts.reduce((sum, { replaced }) => sum + replaced, 0)).toBeGreaterThan(0);
    expect(plainSeries(upserted(parts))).toEqual(plainSeries(model));
  });

  test("leaves out of each chunk of a series what is newer in the head", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    const points = Array.from({ length: 30_000 }, (_, i): Point => [1, NOVEMBER_US + i * SECOND_US, i]);
    open.store.absorb(recordOf(1, points));
    open.seal();
    const newer = [5, 12_000, 29_999].map((i): Point => [1, NOVEMBER_US + i * SECOND_US, -i]);
    open.store.absorb(recordOf(2, newer));
    const [head, ...blocks] = drain(open, { ranges: ALL, rowsMax: 65_536 });
    expect(pointsOf(head)).toEqual(newer);
    expect(blocks.reduce((sum, { block }) => sum + block!.points, 0)).toBe(29_997);
  });

  test("begins a block again that is written anew without a deleted series", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    const points = Array.from({ length: 30_000 }, (_, i): Point => [1 + (i % 10), NOVEMBER_US + i * SECOND_US, i]);
    const model = new Model();
    model.write(points);
    open.store.absorb(recordOf(1, points));
    open.seal();
    const first = partOf(open, { ranges: ALL });
    expect(first.next).not.toBeNull();
    open.store.retire(Uint32Array.of(2));
    open.settle();
    model.series.delete(2);
    const received = upserted([first, ...drain(open, { ranges: ALL, cursor: first.next })]);
    received.series.delete(2);
    expect(plainSeries(received)).toEqual(plainSeries(model));
  });

  test("over what was delivered once keeps it from being merged in between", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: [] });
    const model = new Model();
    for (let seq = 1; seq <= 12; seq += 2) {
      absorb(open, seq, seq + 2, model);
      open.seal();
    }
    const parts = [partOf(open, { ranges: ALL })];
    for (let i = 0; i < 4; i++) parts.push(partOf(open, { ranges: ALL, cursor: parts[i].next }));
    open.compact();
    parts.push(...drain(open, { ranges: ALL, cursor: parts.at(-1)!.next }));
    expect(deliveredBy(parts)).toEqual([[0, 13]]);
    expect(plainSeries(upserted(parts))).toEqual(plainSeries(model));
  });

  test("goes on when retention takes a file in between", () => {
    using folder = tempDir("undelivered");
    const retention = {
      rawMs: Infinity,
      rollup1mMs: "auto",
      rollup1hMs: Infinity,
      budgetBytes: 100,
      freeFloor: 0,
    } as const;
    let usedBytes = 0;
    const lookAtDisk = () => ({ usedBytes, freeBytes: 1e12, totalBytes: 1e12 });
    using open = openStore({ dir: folder.path, retention, lookAtDisk, undelivered: ALL });
    absorb(open, 1, 5);
    open.seal();
    absorb(open, 5, 7);
    open.seal();
    const first = partOf(open, { ranges: ALL });
    expect(first.delivered).toEqual([]);
    usedBytes = 101;
    open.store.retain();
    for (const maintaining = open.store.maintain(SHORTEST_SLICE); open.dropped.length === 0;) maintaining.next();
    // Of December the newer block was sent; all of November is gone.
    const rest = drain(open, { ranges: ALL, cursor: first.next });
    expect(deliveredBy([first, ...rest])).toEqual([[0, 7]]);
    expect(new Set([first, ...rest].flatMap(pointsOf).map(([, , value]) => value))).toEqual(new Set([5, 1, 3]));
  });

  test("covers records that left nothing", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    absorb(open, 1, 3);
    open.store.absorb(recordOf(3, []));
    open.seal();
    expect(deliveredBy(drain(open, { ranges: ALL }))).toEqual([[0, 4]]);
  });

  test("says what cannot be read, and goes on", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    absorb(open, 1, 3);
    open.seal();
    absorb(open, 3, 5);
    open.seal();
    const file = new Database(join(folder.path, "points-2026-11.db"), { readwrite: true });
    file.run("UPDATE content SET body = zeroblob(length(body)) WHERE id = 1");
    file.run("UPDATE content SET idx = zeroblob(length(idx)) WHERE id = 2");
    file.close();
    const parts = drain(open, { ranges: ALL });
    const unreadable = parts.flatMap((part) => part.unreadable);
    expect(unreadable.reduce((sum, { points }) => sum + points, 0)).toBe(6);
    expect(new Set(unreadable.map(({ place }) => place)).size).toBe(2);
    expect(new Set(parts.flatMap(pointsOf).map(([, , value]) => value))).toEqual(new Set([1, 3]));
    expect(deliveredBy(parts)).toEqual([[0, 5]]);
    expect(drain(open, { ranges: ALL }).flatMap((part) => part.unreadable)).toEqual(unreadable);
    expect(open.damage.length).toBe(2);
  });

  test("does not send again what was sent out of the head when that is sealed", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    absorb(open, 1, 3);
    open.seal();
    const points = Array.from({ length: 8192 }, (_, i): Point => [1, NOVEMBER_US + (100 + i) * SECOND_US, i]);
    open.store.absorb(recordOf(3, points));
    const first = partOf(open, { ranges: ALL });
    expect(first.delivered).toEqual([[3, 4]]);
    open.seal();
    const rest = drain(open, { ranges: ALL, cursor: first.next });
    expect(rest.map(({ block }) => block?.points ?? 0)).toEqual([3, 3]);
  });

  test("takes units of blocks as they lie, with values replaced within them", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    const points = Array.from({ length: 20_000 }, (_, i): Point => [
      1 + (i % 20),
      NOVEMBER_US + Math.floor(i / 40) * SECOND_US,
      i,
    ]);
    open.store.absorb(recordOf(1, points));
    open.seal();
    const parts = drain(open, { ranges: ALL, rowsMax: 65_536 });
    expect(parts.map(({ block, replaced }) => [block?.points, replaced])).toEqual([[20_000, 0]]);
    expect(pointsOf(parts[0]).length).toBe(20_000);
    // One of twenty series has a newer value: the others are as they were.
    open.store.absorb(recordOf(2, [[5, NOVEMBER_US + 3 * SECOND_US, -1]]));
    const [head, block] = drain(open, { ranges: ALL, rowsMax: 65_536 });
    expect(pointsOf(head)).toEqual([[5, NOVEMBER_US + 3 * SECOND_US, -1]]);
    expect(block.replaced).toBeGreaterThanOrEqual(2);
    expect(pointsOf(block).some(([id, at]) => id === 5 && at === NOVEMBER_US + 3 * SECOND_US)).toBe(false);
    expect(block.block!.points + block.replaced).toBe(20_000);
  });

  test("sends some series only, and nothing of deleted ones", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: ALL });
    absorb(open, 1, 5);
    open.seal();
    absorb(open, 5, 7);
    const idsOf = (seriesIds: Uint32Array | null) => {
      const parts = drain(open, { ranges: ALL, seriesIds });
      expect(deliveredBy(parts)).toEqual([[0, 7]]);
      return plainSeries(upserted(parts)).map(([id, rows]) => [id, rows.length]);
    };
    expect(idsOf(Uint32Array.of(2, 3, 9))).toEqual([
      [2, 6],
      [3, 6],
    ]);
    expect(idsOf(new Uint32Array())).toEqual([]);
    open.store.retire(Uint32Array.of(3));
    expect(idsOf(null)).toEqual([
      [1, 6],
      [2, 6],
    ]);
  });
});

describe("asked about sequences", () => {
  test("how much they brought, and of which series", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: [[3, Infinity]] });
    absorb(open, 1, 5);
    open.seal();
    absorb(open, 5, 9);
    const held = (ranges: SequenceRanges) => runToEnd(open.store.backlog.held(ranges, SHORTEST_SLICE));
    const some = held([[3, 7]]);
    expect(some).toMatchObject({ points: 12, fromUs: NOVEMBER_US + 4 * SECOND_US, toUs: DECEMBER_US + 5 * SECOND_US });
    expect(some.bytes).toBeGreaterThan(100);
    expect(some.arrivalFromS).toBe(Math.floor((NOVEMBER_US / 1000 + 3 * 700) / 1000));
    expect([[...some.bySeries!.seriesIds], [...some.bySeries!.points]]).toEqual([
      [1, 2, 3],
      [4, 4, 4],
    ]);
    const { fromUs, toUs } = some.bySeries!;
    expect([[...fromUs], [...toUs]]).toEqual([some.fromUs, some.toUs].map((timeUs) => [timeUs, timeUs, timeUs]));
    expect(held([[100, Infinity]])).toMatchObject({ points: 0, bytes: 0, fromUs: Infinity, toUs: -Infinity });
  });

  test("which of them brought points of a time", () => {
    using folder = tempDir("undelivered");
    using open = openStore({ dir: folder.path, undelivered: [[3, 4]] });
    absorb(open, 1, 5);
    open.seal();
    absorb(open, 5, 9);
    const of = (fromUs: number, toUs: number) => runToEnd(open.store.backlog.sequencesOf(fromUs, toUs, SHORTEST_SLICE));
    expect(of(NOVEMBER_US + 6 * SECOND_US, NOVEMBER_US + 9 * SECOND_US)).toEqual([
      [6, 7],
      [8, 9],
    ]);
    expect(of(DECEMBER_US, Infinity)).toEqual([
      [1, 4],
      [5, 6],
      [7, 8],
    ]);
    expect(of(0, Infinity)).toEqual([[1, 9]]);
    expect(of(0, NOVEMBER_US)).toEqual([]);
  });
});
