import { expect, test } from "bun:test";
import fc from "fast-check";
import { csvOf, isoText } from "../../src/console/charts/csv.ts";
import { mergedRows } from "../../src/console/charts/merged-rows.ts";
import { guardedCell, splitCells, unguarded } from "../../src/model/csv.ts";

const series = (label: string, timesMs: number[], values: number[], unit = "") => {
  return { key: label, label, unit, timesMs, values };
};

test("a column a series, a row a time, to the microsecond; what has no point is empty", () => {
  const all = [series("a", [0, 1_000.25], [1, -2.5], "°C"), series("b, c", [1_000.25, 2_000], [3, 4])];
  expect(csvOf(all, { fromMs: 0, toMs: 2_000 })).toBe(
    'time,a (°C),"b, c"\r\n1970-01-01T00:00:00.000Z,1,\r\n1970-01-01T00:00:01.000250Z,-2.5,3\r\n',
  );
});

test("a band has its minimum and maximum beside what is between them", () => {
  const banded = { ...series("a", [0, 1_000], [2, 5], "°C"), mins: [1, 4], maxs: [3, 6] };
  expect(csvOf([banded, series("b", [1_000], [9])], { fromMs: 0, toMs: 2_000 }).split("\r\n")).toEqual([
    "time,a (°C),a min (°C),a max (°C),b",
    "1970-01-01T00:00:00.000Z,2,1,3,",
    "1970-01-01T00:00:01.000Z,5,4,6,9",
    "",
  ]);
});

test("no name is a formula in a spreadsheet", () => {
  for (const name of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"]) expect(guardedCell(name)).toBe(`"'${name}"`);
  expect(guardedCell('=cmd|" /C calc"!A0')).toBe(`"'=cmd|"" /C calc""!A0"`);
  expect(guardedCell("pump-1")).toBe("pump-1");
});

test("what is read of a guarded cell is what was written", () => {
  const text = fc.string({ unit: fc.constantFrom("'", "=", "-", "@", '"', ",", "\n", "\t", " ", "a") });
  fc.assert(
    fc.property(text, (written) => {
      const [cell] = splitCells(guardedCell(written))!;
      expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      expect(unguarded(cell)).toBe(written);
    }),
    { seed: 5, numRuns: 500 },
  );
});

test("times are told as they are", () => {
  expect(isoText(1_764_000_000_123.456)).toBe("2025-11-24T16:00:00.123456Z");
});

test("side by side there is each point once, in order", () => {
  const column = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(column, { maxLength: 5 }), fc.integer({ min: 0, max: 20 }), (columns, fromMs) => {
      const range = { fromMs, toMs: fromMs + 15 };
      const all = columns.map((times, i) => {
        const sorted = times.sort((a, b) => a - b);
        return series(
          String(i),
          sorted,
          sorted.map((time) => time * 10 + i),
        );
      });
      const rows = [...mergedRows(all, range)];
      const shown = columns.map((times) => times.filter((ms) => ms >= range.fromMs && ms < range.toMs));
      expect(rows.map(({ timeMs }) => timeMs)).toEqual([...new Set(shown.flat())].sort((a, b) => a - b));
      for (const { timeMs, values } of rows) {
        expect(values).toEqual(columns.map((times, i) => (times.includes(timeMs) ? timeMs * 10 + i : NaN)));
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});
