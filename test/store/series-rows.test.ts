/** What becomes of the rows of a series: gaps filled, points thinned, series grouped and ranked. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { answerOf } from "../../src/store/answer.ts";
import { fillSteps } from "../../src/store/fill.ts";
import { GroupCells } from "../../src/store/group-cells.ts";
import type { Aggregation, Fill, Top } from "../../src/store/protocol.ts";
import { SeriesRows } from "../../src/store/series-rows.ts";
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import { thin } from "../../src/store/thin.ts";

function rowsOf(rows: Iterable<readonly [number, number]>): SeriesRows {
  const into = new SeriesRows();
  for (const [timeUs, value] of rows) into.push(timeUs, value);
  return into;
}

function plainRows({ timesUs, values }: SeriesRows): [number, number][] {
  return Array.from(timesUs, (timeUs, i) => [timeUs, values[i]]);
}

describe("steps without points", () => {
  const filled = (fill: Fill) => {
    const into = new SeriesRows();
    const rows = rowsOf([
      [20, 2],
      [50, 8],
    ]);
    fillSteps(rows, fill, 10, { firstUs: 0, lastUs: 60 }, into);
    return plainRows(into);
  };

  test("null and zero stand in every one of them", () => {
    expect(filled("null").map(([, value]) => value)).toEqual([NaN, NaN, 2, NaN, NaN, 8, NaN]);
    expect(filled("zero").map(([, value]) => value)).toEqual([0, 0, 2, 0, 0, 8, 0]);
    expect(filled("zero").map(([timeUs]) => timeUs)).toEqual([0, 10, 20, 30, 40, 50, 60]);
  });

  test("the previous value has nothing before the first one", () => {
    expect(filled("previous")).toEqual([
      [20, 2],
      [30, 2],
      [40, 2],
      [50, 8],
      [60, 8],
    ]);
  });

  test("a line needs both of its ends", () => {
    expect(filled("linear")).toEqual([
      [20, 2],
      [30, 4],
      [40, 6],
      [50, 8],
    ]);
  });
});

describe("fewer points of the same shape", () => {
  test("the ends stay, points come from the series in order, and a peak is among them", () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 10, maxLength: 500 });
    fc.assert(
      fc.property(values, fc.integer({ min: 3, max: 9 }), (given, points) => {
        const rows = given.map((value, i): [number, number] => [i * 1_000, value]);
        const into = new SeriesRows();
        thin(rowsOf(rows), points, into);
        const thinned = plainRows(into);
        expect(thinned.length).toBe(points);
        expect([thinned[0], thinned.at(-1)]).toEqual([rows[0], rows.at(-1)!]);
        const at = thinned.map(([timeUs]) => timeUs / 1_000);
        expect(at).toEqual([...new Set(at)].sort((a, b) => a - b));
        expect(thinned).toEqual(at.map((i) => rows[i]));
      }),
    );
    const flat = Array.from({ length: 1_000 }, (_, i): [number, number] => [i, i === 617 ? 50 : 1]);
    const into = new SeriesRows();
    thin(rowsOf(flat), 20, into);
    expect(Math.max(...into.values)).toBe(50);
  });

  test("a gap is still a gap", () => {
    const rows = Array.from({ length: 100 }, (_, i): [number, number] => [i, i >= 40 && i < 60 ? NaN : 1]);
    const into = new SeriesRows();
    thin(rowsOf(rows), 12, into);
    expect(into.values.some(Number.isNaN)).toBe(true);
  });
});

describe("across the series of a group", () => {
  const series: [number, number][][] = [
    [
      [0, 1],
      [10, 5],
    ],
    [
      [0, 3],
      [30, 7],
    ],
    [
      [0, 100],
      [10, NaN],
    ],
  ];
  const grouped = (aggregation: Aggregation) => {
    const grouping = { groupOf: Uint32Array.of(0, 0, 1), groups: 2, aggregation };
    const cells = new GroupCells(grouping, 10, { firstUs: 0, lastUs: 30 }, 8);
    series.forEach((rows, slot) => cells.add(slot, rowsOf(rows)));
    const into = new SeriesRows();
    runToEnd(cells.settle(ENDLESS_SLICE));
    return Array.from(cells.groups(into), () => plainRows(into));
  };

  for (const [aggregation, first, second] of [
    ["avg", 2, 100],
    ["min", 1, 100],
    ["max", 3, 100],
    ["sum", 4, 100],
    ["count", 2, 1],
    ["p50", 2, 100],
    ["p95", 2.9, 100],
  ] as const) {
    test(aggregation, () => {
      const [one, other] = grouped(aggregation);
      expect(one.map(([timeUs]) => timeUs)).toEqual([0, 10, 30]);
      expect(one[0][1]).toBeCloseTo(first, 10);
      expect(other).toEqual([[0, second]]);
    });
  }

  test("more groups and steps than may be are refused before anything is read", () => {
    const grouping = { groupOf: Uint32Array.of(0), groups: 3, aggregation: "avg" } as const;
    expect(() => new GroupCells(grouping, 10, { firstUs: 0, lastUs: 990 }, 299)).toThrow(
      /3 groups have 100 steps each in this range; at most 299/,
    );
  });
});

describe("the first of them", () => {
  const ranked = (top: Top, pointsMax = 1e9) => {
    const answer = answerOf({ stepUs: 1, pointsMax, top }, 50);
    for (let slot = 0; slot < 50; slot++) {
      answer.add(
        slot,
        rowsOf([
          [1, (slot * 7) % 50],
          [2, NaN],
          [3, (slot * 11) % 50],
        ]),
      );
    }
    return answer.finish();
  };

  test("by what is asked, the highest or the lowest first", () => {
    const bySlot = (value: (slot: number) => number) =>
      [...Array(50).keys()].sort((a, b) => value(b) - value(a) || a - b);
    const first = (slot: number) => (slot * 7) % 50;
    const last = (slot: number) => (slot * 11) % 50;
    const [count, lowest] = [4, false];
    expect([...ranked({ count, lowest, by: "first" }).slots]).toEqual(bySlot(first).slice(0, 4));
    expect([...ranked({ count, lowest, by: "last" }).slots]).toEqual(bySlot(last).slice(0, 4));
    expect([...ranked({ count, lowest, by: "sum" }).slots]).toEqual(bySlot((s) => first(s) + last(s)).slice(0, 4));
    expect([...ranked({ count, lowest: true, by: "max" }).slots]).toEqual(
      bySlot((s) => -Math.max(first(s), last(s))).slice(0, 4),
    );
    const { slots, offsets, values } = ranked({ count: 2, lowest, by: "max" });
    expect([...offsets]).toEqual([0, 3, 6]);
    expect(values[0]).toBe(first(slots[0]));
  });

  test("only these count against the bound", () => {
    expect(ranked({ count: 4, lowest: false, by: "avg" }, 24).slots.length).toBe(4);
    expect(() => ranked({ count: 4, lowest: false, by: "avg" }, 11)).toThrow(/at most 11 are allowed/);
  });
});
