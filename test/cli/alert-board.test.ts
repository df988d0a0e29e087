import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { AlertBoard } from "../../src/cli/alert-board.ts";
import type { AlertNews } from "../../src/client/follow-alerts.ts";
import { AlertChange, AlertSchema, AlertState } from "../../src/wire/gen/alerts_pb.ts";

const { FIRED, SEVERITY_ROSE, CLEARED, ACKNOWLEDGED, LATE } = AlertChange;

function changed(id: string, severity: string, change: AlertChange, more: { removed?: boolean } = {}): AlertNews {
  const isOver = change === CLEARED || change === LATE;
  const state = isOver ? AlertState.CLEARED : AlertState.ACTIVE;
  return { kind: "change", alert: create(AlertSchema, { id, severity, change, state, ...more }) };
}

function snapshot(...alerts: readonly (readonly [id: string, severity: string])[]): AlertNews {
  const standing = alerts.map(([id, severity]) => create(AlertSchema, { id, severity, state: AlertState.ACTIVE }));
  return { kind: "snapshot", alerts: standing, cursor: "" };
}

function countsOf(board: AlertBoard): Record<string, number[]> {
  const rows = Bun.stripANSI(board.summary()).trimEnd().split("\n").slice(1);
  return Object.fromEntries(
    rows.map((row) => row.split(/ +/)).map(([severity, ...counts]) => [severity, counts.map(Number)]),
  );
}

const ids = (board: AlertBoard) => board.active.map(({ id }) => id);

test("counts what fires and clears by the severity it has then; what stood at first has not fired", () => {
  const board = new AlertBoard();
  board.take(snapshot(["a", "high"]));
  board.take(changed("b", "low", FIRED));
  board.take(changed("b", "critical", SEVERITY_ROSE));
  board.take(changed("c", "low", FIRED));
  board.take(changed("a", "high", CLEARED, { removed: true }));
  expect(ids(board)).toEqual(["b", "c"]);
  expect(countsOf(board)).toEqual({ critical: [0, 0, 1], high: [0, 1, 0], medium: [0, 0, 0], low: [2, 0, 1] });
});

test("what leaves the list has not cleared, and may come back", () => {
  const board = new AlertBoard();
  board.take(snapshot(["a", "high"]));
  board.take(changed("a", "high", ACKNOWLEDGED, { removed: true }));
  expect(ids(board)).toEqual([]);
  board.take(changed("a", "critical", SEVERITY_ROSE));
  expect(ids(board)).toEqual(["a"]);
  expect(countsOf(board)).toMatchObject({ critical: [0, 0, 1], high: [0, 0, 0] });
});

test("a further snapshot stands in place of what was known; what differs has happened meanwhile", () => {
  const board = new AlertBoard();
  board.take(snapshot(["a", "high"], ["b", "low"]));
  board.take(snapshot(["b", "low"], ["c", "medium"]));
  expect(ids(board)).toEqual(["c", "b"]);
  expect(countsOf(board)).toEqual({ critical: [0, 0, 0], high: [0, 1, 0], medium: [1, 0, 1], low: [0, 0, 1] });
});

test("episodes in late points are told apart", () => {
  const board = new AlertBoard();
  board.take(snapshot());
  expect(board.summary()).not.toContain("late");
  board.take(changed("late-1", "high", LATE));
  expect(ids(board)).toEqual([]);
  expect(board.summary()).toEndWith("\n1 in points that came late\n");
});
