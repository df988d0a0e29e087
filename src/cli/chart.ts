/** A line chart of one series for the terminal: pure, from columns to text. */
import { noteLines, type ChartNote } from "./chart-notes.ts";
import { formatValue } from "./watch-table.ts";

/** Columns of equal length, ascending in time; NaN where there is no value. */
export interface ChartSeries {
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
}

export interface ChartOptions {
  /** Of the whole text; a narrow one is exceeded. */
  readonly width: number;
  /** Lines above the axis. */
  readonly height: number;
  /** The line is broken where two points are further apart than so many of the longer times between two points. */
  readonly gapFactor: number;
  readonly notes?: readonly ChartNote[];
}

const COLUMNS_MIN = 20;
/** Times between two points that a gap is measured by: nearly the longest, so that uneven points stay one line. */
const USUAL_QUANTILE = 0.9;
const FIXED_DIGITS_MAX = 100;

/** Sides that a line leaves a cell by. */
const UP = 1;
const DOWN = 2;
const LEFT = 4;
const RIGHT = 8;
const POINT = 16;
/** By the sides. */
const GLYPHS = " │││─╯╮┤─╰╭├─┴┬┼";
const LONE_POINT = "•";

/**
 * Lines of text with the values at the left and the first and last time below, then the notes; "" where there are not two
 * points.
 */
export function chart({ timesMs, values }: ChartSeries, options: ChartOptions): string {
  const { width, height, gapFactor, notes = [] } = options;
  const bounds = boundsOf(values);
  if (bounds.count < 2) return "";
  const rows = bounds.max / 2 === bounds.min / 2 ? 1 : Math.max(2, height);
  const labels = labelsOf(bounds, rows);
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const columns = Math.max(COLUMNS_MIN, width - labelWidth - 2);
  const first = values.findIndex(Number.isFinite);
  const last = values.findLastIndex(Number.isFinite);
  const lengthMs = timesMs[last] - timesMs[first] || 1;
  const plot = new Plot(rows, columns);
  const gapMs = gapFactor * usualMsBetween(timesMs);
  for (let i = first; i <= last; i++) {
    if (!Number.isFinite(values[i])) {
      plot.lift();
      continue;
    }
    if (timesMs[i] - timesMs[i - 1] > gapMs) plot.lift();
    const column = Math.round(((timesMs[i] - timesMs[first]) / lengthMs) * (columns - 1));
    plot.lineTo(column, Math.round(depthOf(values[i], bounds) * (rows - 1)));
  }
  const lines = plot.lines().map((line, row) => `${labels[row].padStart(labelWidth)} ┤${line}`.trimEnd());
  const margin = " ".repeat(labelWidth + 1);
  const axis = { firstMs: timesMs[first], lastMs: timesMs[last], columns };
  const [marks, ...texts] = noteLines(notes, axis, columns);
  return [
    ...lines,
    `${margin}└${"─".repeat(columns)}`,
    ...(marks === undefined ? [] : [`${margin} ${marks}`]),
    `${margin} ${timesLine(timesMs[first], timesMs[last], columns)}`,
    ...texts.map((text) => `${margin} ${text}`),
  ].join("\n");
}

/** Cells that a pen draws lines through. */
class Plot {
  readonly #columns: number;
  readonly #cells: Uint8Array[];
  #pen: { readonly column: number; readonly row: number } | undefined;

  constructor(rows: number, columns: number) {
    this.#columns = columns;
    this.#cells = Array.from({ length: rows }, () => new Uint8Array(columns));
  }

  /** The next point begins a line. */
  lift(): void {
    this.#pen = undefined;
  }

  lineTo(column: number, row: number): void {
    this.#cells[row][column] |= POINT;
    const from = this.#pen ?? { column, row };
    this.#pen = { column, row };
    const slope = (row - from.row) / Math.max(1, column - from.column);
    let reached = from.row;
    for (let at = from.column; at < column; at++) {
      this.#cells[reached][at] |= RIGHT;
      this.#cells[reached][at + 1] |= LEFT;
      const next = Math.round(from.row + slope * (at + 1 - from.column));
      this.#rise(at + 1, reached, next);
      reached = next;
    }
    this.#rise(column, reached, row);
  }

  #rise(column: number, from: number, to: number): void {
    for (let row = Math.min(from, to); row < Math.max(from, to); row++) {
      this.#cells[row][column] |= DOWN;
      this.#cells[row + 1][column] |= UP;
    }
  }

  lines(): string[] {
    return this.#cells.map((cells) =>
      Array.from({ length: this.#columns }, (_, at) =>
        cells[at] === POINT ? LONE_POINT : GLYPHS[cells[at] & ~POINT],
      ).join(""),
    );
  }
}

interface Bounds {
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

/** Of the values that are numbers. */
function boundsOf(values: readonly number[]): Bounds {
  let [count, min, max] = [0, Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    count++;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { count, min, max };
}

/** From 0 at the highest value to 1 at the lowest. Halves, because the difference of two doubles may be none. */
function depthOf(value: number, { min, max }: Bounds): number {
  return max / 2 === min / 2 ? 0 : (max / 2 - value / 2) / (max / 2 - min / 2);
}

/** As short as tells the rows apart. */
function labelsOf({ min, max }: Bounds, rows: number): string[] {
  if (rows === 1) return [formatValue(max)];
  const values = Array.from({ length: rows }, (_, row) => {
    const depth = row / (rows - 1);
    return max * (1 - depth) + min * depth;
  });
  const log10OfStep = Math.log10((max / 2 - min / 2) / (rows - 1)) + Math.log10(2);
  const digits = Math.min(Math.max(1 - Math.floor(log10OfStep), 0), FIXED_DIGITS_MAX);
  const fixed = values.map((value) => value.toFixed(digits));
  const labels = fixed.map((text) => formatValue(Number(text)));
  return new Set(labels).size === rows ? labels : fixed;
}

function usualMsBetween(timesMs: readonly number[]): number {
  const between = Float64Array.from({ length: timesMs.length - 1 }, (_, i) => timesMs[i + 1] - timesMs[i]).sort();
  return between[Math.floor(USUAL_QUANTILE * (between.length - 1))];
}

function timesLine(firstMs: number, lastMs: number, columns: number): string {
  const [first, last] = [firstMs, lastMs].map((timeMs) => new Date(timeMs).toISOString().replace(".000Z", "Z"));
  return `${first}${" ".repeat(Math.max(2, columns - first.length - last.length))}${last}`;
}
