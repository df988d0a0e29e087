/**
 * The head: rows not yet sealed. Absorbing a record copies its columns into pages, whatever the number of series, so
 * memory follows points. A full page is put in order by series when a query first comes to it. A generation is what is
 * sealed at once; while older ones wait for that, the current one receives rows.
 */
import type { RecordFrame } from "../log/record.ts";
import { PageOrder, runsOf, type SeriesRuns } from "./page-order.ts";
import { RecordRows } from "./record-rows.ts";

/** A power of two. */
export const PAGE_ROWS = 65_536;
export const PAGE_SHIFT = 16;
export const PAGE_MASK = PAGE_ROWS - 1;
export const PAGE_BYTES = PAGE_ROWS * 22;
/** Below this many rows a loop is cheaper than three views. */
const COPY_BY_LOOP_MAX = 16;
/** Pages kept for reuse, a generation of the usual size; the rest goes back to the allocator. */
const FREE_PAGES_MAX = 32;

export interface Page {
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  readonly seriesIds: Uint32Array;
  /** Of rows that are by series, those of one series as they arrived; null where all are as they arrived. */
  runs: SeriesRuns | null;
  /** Where each row stood when it arrived; only of rows by series. */
  readonly arrivalOrder: Uint16Array;
  /** Earliest and latest time in the page; Infinity and -Infinity while it is empty. */
  fromUs: number;
  toUs: number;
}

export type PageBySeries = Page & { readonly runs: SeriesRuns };

/** Rows of a generation as a query found them: later ones are not looked at. */
export interface GenerationView {
  readonly generation: Generation;
  readonly rows: number;
}

export class Generation {
  readonly pages: Page[] = [];
  rows = 0;
  firstSeq = -1;
  lastSeq = -1;
  /** Bytes of the records it came from. */
  recordBytes = 0;
  /** Whether the wall clock was untrusted when its rows arrived: of all of them or of none. */
  readonly clockUntrusted: boolean;
  /** Monotonic time of the first record. */
  readonly openedMs: number;
  /** Runs of rows that arrived within one second: first row and Unix seconds. */
  readonly runRows: number[] = [];
  readonly runArrivalsS: number[] = [];
  readonly records = new RecordRows();
  /** Queries that read it. */
  pins = 0;
  /** Its rows are durable elsewhere: its pages are used again when nobody reads it. */
  isDropped = false;

  constructor(clockUntrusted: boolean, openedMs: number) {
    this.clockUntrusted = clockUntrusted;
    this.openedMs = openedMs;
  }
}

export class Head {
  readonly #freePages: Page[] = [];
  readonly #waiting: Generation[] = [];
  readonly #headPointsMax: number;
  readonly #headBytesMax: number;
  readonly #pageOrder = new PageOrder(PAGE_ROWS);
  #current: Generation | null = null;

  /** A generation that has so many rows, or came from records of so many bytes, is closed. */
  constructor(headPointsMax: number, headBytesMax: number) {
    this.#headPointsMax = headPointsMax;
    this.#headBytesMax = headBytesMax;
  }

  /** Generations that wait to be sealed, oldest first. */
  get waiting(): readonly Generation[] {
    return this.#waiting;
  }

  /** The generation that receives rows; null when nothing came since the last was closed. */
  get current(): Generation | null {
    return this.#current;
  }

  get rows(): number {
    return this.generations().reduce((sum, { rows }) => sum + rows, 0);
  }

