/** Brings the rows of a page together by series: a stable radix sort of their positions, which fits the caches. */

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

export class PageOrder {
  readonly #counts = new Uint32Array(DIGITS);
  #order: Uint16Array;
  #spare: Uint16Array;

  /** For pages of at most `rowsMax` rows, no more than 65,536. */
  constructor(rowsMax: number) {
    this.#order = new Uint16Array(rowsMax);
    this.#spare = new Uint16Array(rowsMax);
  }

  /** Positions of the first `rows` rows, ascending by series id, those of one series in their order; valid until the next call. */
  of(seriesIds: Uint32Array, rows: number): Uint16Array {
    const [smallest, largest] = boundsOf(seriesIds, rows);
    for (let i = 0; i < rows; i++) this.#order[i] = i;
    for (let shift = 0; shift < 32 && (largest - smallest) >>> shift > 0; shift += DIGIT_BITS) {
      this.#sortByDigit(seriesIds, rows, smallest, shift);
      [this.#order, this.#spare] = [this.#spare, this.#order];
    }
    return this.#order.subarray(0, rows);
  }

  #sortByDigit(seriesIds: Uint32Array, rows: number, smallest: number, shift: number): void {
    const counts = this.#counts;
    const [from, to] = [this.#order, this.#spare];
    counts.fill(0);
    for (let i = 0; i < rows; i++) counts[((seriesIds[i] - smallest) >>> shift) & (DIGITS - 1)]++;
    let start = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = counts[digit];
      counts[digit] = start;
      start += count;
    }
    for (let i = 0; i < rows; i++) {
      const row = from[i];
      to[counts[((seriesIds[row] - smallest) >>> shift) & (DIGITS - 1)]++] = row;
    }
  }
}

/** The smallest and the largest of the first `rows` ids; 0 twice where there are none. */
function boundsOf(seriesIds: Uint32Array, rows: number): [smallest: number, largest: number] {
  let [smallest, largest] = rows === 0 ? [0, 0] : [seriesIds[0], seriesIds[0]];
  for (let i = 1; i < rows; i++) {
    const id = seriesIds[i];
    if (id < smallest) smallest = id;
    if (id > largest) largest = id;
  }
  return [smallest, largest];
}

/** Rows that are by series: `ids[i]`, ascending, has those from `starts[i]` to before `starts[i + 1]`. */
export interface SeriesRuns {
  readonly ids: Uint32Array;
  readonly starts: Uint32Array;
}

/** Of the first `rows` rows, which are by series. */
export function runsOf(seriesIds: Uint32Array, rows: number): SeriesRuns {
  let count = rows > 0 ? 1 : 0;
  for (let i = 1; i < rows; i++) if (seriesIds[i] !== seriesIds[i - 1]) count++;
  const ids = new Uint32Array(count);
  const starts = new Uint32Array(count + 1);
  let run = 0;
  for (let i = 0; i < rows; i++) {
    if (i > 0 && seriesIds[i] === seriesIds[i - 1]) continue;
    ids[run] = seriesIds[i];
    starts[run++] = i;
  }
  starts[count] = rows;
  return { ids, starts };
}
