const ROOM_MIN = 4;

/** Values in ascending order, each as often as it was added. Adding and removing move what lies behind. */
export class SortedValues {
  #cells = new Float64Array(ROOM_MIN);
  #length = 0;
  #view: Float64Array | null = null;

  get length(): number {
    return this.#length;
  }

  /** A view; valid until the next change. */
  get ascending(): Float64Array {
    // Most windows hold as many values as before: one leaves for one that comes.
    if (this.#view?.length !== this.#length) this.#view = this.#cells.subarray(0, this.#length);
    return this.#view;
  }

  add(value: number): void {
    if (this.#length === this.#cells.length) this.#resize(2 * this.#length);
    const at = this.#firstAtLeast(value);
    this.#cells.copyWithin(at + 1, at, this.#length++);
    this.#cells[at] = value;
  }

  /** Removes one that is equal to `value`, which must be there. */
  remove(value: number): void {
    const at = this.#firstAtLeast(value);
    this.#cells.copyWithin(at, at + 1, this.#length--);
    const room = this.#cells.length;
    if (room > ROOM_MIN && 4 * this.#length <= room) this.#resize(room / 2);
  }

  #firstAtLeast(value: number): number {
    const cells = this.#cells;
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cells[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #resize(room: number): void {
    const cells = new Float64Array(room);
    cells.set(this.#cells.subarray(0, this.#length));
    this.#cells = cells;
    this.#view = null;
  }
}
