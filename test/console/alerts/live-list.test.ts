import { expect, test } from "bun:test";
import { keyOfLine } from "../../../src/console/data/incident-list.ts";
import type { AlertRow } from "../../../src/console/data/alert-row.ts";
import { runAll } from "../../../src/console/views/alerts/actions/run-all.ts";
import { LiveList } from "../../../src/console/views/alerts/live/live-list.ts";
import { chosenOf, toggled } from "../../../src/console/views/alerts/live/selection.ts";
import { rowOf, type Given } from "./rows.ts";

const open = new Set<string>();
const listOf = (...rows: AlertRow[]) =>
  new LiveList(
    rows,
    ({ status }) => status !== "cleared",
    true,
    (id) => open.has(id),
  );
const keys = (list: LiveList) => list.lines.map(keyOfLine);
const comes = (id: string, given: Given = {}) => ({ id, before: undefined, after: rowOf(id, given) });
const goes = (id: string) => ({ id, before: rowOf(id), after: undefined });

test("while somebody is at the list nothing moves; what came is counted, and stands there once they are gone", () => {
  const list = listOf(rowOf("a", { firedMs: 1 }), rowOf("b", { firedMs: 2 }));
  expect(keys(list)).toEqual(["b", "a"]);
  list.hold();
  list.take([comes("c", { severity: "critical" }), comes("d", { firedMs: 9 }), goes("b")]);
  expect(keys(list)).toEqual(["b", "a"]);
  expect(list.heldBack).toEqual({ count: 2, rank: 0 });
  expect(list.size).toBe(3);
  expect(list.release()).toBe(true);
  expect(keys(list)).toEqual(["c", "d", "a"]);
  expect(list.heldBack.count).toBe(0);
});

test("what is unfolded by hand shows at once, also while the list is held", () => {
  const list = listOf(rowOf("a", { incidentId: "one" }), rowOf("b", { incidentId: "one" }));
  list.hold();
  expect(keys(list)).toEqual(["incident one"]);
  open.add("one");
  list.refold();
  expect(keys(list)).toEqual(["incident one", "a", "b"]);
  list.take([comes("c", { severity: "critical" })]);
  expect(keys(list)).toEqual(["incident one", "a", "b"]);
});

test("lines are chosen one by one, from one to another, and with all alerts of an incident", () => {
  const list = listOf(
    rowOf("a", { firedMs: 4 }),
    rowOf("b", { firedMs: 3, incidentId: "two" }),
    rowOf("c", { firedMs: 2, incidentId: "two" }),
    rowOf("d", { firedMs: 1 }),
  );
  const { lines } = list;
  expect(lines).toHaveLength(3);
  const first = toggled(lines, 0, undefined, new Set());
  expect([...first]).toEqual(["a"]);
  const all = toggled(lines, 2, 0, first);
  expect([...all].sort()).toEqual(["a", "b", "c", "d"]);
  expect([...toggled(lines, 1, undefined, all)].sort()).toEqual(["a", "d"]);
  expect(lines.map((line) => chosenOf(line, new Set(["a", "c"])))).toEqual(["all", "some", "none"]);
  expect([...toggled(lines, 1, undefined, new Set(["c"]))].sort()).toEqual(["b", "c"]);
});

test("all of many are done, as many at a time as one call takes, and of those that are refused it is known why", async () => {
  const calls: number[][] = [];
  const told: number[] = [];
  const call = async (some: readonly number[]) => {
    calls.push([...some]);
    return new Map(some.flatMap((item, i) => (item % 10 === 3 ? [[i, `${item} is over`] as const] : [])));
  };
  const items = Array.from({ length: 25 }, (_, i) => i);
  const refused = await runAll(items, call, {
    ...{ atOnceMax: 10, signal: new AbortController().signal, reasonOf: String },
    onProgress: (count) => told.push(count),
  });
  expect(refused).toEqual([
    { item: 3, reason: "3 is over" },
    { item: 13, reason: "13 is over" },
    { item: 23, reason: "23 is over" },
  ]);
  expect(calls).toEqual([items.slice(0, 10), items.slice(10, 20), items.slice(20)]);
  expect(told).toEqual([10, 20, 25]);
});

test.each(["is stopped", "fails"])("once it %s nothing more is tried, and what was not is told", async (how) => {
  const controller = new AbortController();
  const tried: number[] = [];
  const call = async (some: readonly number[]) => {
    tried.push(...some);
    if (some.includes(19)) {
      if (how === "fails") throw new Error("no disk");
      controller.abort();
    }
    return new Map<number, string>();
  };
  const options = { atOnceMax: 10, onProgress() {}, reasonOf: String, signal: controller.signal };
  const items = Array.from({ length: 35 }, (_, i) => i);
  const refused = await runAll(items, call, options);
  expect(tried).toEqual(items.slice(0, 20));
  const failed = how === "fails" ? items.slice(10, 20).map((item) => ({ item, reason: "Error: no disk" })) : [];
  expect(refused).toEqual([...failed, ...items.slice(20).map((item) => ({ item, reason: "not tried" }))]);
});
