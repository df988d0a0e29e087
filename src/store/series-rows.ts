/** Rows of one series of an answer, ascending by time; reused from one series to the next. */
import { Float64Column } from "./column.ts";

export class SeriesRows {
  readonly #timesUs: Float64Column;
  readonly #values: Float64Column;

  /** `capacity`: rows there is room for from the start. */
  constructor(capacity = 256) {
    this.#timesUs = new Float64Column(capacity);
    this.#values = new Float64Column(capacity);
  }

  get length(): number {
    return this.#timesUs.length;
  }

  /** A view; valid until the next change. */
  get timesUs(): Float64Array {
    return this.#timesUs.cells;
  }

  /** A view; valid until the next change. */
  get values(): Float64Array {
    return this.#values.cells;
  }

  clear(): void {
    this.#timesUs.length = 0;
    this.#values.length = 0;
  }

  push(timeUs: number, value: number): void {
    this.#timesUs.push(timeUs);
    this.#values.push(value);
  }

  append(timesUs: Float64Array, values: Float64Array): void {
    this.#timesUs.append(timesUs);
    this.#values.append(values);
  }
}
