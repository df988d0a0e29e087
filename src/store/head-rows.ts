/** Takes what a query asks for out of the head, so that the head need not wait for the query. */
import { Float64Column, groupBySlot, type Grouped } from "./column.ts";
import { PAGE_ROWS, type GenerationView, type Page } from "./head.ts";
import type { RangeQuery } from "./protocol.ts";
import type { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** Rows of the head in order of arrival, and by position of their series among the asked ones. */
export class HeadRows {
  readonly #timesUs: Float64Array;
  readonly #values: Float64Array;
  readonly #bySlot: Grouped;
  /** Earliest and latest time; Infinity and -Infinity where there are no rows. */
  readonly fromUs: number;
  readonly toUs: number;

  private constructor(timesUs: Float64Array, values: Float64Array, bySlot: Grouped) {
    this.#timesUs = timesUs;
    this.#values = values;
    this.#bySlot = bySlot;
    let [fromUs, toUs] = [Infinity, -Infinity];
    for (const timeUs of timesUs) {
      if (timeUs < fromUs) fromUs = timeUs;
      if (timeUs > toUs) toUs = timeUs;
    }
    this.fromUs = fromUs;
    this.toUs = toUs;
  }

  static *find(query: RangeQuery, head: readonly GenerationView[], slice: Slice): Generator<void, HeadRows> {
    const found = new FoundRows(query);
    for (const view of head) {
      const { generation } = view;
      const rows = query.asOfS === undefined ? view.rows : rowsArrived(view, query.asOfS);
      for (let page = 0; page * PAGE_ROWS < rows; page++) {
        found.scan(generation.pages[page], Math.min(PAGE_ROWS, rows - page * PAGE_ROWS));
        if (slice.over()) yield;
      }
    }
    const bySlot = yield* groupBySlot(found.slots.cells, query.seriesIds.length, slice);
    return new HeadRows(found.timesUs.cells, found.values.cells, bySlot);
  }

  /** Replaces what is in `into` by the rows of one series; the latest of each time, ascending. */
  *take(slot: number, into: RowBuffer, slice: Slice): Generator<void, void> {
    const { starts, order } = this.#bySlot;
    const from = starts[slot];
    into.clear();
    into.extend(starts[slot + 1] - from);
    for (let i = 0; i < into.length; i++) {
      into.timesUs[i] = this.#timesUs[order[from + i]];
      into.values[i] = this.#values[order[from + i]];
    }
    if (into.isRising) return;
    yield* into.sort(slice);
    into.keepLatest();
  }
}

/** Rows before the first one that arrived later. */
function rowsArrived({ generation, rows }: GenerationView, asOfS: number): number {
  const { runRows, runArrivalsS } = generation;
  const later = runArrivalsS.findIndex((arrivalS) => arrivalS > asOfS);
  return later < 0 ? rows : Math.min(rows, runRows[later]);
}

class FoundRows {
  readonly slots = new Float64Column();
  readonly timesUs = new Float64Column();
  readonly values = new Float64Column();
  readonly #query: RangeQuery;
  readonly #firstId: number;
  /** Position among the asked series plus one, by id from the first on. */
  readonly #slotOfId: Uint32Array;

  constructor(query: RangeQuery) {
    const { seriesIds } = query;
    this.#query = query;
    const [firstId, lastId] = idRange(seriesIds);
    this.#firstId = firstId;
    this.#slotOfId = new Uint32Array(lastId - firstId + 1);
    for (let slot = 0; slot < seriesIds.length; slot++) this.#slotOfId[seriesIds[slot] - this.#firstId] = slot + 1;
  }

  scan(page: Page, filled: number): void {
    const { fromUs, toUs } = this.#query;
    if (page.toUs < fromUs || page.fromUs >= toUs) return;
    const { seriesIds, timesUs, values } = page;
    const slotOfId = this.#slotOfId;
    const firstId = this.#firstId;
    for (let row = 0; row < filled; row++) {
      const at = seriesIds[row] - firstId;
      if (at < 0 || at >= slotOfId.length) continue;
      const slot = slotOfId[at];
      if (slot === 0) continue;
      const timeUs = timesUs[row];
      if (timeUs < fromUs || timeUs >= toUs) continue;
      this.slots.push(slot - 1);
      this.timesUs.push(timeUs);
      this.values.push(values[row]);
    }
  }
}

/** The smallest and the largest of some series ids; 0 and -1 where there are none. */
export function idRange(seriesIds: Uint32Array): [first: number, last: number] {
  if (seriesIds.length === 0) return [0, -1];
  let [first, last] = [Infinity, -Infinity];
  for (const id of seriesIds) {
    if (id < first) first = id;
    if (id > last) last = id;
  }
  return [first, last];
}
