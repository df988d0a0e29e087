import { expect, test } from "bun:test";
import fc from "fast-check";
import { chosenAfter, chosenAfterAll } from "../../src/console/parts/chosen-rows.ts";
import { rowsDrawn, rowWindow } from "../../src/console/parts/row-window.ts";
import { parseSort, sortedBy, sortName } from "../../src/console/parts/table-sort.ts";

test("the rows that are drawn and the room between them are all rows, in order, the seen ones and that with the focus drawn", () => {
  const windows = fc.record({
    ...{ topPx: fc.integer({ min: -400_000, max: 2_000 }), seenPx: fc.integer({ min: 1, max: 3_000 }) },
    ...{ rowPx: fc.integer({ min: 1, max: 80 }), count: fc.nat(20_000), also: fc.integer({ min: -1, max: 20_001 }) },
  });
  fc.assert(
    fc.property(windows, ({ topPx, seenPx, rowPx, count, also }) => {
      const seen = rowWindow(topPx, seenPx, rowPx, count);
      const drawn = rowsDrawn(seen, count, also);
      let next = 0;
      const rows = new Set<number>();
      for (const each of drawn) {
        if ("room" in each) {
          expect(each.room).toBeGreaterThan(0);
          next += each.room;
        } else {
          expect(each.row).toBe(next++);
          rows.add(each.row);
        }
      }
      expect(next).toBe(count);
      if (also >= 0 && also < count) expect(rows.has(also)).toBe(true);
      for (let row = 0; row < count; row++) {
        const [top, bottom] = [topPx + row * rowPx, topPx + (row + 1) * rowPx];
        if (bottom > 0 && top < seenPx && !rows.has(row)) throw new Error(`row ${row} is seen and not drawn`);
      }
      expect(rows.size).toBeLessThan(seenPx / rowPx + 20);
    }),
    { numRuns: 200 },
  );
});

const columns = [
  { name: "id", sortKey: (row: Row) => row.id },
  { name: "battery", sortKey: (row: Row) => row.battery },
  { name: "icon" },
];
interface Row {
  readonly id: string;
  readonly battery?: number;
}
const rows: readonly Row[] = [{ id: "pump-10", battery: 3 }, { id: "pump-9" }, { id: "Pump-2", battery: 20 }];
const ids = (sort: string) => sortedBy(rows, columns, sort).map(({ id }) => id);

test("numbers in names sort as numbers, what is unknown stands last either way", () => {
  expect(ids("id")).toEqual(["Pump-2", "pump-9", "pump-10"]);
  expect(ids("-id")).toEqual(["pump-10", "pump-9", "Pump-2"]);
  expect(ids("battery")).toEqual(["pump-10", "Pump-2", "pump-9"]);
  expect(ids("-battery")).toEqual(["Pump-2", "pump-10", "pump-9"]);
});

test("a column that does not sort, or that is not there, leaves the order", () => {
  for (const sort of ["", "icon", "-none"]) expect(ids(sort)).toEqual(["pump-10", "pump-9", "Pump-2"]);
});

test("a sort and its name are one another's", () => {
  for (const name of ["id", "-id"]) {
    const { by, isDown } = parseSort(name);
    expect(sortName(by, isDown)).toBe(name);
  }
});

test("ticking with Shift makes all rows up to there what the last one becomes", () => {
  const keys = ["a", "b", "c", "d", "e"];
  const after = (chosen: string[], at: number, from: number) =>
    [...chosenAfter(new Set(chosen), keys, { at, from })].sort();
  expect(after([], 1, 1)).toEqual(["b"]);
  expect(after(["b"], 1, 1)).toEqual([]);
  expect(after(["b"], 3, 1)).toEqual(["b", "c", "d"]);
  expect(after(["d"], 1, 3)).toEqual(["b", "c", "d"]);
  expect(after(["a", "b", "c"], 2, 1)).toEqual(["a"]);
});

test("choosing all leaves what is chosen besides, and takes all away where all are", () => {
  const after = (...chosen: string[]) => [...chosenAfterAll(new Set(chosen), ["a", "b"])].sort();
  expect(after("z")).toEqual(["a", "b", "z"]);
  expect(after("a", "z")).toEqual(["a", "b", "z"]);
  expect(after("a", "b", "z")).toEqual(["z"]);
});
