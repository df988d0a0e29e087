/** Searching ascending columns. */
import type { Column } from "../charts/plot-model.ts";

/** How many are below `value`, as far as `to`; it is known of those before `from`. */
export function countBelow(column: Column, value: number, to = column.length, from = 0): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many are not above `value`, each there once. */
export function countUpTo(column: Column, value: number): number {
  const below = countBelow(column, value);
  return column[below] === value ? below + 1 : below;
}

/** The one that is nearest; -1 of none. */
export function nearestIndex(column: Column, value: number): number {
  const after = countBelow(column, value);
  if (after === 0) return column.length === 0 ? -1 : 0;
  if (after === column.length) return after - 1;
  return value - column[after - 1] <= column[after] - value ? after - 1 : after;
}
