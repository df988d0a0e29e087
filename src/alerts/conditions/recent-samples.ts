/**
 * Samples as they came, time and value side by side in one array of doubles, oldest first: what a state keeps while it need
 * not know more of its window. A new one is written behind the others, which touches one line of cache; what has left the
 * window is dropped when the array is full. For windows that are asked for much later than their samples come.
 *
 * They are functions over an array that its owner has itself, since states of many series are out of cache whenever they
 * are come to, and each object on the way is waited for.
 */

/** Cells of a sample: its time, then its value. */
export const SAMPLE_CELLS = 2;
const SAMPLES_MIN = 8;
/** Room for so many is not given back. */
const SAMPLES_FEW = 32;
/** Room for so many more is enough however many there are. */
const SPARE_MAX = 128;

export function emptyCells(): Float64Array {
  return new Float64Array(SAMPLES_MIN * SAMPLE_CELLS);
}

/** Drops samples up to a time; returns how many cells are used then. */
export function droppedUntil(cells: Float64Array, used: number, untilUs: number): number {
  let from = 0;
  while (from < used && cells[from] <= untilUs) from += SAMPLE_CELLS;
  if (from > 0) cells.copyWithin(0, from, used);
  return used - from;
}

/** With room for more, or less of it where most is free: amortized, a sample costs constant time. */
export function fittedCells(cells: Float64Array, used: number): Float64Array {
  const room = cells.length;
  const isScarce = 2 * used > room && used + (SPARE_MAX / 2) * SAMPLE_CELLS > room;
  const isAmple = room > SAMPLES_FEW * SAMPLE_CELLS && 4 * used < room;
  if (!isScarce && !isAmple) return cells;
  let samples = SAMPLES_MIN;
  while (samples * SAMPLE_CELLS < 2 * used) samples *= 2;
  const fitted = new Float64Array(Math.min(samples * SAMPLE_CELLS, used + SPARE_MAX * SAMPLE_CELLS));
  // What is viewed in part is given a buffer object first, which takes longer than this.
  for (let at = 0; at < used; at++) fitted[at] = cells[at];
  return fitted;
}

/** Whether so many samples are worth {@link thinned}: fewer go by their age alone, which is less work. */
export function isWorthThinning(used: number): boolean {
  return 2 * used > SAMPLES_FEW * SAMPLE_CELLS;
}

/**
 * Drops samples that neither are the largest (`areHigh`) nor the smallest (`areLow`) of any window that ends with the
 * newest sample or later; returns how many cells are used then. Of a pane, whose samples leave together, the largest and
 * the smallest are left at most, with the time of its newest.
 */
export function thinned(cells: Float64Array, used: number, paneUs: number, areHigh: boolean, areLow: boolean): number {
  let highest = -Infinity;
  let lowest = Infinity;
  let to = used;
  for (let from = used; from > 0;) {
    const timeUs = cells[from - 2];
    const paneFromUs = Math.floor(timeUs / paneUs) * paneUs;
    let high = cells[from - 1];
    let low = high;
    for (from -= SAMPLE_CELLS; from > 0 && cells[from - 2] >= paneFromUs; from -= SAMPLE_CELLS) {
      const value = cells[from - 1];
      if (value > high) high = value;
      if (value < low) low = value;
    }
    const isHigh = areHigh && high > highest;
    const isLow = areLow && low < lowest;
    // Both may be one sample, and there never is room for more than there was.
    if (isLow && !(isHigh && low === high)) {
      cells[--to] = low;
      cells[--to] = timeUs;
    }
    if (isHigh) {
      cells[--to] = high;
      cells[--to] = timeUs;
    }
    if (isHigh) highest = high;
    if (isLow) lowest = low;
  }
  cells.copyWithin(0, to, used);
  return used - to;
}
