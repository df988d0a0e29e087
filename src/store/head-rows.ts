/** Finds what a query asks for in the head: full pages by series, as they are, and of others the rows it wants. */
import { firstAtLeast } from "./column.ts";
import { PAGE_ROWS, type Generation, type GenerationView, type Head, type Page } from "./head.ts";
import { PageOrder, runsOf, type SeriesRuns } from "./page-order.ts";
import type { RangeQuery } from "./protocol.ts";
import type { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** Rows by series, those of one series in order of arrival. */
interface RowsBySeries {
  readonly runs: SeriesRuns;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  /** Earliest and latest time; Infinity and -Infinity where there are no rows. */
  readonly fromUs: number;
  readonly toUs: number;
}

/** A page as the query found it: rows that arrived later are not looked at. */
interface PageView {
  readonly generation: Generation;
  readonly at: number;
  readonly rows: number;
}

export class HeadRows {
  static readonly none = new HeadRows([], { fromUs: 0, toUs: 0, seriesIds: new Uint32Array() });
  /** In order of arrival. */
  readonly #parts: readonly RowsBySeries[];
  readonly #query: Pick<RangeQuery, "fromUs" | "toUs" | "seriesIds">;
  /** The run of each part to go on at: series are mostly taken by id. */
  readonly #nextRuns: Uint32Array;
  /** Earliest and latest time of what is read, which may be of other series too; Infinity and -Infinity for nothing. */
  readonly fromUs: number;
  readonly toUs: number;

  private constructor(parts: readonly RowsBySeries[], query: Pick<RangeQuery, "fromUs" | "toUs" | "seriesIds">) {
    this.#parts = parts;
    this.#query = query;
    this.#nextRuns = new Uint32Array(parts.length);
    this.fromUs = parts.reduce((earliest, { fromUs }) => Math.min(earliest, fromUs), Infinity);
    this.toUs = parts.reduce((latest, { toUs }) => Math.max(latest, toUs), -Infinity);
  }

  /** `views` of `head` stay pinned as long as this is read. */
  static *find(
    query: RangeQuery,
    head: Head,
    views: readonly GenerationView[],
    slice: Slice,
  ): Generator<void, HeadRows> {
    const wanted = new WantedRows(query);
    const parts: RowsBySeries[] = [];
    for (const { generation, at, rows } of pagesOf(query, views)) {
      parts.push(rows < PAGE_ROWS ? wanted.of(generation.pages[at], rows) : head.pageBySeries(generation, at));
      if (slice.over()) yield;
    }
    return new HeadRows(parts, query);
  }

  /** Replaces what is in `into` by the rows of one series; the latest of each time, ascending. */
  *take(slot: number, into: RowBuffer, slice: Slice): Generator<void, void> {
    if (this.#gather(this.#query.seriesIds[slot], into)) return;
    yield* into.sort(slice);
    into.keepLatest();
  }

  /** In order of arrival; returns whether times always rise. */
  #gather(seriesId: number, into: RowBuffer): boolean {
    const parts = this.#parts;
    const nextRuns = this.#nextRuns;
    let isRising = true;
    into.clear();
    for (let i = 0; i < parts.length; i++) {
      const { ids, starts } = parts[i].runs;
      let run = nextRuns[i];
      if (run > 0 && ids[run - 1] >= seriesId) run = 0;
      if (run < ids.length && ids[run] < seriesId) run = firstAtLeast(ids, run, ids.length, seriesId);
      if (run < ids.length && ids[run] === seriesId) {
        if (!this.#append(parts[i], starts[run], starts[run + 1], into)) isRising = false;
        run++;
      }
      nextRuns[i] = run;
    }
    return isRising;
  }

  #append(part: RowsBySeries, from: number, to: number, into: RowBuffer): boolean {
    const { fromUs, toUs } = this.#query;
    if (part.fromUs >= fromUs && part.toUs < toUs) return append(part, from, to, into);
    for (let row = from; row < to; row++) {
      if (part.timesUs[row] >= fromUs && part.timesUs[row] < toUs) append(part, row, row + 1, into);
    }
    return into.isRising;
  }
}

/** Appends rows [from, to); returns whether times rise on from those that are there. */
function append({ timesUs, values }: RowsBySeries, from: number, to: number, into: RowBuffer): boolean {
  let at = into.extend(to - from);
  const toTimesUs = into.timesUs;
  const toValues = into.values;
  let previousUs = at > 0 ? toTimesUs[at - 1] : -Infinity;
  let isRising = true;
  for (let row = from; row < to; row++) {
    const timeUs = timesUs[row];
    if (timeUs <= previousUs) isRising = false;
    previousUs = timeUs;
    toTimesUs[at] = timeUs;
    toValues[at++] = values[row];
  }
  return isRising;
}

/** Pages that can have rows of the range. */
function* pagesOf({ fromUs, toUs, asOfS }: RangeQuery, head: readonly GenerationView[]): Generator<PageView, void> {
  for (const view of head) {
    const rows = asOfS === undefined ? view.rows : rowsArrived(view, asOfS);
    for (let at = 0; at * PAGE_ROWS < rows; at++) {
      const page = view.generation.pages[at];
      if (page.toUs < fromUs || page.fromUs >= toUs) continue;
      yield { generation: view.generation, at, rows: Math.min(PAGE_ROWS, rows - at * PAGE_ROWS) };
    }
  }
}

/** Rows before the first one that arrived later. */
function rowsArrived({ generation, rows }: GenerationView, asOfS: number): number {
  const { runRows, runArrivalsS } = generation;
  const later = runArrivalsS.findIndex((arrivalS) => arrivalS > asOfS);
  return later < 0 ? rows : Math.min(rows, runRows[later]);
}

/** Takes what a query wants out of pages that are still being filled, or were when it began. */
class WantedRows {
  readonly #query: RangeQuery;
  readonly #firstId: number;
  /** By id from the first on. */
  readonly #isAsked: Uint8Array;
  readonly #rows = new Uint16Array(PAGE_ROWS);
  readonly #pageOrder = new PageOrder(PAGE_ROWS);

  constructor(query: RangeQuery) {
    const [firstId, lastId] = idRange(query.seriesIds);
    this.#query = query;
    this.#firstId = firstId;
    this.#isAsked = new Uint8Array(lastId - firstId + 1);
    for (const id of query.seriesIds) this.#isAsked[id - firstId] = 1;
  }

  /** Of the first `arrived` rows that came to the page. */
  of(page: Page, arrived: number): RowsBySeries {
    const found = this.#rows.subarray(0, this.#find(page, arrived));
    const rows = page.runs === null ? this.#bySeries(page.seriesIds, found) : found;
    const seriesIds = new Uint32Array(rows.length);
    const timesUs = new Float64Array(rows.length);
    const values = new Float64Array(rows.length);
    let fromUs = Infinity;
    let toUs = -Infinity;
    for (let i = 0; i < rows.length; i++) {
      const timeUs = page.timesUs[rows[i]];
      seriesIds[i] = page.seriesIds[rows[i]];
      timesUs[i] = timeUs;
      values[i] = page.values[rows[i]];
      if (timeUs < fromUs) fromUs = timeUs;
      if (timeUs > toUs) toUs = timeUs;
    }
    return { runs: runsOf(seriesIds, rows.length), timesUs, values, fromUs, toUs };
  }

  #bySeries(seriesIds: Uint32Array, rows: Uint16Array): Uint16Array {
    const ids = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i++) ids[i] = seriesIds[rows[i]];
    const order = this.#pageOrder.of(ids, rows.length);
    for (let i = 0; i < rows.length; i++) order[i] = rows[order[i]];
    return order;
  }

  /** Writes their positions to `#rows`; returns how many there are. */
  #find({ seriesIds, timesUs, runs, arrivalOrder }: Page, arrived: number): number {
    const { fromUs, toUs } = this.#query;
    const [rows, isAsked, firstId] = [this.#rows, this.#isAsked, this.#firstId];
    const end = runs === null ? arrived : PAGE_ROWS;
    let found = 0;
    for (let row = 0; row < end; row++) {
      const at = seriesIds[row] - firstId;
      if (at < 0 || at >= isAsked.length || isAsked[at] === 0) continue;
      if (timesUs[row] < fromUs || timesUs[row] >= toUs) continue;
      if (runs !== null && arrivalOrder[row] >= arrived) continue;
      rows[found++] = row;
    }
    return found;
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
