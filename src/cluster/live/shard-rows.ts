/** Points that wait to be sent to other nodes, by shard. Pure. */
import type { Rows } from "./live-frame.ts";

const ROWS_MIN = 256;
const ROWS_MAX_KEPT = 64 * 1024;

/** Columns that grow. */
export class ShardRows {
  #columns = columnsOf(ROWS_MIN);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(seriesId: number, timeUs: number, value: number): void {
    if (this.#count === this.#columns.ids.length) this.#grow();
    const { ids, timesUs, values } = this.#columns;
    const row = this.#count++;
    ids[row] = seriesId;
    timesUs[row] = timeUs;
    values[row] = value;
  }

  /** What is in it, as long as nothing is added. */
  get columns(): readonly [ids: Uint8Array, timesUs: Uint8Array, values: Uint8Array] {
    const [ids, times, values] = this.#columns.buffers;
    const cells = this.#count * 8;
    return [new Uint8Array(ids, 0, this.#count * 4), new Uint8Array(times, 0, cells), new Uint8Array(values, 0, cells)];
  }

  /** The same, as it was read. */
  get rows(): Rows {
    const { ids, timesUs, values } = this.#columns;
    return { count: this.#count, seriesIds: ids.subarray(0, this.#count), timesUs, values };
  }

  clear(): void {
    this.#count = 0;
    // What a burst took is not kept for ever.
    if (this.#columns.ids.length > ROWS_MAX_KEPT) this.#columns = columnsOf(ROWS_MIN);
  }

  #grow(): void {
    const { ids, timesUs, values } = this.#columns;
    const grown = columnsOf(ids.length * 2);
    grown.ids.set(ids);
    grown.timesUs.set(timesUs);
    grown.values.set(values);
    this.#columns = grown;
  }
}

/** With their buffers: what an array has without one is moved into one when it is asked for, which costs more than a few rows do. */
function columnsOf(rows: number) {
  const buffers = [4, 8, 8].map((bytes) => new ArrayBuffer(rows * bytes));
  const [ids, times, values] = buffers;
  return { buffers, ids: new Uint32Array(ids), timesUs: new Float64Array(times), values: new Float64Array(values) };
}
