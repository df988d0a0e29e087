import { describe, expect, test } from "bun:test";
import { KEPT_BACK_MAX } from "../../src/alerts/conditions/calm.ts";
import type { ConditionState } from "../../src/alerts/conditions/condition-state.ts";
import { NOT_TAKEN, ProbeRows, TAKEN, TAKEN_LAST } from "../../src/alerts/probe-rows.ts";
import { ProbeRow } from "../../src/alerts/probe-row.ts";

const SECOND_US = 1_000_000;
const MINUTE_MS = 60_000;

/** Seen each second, at 0 last, and calm below 10. */
function calmRow(rows: ProbeRows, areTaken = true): ProbeRow {
  const row = new ProbeRow(rows);
  row.clockUs = 0;
  row.seenAtMs = 0;
  row.gapMs = 1_000;
  row.low = -Infinity;
  row.high = 10;
  row.areTaken = areTaken;
  return row;
}

/** Notes what it takes. */
function notingState(taken: [number, number][]): ConditionState {
  const take = (timeUs: number, value: number) => {
    taken.push([timeUs, value]);
    return 0;
  };
  return { dueUs: Infinity, observed: NaN, becalm: () => {}, take, elapse: (_timeUs, level) => level };
}

describe("a calm sample", () => {
  const takeAt = (row: ProbeRow, rows: ProbeRows, timeUs: number, value: number, arrivalUs = timeUs, atMs = 1_000) =>
    rows.takeCalm(row.row, timeUs, value, arrivalUs, atMs);

  test("moves clock, value and usual gap", () => {
    const rows = new ProbeRows(1);
    const row = calmRow(rows);
    expect(takeAt(row, rows, SECOND_US, 5, 2 * SECOND_US, 2_000)).toBe(TAKEN);
    const { clockUs, value, seenAtMs, gapMs } = row;
    expect({ clockUs, value, seenAtMs, gapMs }).toEqual({
      clockUs: SECOND_US,
      value: 5,
      seenAtMs: 2_000,
      gapMs: 1_250,
    });
  });

  const others: [string, (row: ProbeRow, rows: ProbeRows) => number][] = [
    ["beyond what is calm", (row, rows) => takeAt(row, rows, SECOND_US, 11)],
    ["no number", (row, rows) => takeAt(row, rows, SECOND_US, NaN)],
    ["of the same time", (row, rows) => takeAt(row, rows, 0, 5)],
    ["from the future", (row, rows) => takeAt(row, rows, SECOND_US, 5, SECOND_US - 1)],
    ["late", (row, rows) => takeAt(row, rows, SECOND_US, 5, SECOND_US + 15 * 60 * SECOND_US + 1)],
    ["after a gap in which some are missing", (row, rows) => takeAt(row, rows, 15 * SECOND_US + 1, 5)],
    ["of a series that has slowed down", (row, rows) => takeAt(row, rows, SECOND_US, 5, SECOND_US, 6 * MINUTE_MS)],
  ];
  for (const [what, take] of others) {
    test(`is none that is ${what}, and nothing moves`, () => {
      const rows = new ProbeRows(1);
      const row = calmRow(rows);
      expect(take(row, rows)).toBe(NOT_TAKEN);
      expect([row.clockUs, row.seenAtMs, row.gapMs]).toEqual([0, 0, 1_000]);
    });
  }

  test("is none from the time on that calm ends", () => {
    const rows = new ProbeRows(1);
    const row = calmRow(rows);
    row.untilUs = 2 * SECOND_US;
    expect(takeAt(row, rows, 2 * SECOND_US - 1, 5)).toBe(TAKEN);
    expect(takeAt(row, rows, 2 * SECOND_US, 5)).toBe(NOT_TAKEN);
  });

  test("waits for the state with others, of each row by itself", () => {
    const rows = new ProbeRows(1);
    const all = Array.from({ length: 9 }, () => calmRow(rows));
    const waiting = KEPT_BACK_MAX - 1;
    for (let i = 1; i <= waiting; i++) {
      for (const [n, row] of all.entries()) {
        expect(takeAt(row, rows, i, n, SECOND_US)).toBe(i < waiting ? TAKEN : TAKEN_LAST);
      }
    }
    for (const [n, row] of all.entries()) {
      const taken: [number, number][] = [];
      row.takeWaiting(notingState(taken));
      row.takeWaiting(notingState(taken));
      expect(taken).toEqual(Array.from({ length: waiting }, (_, i) => [i + 1, n]));
    }
  });

  test("does not wait where the state does not want it", () => {
    const rows = new ProbeRows(1);
    const row = calmRow(rows, false);
    for (let i = 1; i <= 2 * KEPT_BACK_MAX; i++) expect(takeAt(row, rows, i, 1, SECOND_US)).toBe(TAKEN);
    const taken: [number, number][] = [];
    row.takeWaiting(notingState(taken));
    expect(taken).toEqual([]);
  });
});

test("a row that was left is given to another, and what was in it stays with whoever had it", () => {
  const rows = new ProbeRows(1);
  const [first, second] = [calmRow(rows), calmRow(rows)];
  rows.takeCalm(first.row, 1, 7, SECOND_US, 500);
  const { row } = first;
  first.takeWaiting(notingState([]));
  first.leave();
  const third = new ProbeRow(rows);
  expect(third.row).toBe(row);
  expect([third.clockUs, third.value, third.gapMs]).toEqual([-Infinity, NaN, 0]);
  expect(rows.takeCalm(third.row, 2, 7, SECOND_US, 500)).toBe(NOT_TAKEN);
  third.clockUs = 3;
  expect([first.clockUs, first.value, first.seenAtMs]).toEqual([1, 7, 500]);
  expect(second.clockUs).toBe(0);
});
