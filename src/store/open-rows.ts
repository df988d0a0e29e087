/**
 * Rows of one series that a later place may still add to or replace. Places come in order of their first time; what lies
 * before the next of them is final. So memory follows how many places overlap, not how long the overlap goes on.
 */
import { firstNotBefore } from "./column.ts";
import type { RowBuffer } from "./row-buffer.ts";

interface Columns {
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  /** Of each row, when its place was written: the higher one stands. */
  readonly orders: Float64Array;
}

export type TakeRows = (timesUs: Float64Array, values: Float64Array, from: number, to: number) => void;

export class OpenRows {
  #columns = columnsOf(0);
  #other = columnsOf(0);
  #from = 0;
  #to = 0;

  get isEmpty(): boolean {
    return this.#from === this.#to;
  }

  /** Merges in rows [from, to): ascending, each time once, all written in the place `order`. */
  add({ timesUs, values }: RowBuffer, from: number, to: number, order: number): void {
    const needed = this.#to - this.#from + (to - from);
    if (this.#other.timesUs.length < needed) this.#other = columnsOf(2 * needed);
    const old = this.#columns;
    const merged = this.#other;
    let left = this.#from;
    let right = from;
    let at = 0;
    while (left < this.#to || right < to) {
      const difference = right >= to ? -1 : left >= this.#to ? 1 : old.timesUs[left] - timesUs[right];
      const takesOld = difference < 0 || (difference === 0 && old.orders[left] > order);
      merged.timesUs[at] = takesOld ? old.timesUs[left] : timesUs[right];
      merged.values[at] = takesOld ? old.values[left] : values[right];
      merged.orders[at++] = takesOld ? old.orders[left] : order;
      if (difference <= 0) left++;
      if (difference >= 0) right++;
    }
    this.#columns = merged;
    this.#other = old;
    this.#from = 0;
    this.#to = at;
  }

  clear(): void {
    this.#from = this.#to = 0;
  }

  /** Hands over and forgets what lies before a time. */
  takeBefore(timeUs: number, take: TakeRows): void {
    const { timesUs, values } = this.#columns;
    const end = firstNotBefore(timesUs, this.#from, this.#to, timeUs);
    if (end > this.#from) take(timesUs, values, this.#from, end);
    this.#from = end;
  }
}

function columnsOf(capacity: number): Columns {
  const column = () => new Float64Array(capacity);
  return { timesUs: column(), values: column(), orders: column() };
}
