/** Series over time as a table of cells, and how strong each is. Pure. */

interface HeatInput {
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
}

export interface HeatCells {
  readonly columns: number;
  readonly rows: number;
  /** Row by row; NaN: nothing is known. The last value where several fall into one cell. */
  readonly values: Float64Array;
  readonly min: number;
  readonly max: number;
}

/** A column is a step of [fromMs, toMs); the last one may reach beyond. Points outside are left out. */
export function heatCells(series: readonly HeatInput[], fromMs: number, toMs: number, stepMs: number): HeatCells {
  const columns = Math.max(1, Math.ceil((toMs - fromMs) / stepMs));
  const values = new Float64Array(columns * series.length).fill(NaN);
  for (const [row, each] of series.entries()) {
    for (let i = 0; i < each.timesMs.length; i++) {
      const column = Math.floor((each.timesMs[i] - fromMs) / stepMs);
      if (column >= 0 && column < columns) values[row * columns + column] = each.values[i];
    }
  }
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { columns, rows: series.length, values, min, max };
}

/** 0 at min to 1 at max and beyond; on a logarithmic scale by the order of magnitude. Without a range: the middle. */
export function strengthOf(value: number, min: number, max: number, isLog: boolean): number {
  if (!(max > min)) return 0.5;
  const scaled =
    isLog && min > 0 ? Math.log(Math.max(value, min) / min) / Math.log(max / min) : (value - min) / (max - min);
  return Math.max(0, Math.min(1, scaled));
}

export interface CellPlace {
  readonly row: number;
  readonly column: number;
}

/** Where a key leads, from the newest of the first series on; undefined: nowhere. */
export function cellAfter(
  key: string,
  from: CellPlace | undefined,
  { rows, columns }: Pick<HeatCells, "rows" | "columns">,
): CellPlace | undefined {
  const [down, right] = STEPS[key] ?? [0, 0];
  if (down === 0 && right === 0) return undefined;
  if (from === undefined) return { row: 0, column: columns - 1 };
  const within = (at: number, count: number) => Math.max(0, Math.min(count - 1, at));
  return { row: within(from.row + down, rows), column: within(from.column + right, columns) };
}

const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
};
