/** Growing typed columns, and what is looked up in columns. */
import type { Slice } from "./slice.ts";

export class Float64Column {
  #cells: Float64Array;
  length = 0;

  constructor(capacity = 256) {
    this.#cells = new Float64Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.#cells.length) this.#reserve(1);
    this.#cells[this.length++] = value;
  }

  append(values: Float64Array): void {
    if (this.length + values.length > this.#cells.length) this.#reserve(values.length);
    this.#cells.set(values, this.length);
    this.length += values.length;
  }

  /** A view; valid until the next change. */
  get cells(): Float64Array {
    return this.#cells.subarray(0, this.length);
  }

  #reserve(more: number): void {
    const larger = new Float64Array(Math.max(this.length + more, 2 * this.#cells.length));
    larger.set(this.cells);
    this.#cells = larger;
  }
}

/** Positions brought together by slot, in their order within each: slot s has `order[starts[s] .. starts[s + 1])`. */
export interface Grouped {
  readonly starts: Uint32Array;
  readonly order: Uint32Array;
}

const ROWS_PER_CHECK = 65_536;

export function* groupBySlot(slots: ArrayLike<number>, slotCount: number, slice: Slice): Generator<void, Grouped> {
  const starts = new Uint32Array(slotCount + 1);
  for (let i = 0; i < slots.length;) {
    for (const end = Math.min(i + ROWS_PER_CHECK, slots.length); i < end; i++) starts[slots[i] + 1]++;
    if (slice.over()) yield;
  }
  for (let slot = 0; slot < slotCount; slot++) starts[slot + 1] += starts[slot];
  const order = new Uint32Array(slots.length);
  const next = starts.slice();
  for (let i = 0; i < slots.length;) {
    for (const end = Math.min(i + ROWS_PER_CHECK, slots.length); i < end; i++) order[next[slots[i]]++] = i;
    if (slice.over()) yield;
  }
  return { starts, order };
}

/** The first position in [from, to) whose time is at or after `timeUs`; `to` when there is none. Ascending times. */
export function firstNotBefore(timesUs: Float64Array, from: number, to: number, timeUs: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesUs[middle] < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first position in [from, to) whose id is at least `id`; `to` when there is none. Ascending ids. Gallops: neighbours are near. */
export function firstAtLeast(ids: Uint32Array, from: number, to: number, id: number): number {
  let low = from;
  let stride = 1;
  while (low + stride < to && ids[low + stride] < id) {
    low += stride;
    stride *= 2;
  }
  let high = Math.min(to, low + stride);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Each at least the one before it. */
export function isAscending(ids: Uint32Array): boolean {
  for (let i = 1; i < ids.length; i++) if (ids[i] < ids[i - 1]) return false;
  return true;
}
