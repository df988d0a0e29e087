/** Finds what a query asks for in the head. Rows are not copied: the pages must stay as long as it is read. */
import { PAGE_MASK, PAGE_ROWS, PAGE_SHIFT, type GenerationView, type Page } from "./head.ts";
import type { RangeQuery } from "./protocol.ts";
import type { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** A page as the query found it: later rows are not looked at. */
interface PageView {
  readonly page: Page;
  readonly rows: number;
}

/** Rows of the head by position of their series among the asked ones, of each in order of arrival. */
export class HeadRows {
  readonly #pages: readonly PageView[];
  /** Slot s has `#order[#starts[s] .. #starts[s + 1])`: page and row in it. */
  readonly #starts: Uint32Array;
  readonly #order: Uint32Array;
  /** Earliest and latest time; Infinity and -Infinity where there are no rows. */
  readonly fromUs: number;
  readonly toUs: number;

  private constructor(pages: readonly PageView[], starts: Uint32Array, order: Uint32Array, wanted: WantedRows) {
    this.#pages = pages;
    this.#starts = starts;
    this.#order = order;
    this.fromUs = wanted.fromUs;
    this.toUs = wanted.toUs;
  }

  /** Counts, then places: fresh memory is dear, so only the order takes some, and of the right size. */
  static *find(query: RangeQuery, head: readonly GenerationView[], slice: Slice): Generator<void, HeadRows> {
    const wanted = new WantedRows(query);
    const slots = query.seriesIds.length;
    const starts = new Uint32Array(slots + 1);
    const pages: PageView[] = [];
    for (const view of pagesOf(query, head)) {
      if (wanted.count(view, starts) > 0) pages.push(view);
      if (slice.over()) yield;
    }
    for (let slot = 0; slot < slots; slot++) starts[slot + 1] += starts[slot];
    const order = new Uint32Array(starts[slots]);
    const next = starts.slice();
    for (const [at, view] of pages.entries()) {
      wanted.place(view, at << PAGE_SHIFT, next, order);
      if (slice.over()) yield;
    }
    return new HeadRows(pages, starts, order, wanted);
  }

  /** Replaces what is in `into` by the rows of one series; the latest of each time, ascending. */
  *take(slot: number, into: RowBuffer, slice: Slice): Generator<void, void> {
    const from = this.#starts[slot];
    into.clear();
    into.extend(this.#starts[slot + 1] - from);
    for (let i = 0; i < into.length; i++) {
      const at = this.#order[from + i];
      const { page } = this.#pages[at >>> PAGE_SHIFT];
      into.timesUs[i] = page.timesUs[at & PAGE_MASK];
      into.values[i] = page.values[at & PAGE_MASK];
    }
    if (into.isRising) return;
    yield* into.sort(slice);
    into.keepLatest();
  }
}

/** Pages that can have rows of the range. */
function* pagesOf({ fromUs, toUs, asOfS }: RangeQuery, head: readonly GenerationView[]): Generator<PageView, void> {
  for (const view of head) {
    const rows = asOfS === undefined ? view.rows : rowsArrived(view, asOfS);
    for (let at = 0; at * PAGE_ROWS < rows; at++) {
      const page = view.generation.pages[at];
      if (page.toUs >= fromUs && page.fromUs < toUs) yield { page, rows: Math.min(PAGE_ROWS, rows - at * PAGE_ROWS) };
    }
  }
}

/** Rows before the first one that arrived later. */
function rowsArrived({ generation, rows }: GenerationView, asOfS: number): number {
  const { runRows, runArrivalsS } = generation;
  const later = runArrivalsS.findIndex((arrivalS) => arrivalS > asOfS);
  return later < 0 ? rows : Math.min(rows, runRows[later]);
}

/** Tells the rows of a query, and the times they span. */
class WantedRows {
  fromUs = Infinity;
  toUs = -Infinity;
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

  /** Adds to `counts` at the slot plus one; returns how many there are. */
  count({ page, rows }: PageView, counts: Uint32Array): number {
    const { fromUs, toUs } = this.#query;
    const { seriesIds, timesUs } = page;
    const slotOfId = this.#slotOfId;
    const firstId = this.#firstId;
    let [found, earliestUs, latestUs] = [0, this.fromUs, this.toUs];
    for (let row = 0; row < rows; row++) {
      const at = seriesIds[row] - firstId;
      if (at < 0 || at >= slotOfId.length) continue;
      const slot = slotOfId[at];
      if (slot === 0) continue;
      const timeUs = timesUs[row];
      if (timeUs < fromUs || timeUs >= toUs) continue;
      counts[slot]++;
      found++;
      if (timeUs < earliestUs) earliestUs = timeUs;
      if (timeUs > latestUs) latestUs = timeUs;
    }
    this.fromUs = earliestUs;
    this.toUs = latestUs;
    return found;
  }

  /** Writes `base` plus the row to `order`, for each slot where `next` says. */
  place({ page, rows }: PageView, base: number, next: Uint32Array, order: Uint32Array): void {
    const { fromUs, toUs } = this.#query;
    const { seriesIds, timesUs } = page;
    const slotOfId = this.#slotOfId;
    const firstId = this.#firstId;
    for (let row = 0; row < rows; row++) {
      const at = seriesIds[row] - firstId;
      if (at < 0 || at >= slotOfId.length) continue;
      const slot = slotOfId[at];
      if (slot === 0 || timesUs[row] < fromUs || timesUs[row] >= toUs) continue;
      order[next[slot - 1]++] = base + row;
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
