/** Notes below the chart of a series: a letter at each one's time, and what it says. Pure, from times to text. */
import { cut } from "./fit-text.ts";

/** One line of text, without what steers a terminal. Unix milliseconds. */
export interface ChartNote {
  readonly fromMs: number;
  /** Null: it is at one time. */
  readonly toMs: number | null;
  readonly text: string;
}

export interface ChartTimes {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly columns: number;
}

/** As many as leave the chart in sight. */
const SHOWN_MAX = 12;
const LETTERS = "abcdefghijkl";

/**
 * A line of marks under the time axis, then a line for each note, none longer than `width`; the earliest first, and of many the
 * latest. A range goes on with a line to its end. What is before or after the axis stands at its edge.
 */
export function noteLines(notes: readonly ChartNote[], times: ChartTimes, width: number): string[] {
  if (notes.length === 0) return [];
  const inOrder = notes.toSorted((a, b) => a.fromMs - b.fromMs);
  const shown = inOrder.slice(-SHOWN_MAX);
  const cells = new Array<string>(times.columns).fill(" ");
  for (const { fromMs, toMs } of shown) {
    if (toMs === null) continue;
    const end = columnOf(toMs, times);
    for (let at = columnOf(fromMs, times); at < end; at++) cells[at] = "─";
    cells[end] = "┤";
  }
  for (const [i, { fromMs }] of shown.entries()) cells[freeColumn(cells, columnOf(fromMs, times))] = LETTERS[i];
  const lines = shown.map(({ fromMs, toMs, text }, i) => {
    const end = toMs === null ? "" : ` to ${isoOf(toMs)}`;
    return cut(`${LETTERS[i]}  ${isoOf(fromMs)}${end}  ${text}`, width);
  });
  const more = inOrder.length > shown.length ? [`and ${inOrder.length - shown.length} before`] : [];
  return [cells.join("").trimEnd(), ...more, ...lines];
}

function columnOf(timeMs: number, { firstMs, lastMs, columns }: ChartTimes): number {
  const part = (timeMs - firstMs) / (lastMs - firstMs || 1);
  return Math.round(Math.min(Math.max(part, 0), 1) * (columns - 1));
}

/** The column itself, or the nearest one behind or before it that has no letter. */
function freeColumn(cells: readonly string[], column: number): number {
  const isFree = (at: number) => !LETTERS.includes(cells[at]);
  for (let at = column; at < cells.length; at++) if (isFree(at)) return at;
  for (let at = column; at > 0; at--) if (isFree(at)) return at;
  return column;
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}
