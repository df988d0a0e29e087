/**
 * Of spans of rows, the times at which something was written later: there the rows do not stand. Mostly there is nothing of
 * the kind, and that is found out from the bounds of pages and chunks.
 */
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { firstAtLeast, firstNotBefore, Float64Column, groupBySlot, type Grouped } from "./column.ts";
import { PAGE_ROWS, PAGE_SHIFT, type Generation, type GenerationView, type Page } from "./head.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** By slot: ascending by series, those of one series by time, without overlap. Times inclusive. */
export interface Spans {
  readonly seriesIds: Uint32Array;
  readonly fromUs: Float64Array;
  readonly toUs: Float64Array;
}

const NONE = new Float64Array();

export class NewerTimes {
  readonly #spans: Spans;
  readonly #fromUs: number;
  readonly #toUs: number;
  readonly #slots: number[] = [];
  readonly #times = new Float64Column();
  /** By series id from the first on: its first slot plus one. Made when it is needed. */
  #firstSlots: Uint32Array | null = null;
  #bySlot: Grouped | null = null;
  #sorted = NONE;

  constructor(spans: Spans) {
    this.#spans = spans;
    this.#fromUs = spans.fromUs.reduce((earliest, timeUs) => Math.min(earliest, timeUs), Infinity);
    this.#toUs = spans.toUs.reduce((latest, timeUs) => Math.max(latest, timeUs), -Infinity);
  }

  /** Looks at the head, from row `row` of `generation` on, or at all of it. The views stay pinned meanwhile. */
  *takeHead(
    views: readonly GenerationView[],
    after: { readonly generation: Generation; readonly row: number } | null,
    slice: Slice,
  ): Generator<void, void> {
    let from = after === null ? 0 : views.findIndex(({ generation }) => generation === after.generation);
    for (; from < views.length; from++) {
      const { generation, rows } = views[from];
      const firstRow = generation === after?.generation ? after.row : 0;
      for (let at = firstRow >>> PAGE_SHIFT; at * PAGE_ROWS < rows; at++) {
        const page = generation.pages[at];
        if (page.fromUs > this.#toUs || page.toUs < this.#fromUs) continue;
        this.#takePage(page, firstRow - at * PAGE_ROWS, Math.min(PAGE_ROWS, rows - at * PAGE_ROWS));
        if (slice.over()) yield;
      }
    }
  }

  /** Looks at blocks; what of them cannot be read stands for nothing. They stay pinned meanwhile. */
  *takeBlocks(blocks: readonly Block[], reader: BlockReader, slice: Slice): Generator<void, void> {
    const { seriesIds, fromUs, toUs } = this.#spans;
    const [firstId, lastId] = [seriesIds[0], seriesIds[seriesIds.length - 1]];
    const rows = new RowBuffer();
    for (const block of blocks) {
      if (block.seriesTo < firstId || block.seriesFrom > lastId) continue;
      if (block.toUs < this.#fromUs || block.fromUs > this.#toUs) continue;
      const index = reader.index(block);
      if (index === null) continue;
      let first = 0;
      for (let slot = 0; slot < seriesIds.length; slot++) {
        first = firstAtLeast(index.seriesIds, first, index.count, seriesIds[slot]);
        for (let chunk = first; index.seriesIds[chunk] === seriesIds[slot]; chunk++) {
          if (index.toUs[chunk] < fromUs[slot] || index.fromUs[chunk] > toUs[slot]) continue;
          rows.clear();
          reader.appendChunk(block, chunk, rows, false);
          this.#takeTimes(slot, rows);
          if (slice.over()) yield;
        }
      }
      if (slice.over()) yield;
    }
  }

  /** After all was taken. */
  *settle(slice: Slice): Generator<void, void> {
    if (this.#slots.length === 0) return;
    this.#bySlot = yield* groupBySlot(this.#slots, this.#spans.seriesIds.length, slice);
    const { starts, order } = this.#bySlot;
    const times = this.#times.cells;
    this.#sorted = Float64Array.from(order, (at) => times[at]);
    for (let slot = 0; slot + 1 < starts.length; slot++) {
      if (starts[slot + 1] - starts[slot] > 1) this.#sorted.subarray(starts[slot], starts[slot + 1]).sort();
    }
  }

  get isEmpty(): boolean {
    return this.#slots.length === 0;
  }

  /** Whether there is any in a slot. */
  isIn(slot: number): boolean {
    return this.#bySlot !== null && this.#bySlot.starts[slot + 1] > this.#bySlot.starts[slot];
  }

  has(slot: number, timeUs: number): boolean {
    if (this.#bySlot === null) return false;
    const to = this.#bySlot.starts[slot + 1];
    const at = firstNotBefore(this.#sorted, this.#bySlot.starts[slot], to, timeUs);
    return at < to && this.#sorted[at] === timeUs;
  }

  /** The slot of a series that a time lies in; -1 where there is none. */
  slotOf(seriesId: number, timeUs: number): number {
    const { seriesIds, fromUs, toUs } = this.#spans;
    const firstSlots = (this.#firstSlots ??= firstSlotsOf(seriesIds));
    const at = seriesId - seriesIds[0];
    if (at < 0 || at >= firstSlots.length || firstSlots[at] === 0) return -1;
    let slot = firstSlots[at] - 1;
    while (seriesIds[slot] === seriesId && timeUs > toUs[slot]) slot++;
    return seriesIds[slot] === seriesId && timeUs >= fromUs[slot] ? slot : -1;
  }

  /** Rows that arrived in [from, to) of the page. */
  #takePage(page: Page, from: number, to: number): void {
    const isByArrival = page.runs === null;
    const end = isByArrival ? to : PAGE_ROWS;
    const [fromUs, toUs] = [this.#fromUs, this.#toUs];
    for (let row = isByArrival ? Math.max(0, from) : 0; row < end; row++) {
      const timeUs = page.timesUs[row];
      if (timeUs < fromUs || timeUs > toUs) continue;
      if (!isByArrival && (page.arrivalOrder[row] < from || page.arrivalOrder[row] >= to)) continue;
      const slot = this.slotOf(page.seriesIds[row], timeUs);
      if (slot >= 0) this.#take(slot, timeUs);
    }
  }

  #takeTimes(slot: number, { timesUs, length }: RowBuffer): void {
    const from = firstNotBefore(timesUs, 0, length, this.#spans.fromUs[slot]);
    for (let i = from; i < length && timesUs[i] <= this.#spans.toUs[slot]; i++) this.#take(slot, timesUs[i]);
  }

  #take(slot: number, timeUs: number): void {
    this.#slots.push(slot);
    this.#times.push(timeUs);
  }
}

function firstSlotsOf(seriesIds: Uint32Array): Uint32Array {
  const firstSlots = new Uint32Array(seriesIds[seriesIds.length - 1] - seriesIds[0] + 1);
  for (let slot = seriesIds.length - 1; slot >= 0; slot--) firstSlots[seriesIds[slot] - seriesIds[0]] = slot + 1;
  return firstSlots;
}
