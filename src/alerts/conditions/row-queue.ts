/**
 * Rows of doubles in one ring buffer, added at one end: windows of many series hold too many samples for objects. Room
 * doubles when it is full and halves when three quarters of it are empty, so a row costs amortized constant time and
 * memory follows what is kept. Rows are counted from the oldest, which is 0.
 */
export class RowQueue {
  readonly #width: number;
  readonly #rowsMin: number;
  #cells: Float64Array;
  /** Of the oldest. */
  #position = 0;
  /** Of positions: there is room for a power of two. */
  #mask: number;
  #length = 0;

  /** `rowsMin`, a power of two: there always is room for so many. */
  constructor(width: number, rowsMin = 4) {
    this.#width = width;
    this.#rowsMin = rowsMin;
    this.#cells = new Float64Array(rowsMin * width);
    this.#mask = rowsMin - 1;
  }

  get length(): number {
    return this.#length;
  }

  get(row: number, column: number): number {
    return this.#cells[((this.#position + row) & this.#mask) * this.#width + column];
  }

  set(row: number, column: number, value: number): void {
    this.#cells[((this.#position + row) & this.#mask) * this.#width + column] = value;
  }

  /** The number of a new row, whose cells are to be set. */
  push(): number {
    if (this.#length > this.#mask) this.#resize(2 * this.#length);
    return this.#length++;
  }

  /** Drops the oldest. */
  shift(): void {
    this.#position = (this.#position + 1) & this.#mask;
    this.#length--;
    this.#shrink();
  }

  /** Drops the newest. */
  pop(): void {
    this.#length--;
    this.#shrink();
  }

  #shrink(): void {
    const rows = this.#mask + 1;
    if (rows > this.#rowsMin && 4 * this.#length <= rows) this.#resize(rows / 2);
  }

  #resize(rows: number): void {
    const width = this.#width;
    const cells = new Float64Array(rows * width);
    const untilEnd = Math.min(this.#length, this.#mask + 1 - this.#position);
    cells.set(this.#cells.subarray(this.#position * width, (this.#position + untilEnd) * width));
    cells.set(this.#cells.subarray(0, (this.#length - untilEnd) * width), untilEnd * width);
    this.#cells = cells;
    this.#position = 0;
    this.#mask = rows - 1;
  }
}