  get pageBytes(): number {
    const pages = this.generations().reduce((sum, generation) => sum + generation.pages.length, 0);
    return (pages + this.#freePages.length) * PAGE_BYTES;
  }

  /** Oldest first. */
  generations(): Generation[] {
    return this.#current === null ? [...this.#waiting] : [...this.#waiting, this.#current];
  }

  /** Copies the rows of a record. Returns whether that made a generation wait to be sealed. */
  absorb(frame: RecordFrame, recordBytes: number, nowMs: number): boolean {
    let closed = false;
    if (this.#current !== null && this.#current.clockUntrusted !== frame.clockUntrusted) closed = this.closeCurrent();
    const generation = (this.#current ??= new Generation(frame.clockUntrusted, nowMs));
    if (generation.firstSeq < 0) generation.firstSeq = frame.seq;
    generation.lastSeq = frame.seq;
    generation.recordBytes += recordBytes;
    const arrivalS = Math.floor(frame.arrivalMs / 1000);
    if (frame.count > 0 && generation.runArrivalsS.at(-1) !== arrivalS) {
      generation.runRows.push(generation.rows);
      generation.runArrivalsS.push(arrivalS);
    }
    if (frame.count > 0) generation.records.push(frame.seq, generation.rows);
    for (let from = 0; from < frame.count;) {
      const at = generation.rows & PAGE_MASK;
      if (at === 0) generation.pages.push(this.#takePage());
      const rows = Math.min(frame.count - from, PAGE_ROWS - at);
      copyRows(frame, from, rows, generation.pages[generation.rows >>> PAGE_SHIFT], at);
      generation.rows += rows;
      from += rows;
    }
    const isFull = generation.rows >= this.#headPointsMax || generation.recordBytes >= this.#headBytesMax;
    return isFull ? this.closeCurrent() : closed;
  }

  /** Lets the current generation wait to be sealed. Returns whether there was one. */
  closeCurrent(): boolean {
    if (this.#current === null) return false;
    this.#waiting.push(this.#current);
    this.#current = null;
    return true;
  }

  /** Forgets the oldest waiting generation: its rows are durable elsewhere. */
  dropOldest(): void {
    const generation = this.#waiting.shift();
    if (generation === undefined) return;
    generation.isDropped = true;
    this.#recycleUnread(generation);
  }

  /** What a query reads, oldest first; pinned until {@link unpin}. */
  pin(): GenerationView[] {
    return this.generations().map((generation) => {
      generation.pins++;
      return { generation, rows: generation.rows };
    });
  }

  unpin(views: readonly GenerationView[]): void {
    for (const { generation } of views) {
      generation.pins--;
      this.#recycleUnread(generation);
    }
  }

  /** A full page of a generation that the caller has pinned, by series from now on. Who came before reads the old one on. */
  pageBySeries(generation: Generation, at: number): PageBySeries {
    const page = generation.pages[at];
    if (isBySeries(page)) return page;
    const ordered = this.#takePage();
    const { timesUs, values, seriesIds, arrivalOrder } = ordered;
    arrivalOrder.set(this.#pageOrder.of(page.seriesIds, PAGE_ROWS));
    for (let i = 0; i < PAGE_ROWS; i++) {
      const row = arrivalOrder[i];
      timesUs[i] = page.timesUs[row];
      values[i] = page.values[row];
      seriesIds[i] = page.seriesIds[row];
    }
    ordered.fromUs = page.fromUs;
    ordered.toUs = page.toUs;
    generation.pages[at] = ordered;
    if (generation.pins === 1 && this.#freePages.length < FREE_PAGES_MAX) this.#freePages.push(page);
    return Object.assign(ordered, { runs: runsOf(seriesIds, PAGE_ROWS) });
  }

  #recycleUnread(generation: Generation): void {
    if (!generation.isDropped || generation.pins > 0) return;
    const free = Math.min(generation.pages.length, FREE_PAGES_MAX - this.#freePages.length);
    this.#freePages.push(...generation.pages.slice(0, free));
    generation.pages.length = 0;
  }

  #takePage(): Page {
    const page = this.#freePages.pop();
    if (page === undefined) {
      return {
        timesUs: new Float64Array(PAGE_ROWS),
        values: new Float64Array(PAGE_ROWS),
        seriesIds: new Uint32Array(PAGE_ROWS),
        runs: null,
        arrivalOrder: new Uint16Array(PAGE_ROWS),
        fromUs: Infinity,
        toUs: -Infinity,
      };
    }
    page.runs = null;
    page.fromUs = Infinity;
    page.toUs = -Infinity;
    return page;
  }
}

function copyRows(frame: RecordFrame, from: number, rows: number, page: Page, at: number): void {
  if (rows <= COPY_BY_LOOP_MAX) {
    for (let i = 0; i < rows; i++) {
      page.timesUs[at + i] = frame.timesUs[from + i];
      page.values[at + i] = frame.values[from + i];
      page.seriesIds[at + i] = frame.seriesIds[from + i];
    }
  } else {
    page.timesUs.set(frame.timesUs.subarray(from, from + rows), at);
    page.values.set(frame.values.subarray(from, from + rows), at);
    page.seriesIds.set(frame.seriesIds.subarray(from, from + rows), at);
  }
  let { fromUs, toUs } = page;
  const { timesUs } = page;
  for (let i = at; i < at + rows; i++) {
    const time = timesUs[i];
    if (time < fromUs) fromUs = time;
    if (time > toUs) toUs = time;
  }
  page.fromUs = fromUs;
  page.toUs = toUs;
}

function isBySeries(page: Page): page is PageBySeries {
  return page.runs !== null;
}
