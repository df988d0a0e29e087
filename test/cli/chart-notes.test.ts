/** Notes below a chart: where their marks stand, and what is said of them. */
import { expect, test } from "bun:test";
import { chart } from "../../src/cli/chart.ts";
import { noteLines, type ChartNote } from "../../src/cli/chart-notes.ts";

const START_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1_000;
const TIMES = { firstMs: START_MS, lastMs: START_MS + 20 * SECOND_MS, columns: 21 };

function note(fromS: number, text: string, toS: number | null = null): ChartNote {
  return { fromMs: START_MS + fromS * SECOND_MS, toMs: toS === null ? null : START_MS + toS * SECOND_MS, text };
}

const lines = (notes: readonly ChartNote[], width = 80) => noteLines(notes, TIMES, width);

test("a letter at each time, in order, and what it says", () => {
  expect(lines([note(12, "second"), note(3, "first")])).toEqual([
    "   a        b",
    "a  2026-01-01T00:00:03Z  first",
    "b  2026-01-01T00:00:12Z  second",
  ]);
  expect(lines([])).toEqual([]);
});

test("ranges go on to their end, and stand behind letters", () => {
  expect(lines([note(3, "range", 9), note(5, "point")])).toEqual([
    "   a─b───┤",
    "a  2026-01-01T00:00:03Z to 2026-01-01T00:00:09Z  range",
    "b  2026-01-01T00:00:05Z  point",
  ]);
});

test("what is outside of the axis stands at its edge, and letters never cover each other", () => {
  expect(lines([note(-50, "x"), note(-40, "x"), note(30, "x"), note(40, "x")])[0]).toBe(`ab${" ".repeat(17)}dc`);
  expect(lines([note(-50, "x", 90)])[0]).toBe(`a${"─".repeat(19)}┤`);
});

test("of many the latest, and none longer than the chart", () => {
  const many = Array.from({ length: 20 }, (_, i) => note(i, `note ${i}`));
  const [marks, more, first] = lines(many);
  expect(marks.trim()).toBe("abcdefghijkl");
  expect([more, first]).toEqual(["and 8 before", "a  2026-01-01T00:00:08Z  note 8"]);
  expect(lines([note(1, "日本".repeat(40))], 40).map((line) => Bun.stringWidth(line) <= 40)).toEqual([true, true]);
});

test("between the axis and its times, then below them, as wide as the chart", () => {
  const series = { timesMs: [START_MS, START_MS + 20 * SECOND_MS], values: [1, 2] };
  const drawn = chart(series, { width: 0, height: 2, gapFactor: 3, notes: [note(10, "half way")] }).split("\n");
  expect(drawn.slice(2)).toEqual([
    "  └────────────────────",
    "             a",
    "   2026-01-01T00:00:00Z  2026-01-01T00:00:20Z",
    "   a  2026-01-01T00:00…",
  ]);
});
