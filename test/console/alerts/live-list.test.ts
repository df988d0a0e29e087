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

test("each of many is tried, and of those that are refused it is known why", async () => {
  let [running, most, told] = [0, 0, 0];
  const call = async (item: number) => {
    most = Math.max(most, ++running);
    await Bun.sleep(0);
    running--;
    if (item % 10 === 3) throw new Error(`${item} is over`);
  };
  const options = {
    onProgress: (count: number) => (told = count),
    reasonOf: (error: unknown) => (error as Error).message,
  };
  const items = Array.from({ length: 25 }, (_, i) => i);
  const refused = await runAll(items, call, { ...options, signal: new AbortController().signal });
  expect(refused).toEqual([
    { item: 3, reason: "3 is over" },
    { item: 13, reason: "13 is over" },
    { item: 23, reason: "23 is over" },
  ]);
  expect([most, told]).toEqual([8, 25]);
});

test("once it is stopped nothing more is tried, and what was not is told", async () => {
  const controller = new AbortController();
  const tried: number[] = [];
  const call = async (item: number) => {
    tried.push(item);
    if (item === 9) controller.abort();
  };
  const options = { onProgress() {}, reasonOf: String, signal: controller.signal };
  const refused = await runAll(
    Array.from({ length: 100 }, (_, i) => i),
    call,
    options,
  );
  expect(tried.length).toBeLessThan(20);
  expect(refused).toHaveLength(100 - tried.length);
  expect(refused[0].reason).toBe("not tried");
});
