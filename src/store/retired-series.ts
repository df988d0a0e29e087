/** Series that were deleted, by id: their points are dropped wherever they are written again. */
export class RetiredSeries {
  /** 1 where the id is retired. */
  #marks = new Uint8Array(0);
  #version = 0;

  constructor(seriesIds: Uint32Array = new Uint32Array(0)) {
    this.add(seriesIds);
  }

  /** Rises with every deletion; 0 while there was none. */
  get version(): number {
    return this.#version;
  }

  add(seriesIds: Uint32Array): void {
    if (seriesIds.length === 0) return;
    this.#version++;
    const end = 1 + seriesIds.reduce((largest, id) => Math.max(largest, id), 0);
    if (end > this.#marks.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#marks.length));
      larger.set(this.#marks);
      this.#marks = larger;
    }
    for (const id of seriesIds) this.#marks[id] = 1;
  }

  has(seriesId: number): boolean {
    return seriesId < this.#marks.length && this.#marks[seriesId] === 1;
  }

  /** Whether one of them lies in [seriesFrom, seriesTo]. */
  anyIn(seriesFrom: number, seriesTo: number): boolean {
    return this.#marks.subarray(seriesFrom, seriesTo + 1).includes(1);
  }
}
