import { Panes, PANES_OF_WINDOW } from "./panes.ts";
import { RowQueue } from "./row-queue.ts";

const [TIME, VALUE] = [0, 1];
const COLUMNS = 2;
/** Below it the number of candidates goes up and down all the time. */
const ROWS_MIN = 16;

/**
 * Maximum or minimum of a window, in amortized constant time: a queue of what may still become it, in which each value is
 * smaller (larger) than the one before (the ascending minima algorithm, Harter 2001).
 */
export class ExtremeWindow {
  readonly #overUs: number;
  readonly #sign: 1 | -1;
  readonly #panes: Panes;
  readonly #rows = new RowQueue(COLUMNS, ROWS_MIN);

  constructor(overUs: number, extreme: "min" | "max") {
    this.#overUs = overUs;
    this.#sign = extreme === "max" ? 1 : -1;
    this.#panes = new Panes(overUs / PANES_OF_WINDOW);
  }

  /** The extreme of the window that ends with this sample; times ascend strictly. */
  take(timeUs: number, value: number): number {
    const rows = this.#rows;
    const signed = this.#sign * value;
    while (rows.length > 0 && rows.get(0, TIME) <= timeUs - this.#overUs) rows.shift();
    if (!this.#panes.begins(timeUs) && rows.get(rows.length - 1, VALUE) > signed) {
      // The newest row is that of this pane, and stays for as long as its newest sample.
      rows.set(rows.length - 1, TIME, timeUs);
    } else {
      while (rows.length > 0 && rows.get(rows.length - 1, VALUE) <= signed) rows.pop();
      const row = rows.push();
      rows.set(row, TIME, timeUs);
      rows.set(row, VALUE, signed);
    }
    return this.#sign * rows.get(0, VALUE);
  }
}
