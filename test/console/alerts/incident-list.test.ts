import { expect, test } from "bun:test";
import fc from "fast-check";
import { filterOf, mistakesInAlerts, takes } from "../../../src/console/data/alert-filter.ts";
import { byGravity, type AlertRow } from "../../../src/console/data/alert-row.ts";
import { IncidentList, keyOfLine, type ListLine } from "../../../src/console/data/incident-list.ts";
import { SortedList } from "../../../src/console/data/sorted-list.ts";
import { rowOf } from "./rows.ts";

const all = () => true;
const keys = (lines: readonly ListLine[]) => lines.map(keyOfLine);

test("alerts of one incident stand under one line, which is where its gravest alert would stand", () => {
  const rows = [
    rowOf("a", { severity: "low", incidentId: "one", firedMs: 1 }),
    rowOf("b", { severity: "critical", incidentId: "one", firedMs: 2 }),
    rowOf("c", { severity: "high", firedMs: 3 }),
    rowOf("d", { severity: "high", firedMs: 4 }),
  ];
  const list = new IncidentList(rows, all, true);
  expect(keys(list.lines(() => false))).toEqual(["incident one", "d", "c"]);
  expect(keys(list.lines(({ id }) => id === "one"))).toEqual(["incident one", "b", "a", "d", "c"]);
  list.put("b", undefined);
  expect(keys(list.lines(() => false))).toEqual(["d", "c", "a"]);
});

test("it counts those that nobody looks after", () => {
  const one = { incidentId: "one" };
  const list = new IncidentList([rowOf("a", one), rowOf("b", one), rowOf("c", one, true)], all, true);
  expect(list.groups[0].open).toBe(2);
  list.put("a", rowOf("a", { ...one, acknowledged: true, acknowledgedBy: "Ada" }));
  expect(list.groups[0].open).toBe(1);
});

test("whatever comes and goes, in whatever order: the list is that of what stands", () => {
  const severities = ["critical", "high", "medium", "low", "odd"];
  const change = fc.record({
    id: fc.integer({ min: 0, max: 30 }).map(String),
    incidentId: fc.integer({ min: 0, max: 6 }).map((n) => `i${n}`),
    severity: fc.constantFrom(...severities),
    firedMs: fc.integer({ min: 0, max: 5 }),
    isGone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), fc.boolean(), (changes, isGrouped) => {
      const wanted = takes(filterOf(new URLSearchParams("severity=critical,high,low"), ""));
      const list = new IncidentList([], wanted, isGrouped);
      const standing = new Map<string, AlertRow>();
      for (const { id, isGone, ...given } of changes) {
        const row = isGone ? undefined : rowOf(id, given);
        if (row === undefined) standing.delete(id);
        else standing.set(id, row);
        list.put(id, row);
      }
      const fresh = new IncidentList(standing.values(), wanted, isGrouped);
      expect(keys(list.lines(() => true))).toEqual(keys(fresh.lines(() => true)));
      const shown = [...standing.values()].filter(wanted);
      expect(list.size).toBe(shown.length);
      if (!isGrouped) expect(keys(list.lines(() => true))).toEqual(shown.sort(byGravity).map(({ id }) => id));
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("a sorted list is in order whenever it is looked at", () => {
  const step = fc.record({ at: fc.integer({ min: 0, max: 9 }), isLooked: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const items = Array.from({ length: 10 }, (_, i) => ({ i }));
      const list = new SortedList<{ i: number }>((a, b) => a.i - b.i);
      const there = new Set<number>();
      for (const { at, isLooked } of steps) {
        if (there.delete(at)) list.remove(items[at]);
        else {
          there.add(at);
          list.add(items[at]);
        }
        expect(list.size).toBe(there.size);
        if (isLooked) expect(list.items.map(({ i }) => i)).toEqual([...there].sort());
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});

test("a filter stands in the address; what is unknown in it is left out", () => {
  const rows = [
    rowOf("a", { severity: "critical", title: "Pump hot", labels: { site: "north", device: "pump-1" } }),
    rowOf("b", { severity: "low", title: "Pump cold", labels: { site: "south" }, assignee: "Ada" }),
    rowOf("c", { severity: "high", acknowledged: true, acknowledgedBy: "Ada" }),
    rowOf("d", { severity: "high" }, true),
  ];
  const found = (query: string) =>
    rows
      .filter(takes(filterOf(new URLSearchParams(query), "Ada")))
      .map(({ id }) => id)
      .join("");
  expect(found("")).toBe("abcd");
  expect(found("severity=critical,low")).toBe("ab");
  expect(found("severity=grave")).toBe("abcd");
  expect(found("status=silenced")).toBe("d");
  expect(found("status=firing")).toBe("ab");
  expect(found("site=north")).toBe("a");
  expect(found("text=PUMP+cold")).toBe("b");
  expect(found("mine=1")).toBe("bc");
});

test("what of an address is no filter is said", () => {
  const said = (query: string, user = "Ada") => mistakesInAlerts(new URLSearchParams(query), user);
  expect(said("severity=high,+low&status=firing&group=none&mine=1&text=x")).toEqual([]);
  expect(said("severity=grave,high&status=open&group=site&mine=1", "")).toEqual([
    'severity has "grave"; wanted any of critical, high, medium, low',
    'status has "open"; wanted any of firing, acknowledged, silenced, cleared',
    'group has "site"; wanted any of none',
    "mine is of whoever says their name: say yours first",
  ]);
});
