/** The parts of forwarding that know nothing of each other. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { blockOfFrame } from "../../../src/codec/frame-block.ts";
import { Bandwidth } from "../../../src/edge/upstream/bandwidth.ts";
import { mayShare, spansOfBlock } from "../../../src/edge/upstream/chunk-spans.ts";
import { touchedWindows } from "../../../src/edge/upstream/down-sampler.ts";
import { LiveRows } from "../../../src/edge/upstream/live-rows.ts";
import { Rate } from "../../../src/edge/upstream/rate.ts";
import { parseTagConditions } from "../../../src/model/tag-conditions.ts";
import "../../support/seed.ts";

type Row = readonly [seriesId: number, timeUs: number];

const rowsOf = (timeMax: number) =>
  fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: timeMax })), {
    minLength: 1,
    maxLength: 12,
  });

function columnsOf(rows: readonly Row[]) {
  return {
    count: rows.length,
    seriesIds: Uint32Array.from(rows, ([id]) => id),
    timesUs: Float64Array.from(rows, ([, timeUs]) => timeUs),
    values: Float64Array.from(rows, (_, i) => i),
  };
}

function frameOf(seq: number, rows: readonly Row[]) {
  return { seq, arrivalMs: 1_000, ...columnsOf(rows) };
}

describe("spans of chunks", () => {
  test("what has a point in common may share one, whichever way it is asked", () => {
    fc.assert(
      fc.property(rowsOf(30), rowsOf(30), (a, b) => {
        const [first, second] = [a, b].map((rows) => spansOfBlock(blockOfFrame(columnsOf(rows), 1).index));
        const isShared = a.some(([id, timeUs]) => b.some(([other, at]) => id === other && timeUs === at));
        expect(mayShare(first, second)).toBe(mayShare(second, first));
        if (isShared) expect(mayShare(first, second)).toBe(true);
      }),
    );
  });

  test("other series and other times do not share", () => {
    const [a, b, c] = [
      [
        [1, 5],
        [2, 9],
      ],
      [
        [1, 6],
        [3, 5],
      ],
      [[2, 9]],
    ].map((rows) => spansOfBlock(blockOfFrame(columnsOf(rows as unknown as Row[]), 1).index));
    expect([mayShare(a, b), mayShare(a, c)]).toEqual([false, true]);
  });
});

describe("windows that are touched", () => {
  test("every point lies in one, of its series; none is asked for far from all", () => {
    fc.assert(
      fc.property(rowsOf(2_000), (rows) => {
        const block = blockOfFrame(columnsOf(rows), 1);
        const found = [...touchedWindows(block, 5)];
        for (const [id, timeUs] of rows) {
          expect(found.some((w) => w.seriesIds.includes(id) && w.fromUs <= timeUs && timeUs < w.toUs)).toBe(true);
        }
        for (const { seriesIds, fromUs, toUs } of found) {
          expect([fromUs % 5, toUs % 5]).toEqual([0, 0]);
          for (const id of seriesIds) {
            const isTouched = (from: number) => rows.some(([other, at]) => other === id && at >= from && at < from + 5);
            expect([isTouched(fromUs), isTouched(toUs - 5)]).toEqual([true, true]);
          }
        }
      }),
    );
  });

  test("what is far apart is asked for by itself, and a query has a bound", () => {
    const block = blockOfFrame(
      columnsOf([
        [1, 0],
        [1, 10_000_000],
        [2, 0],
      ]),
      1,
    );
    const found = [...touchedWindows(block, 1)].map(({ seriesIds, fromUs }) => [seriesIds, fromUs]);
    expect(found).toEqual([
      [[1, 2], 0],
      [[1], 10_000_000],
    ]);
    const dense = Array.from({ length: 60_000 }, (_, i): Row => [1, i]);
    const widths = [...touchedWindows(blockOfFrame(columnsOf(dense), 1), 1)].map(({ fromUs, toUs }) => toUs - fromUs);
    expect(widths).toEqual([32_768, 60_000 - 32_768]);
  });
});

describe("live rows", () => {
  test("frames that follow each other go together", () => {
    const rows = new LiveRows();
    expect(rows.add(frameOf(7, [[1, 1]]), null)).toBe(true);
    expect(
      rows.add(
        frameOf(8, [
          [2, 2],
          [3, 3],
        ]),
        null,
      ),
    ).toBe(true);
    expect(rows.add(frameOf(10, [[1, 4]]), null)).toBe(false);
    expect([rows.sequences, rows.count]).toEqual([[7, 9], 3]);
    expect([...rows.seriesIds.subarray(0, 3)]).toEqual([1, 2, 3]);
    rows.clear();
    expect(rows.add(frameOf(10, [[1, 4]]), (id) => id !== 1)).toBe(true);
    expect([rows.sequences, rows.count, rows.isEmpty]).toEqual([[10, 11], 0, false]);
  });

  test("no more than a frame may hold", () => {
    const rows = new LiveRows();
    const large = Array.from({ length: 40_000 }, (): Row => [1, 1]);
    expect([rows.add(frameOf(0, large), null), rows.add(frameOf(1, large), null)]).toEqual([true, false]);
  });
});

test("a bandwidth cap: a second at once, live points a second ahead, the backlog what is left", () => {
  const cap = new Bandwidth(1_000, 0);
  expect(cap.backlogWaitMs(0)).toBe(0);
  cap.take(1_500, 0);
  expect(cap.mayGoLive(0)).toBe(true);
  expect(cap.backlogWaitMs(0)).toBe(501);
  cap.take(500, 0);
  expect(cap.mayGoLive(0)).toBe(false);
  expect([cap.mayGoLive(100), cap.backlogWaitMs(1_001)]).toEqual([true, 0]);
  expect(new Bandwidth(Infinity, 0).backlogWaitMs(0)).toBe(0);
});

test("a rate is that of the last minute, or of the time there was", () => {
  const rate = new Rate(10_000);
  rate.add(100, 1_000, 12_000);
  expect(rate.perSecond(20_000)).toEqual({ points: 10, bytes: 100 });
  rate.add(600, 0, 60_000);
  expect(rate.perSecond(100_000)).toEqual({ points: 10, bytes: 0 });
  expect(rate.perSecond(200_000)).toEqual({ points: 0, bytes: 0 });
});

test("conditions on tags in a line", () => {
  expect(parseTagConditions("site=plant-*, line=~a|b,room!= ,unit!~x.*")).toEqual([
    { key: "site", operator: "glob", value: "plant-*" },
    { key: "line", operator: "=~", value: "a|b" },
    { key: "room", operator: "!=", value: "" },
    { key: "unit", operator: "!~", value: "x.*" },
  ]);
  expect(() => parseTagConditions("site")).toThrow('"site" is no condition');
});
