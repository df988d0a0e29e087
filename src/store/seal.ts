/** Turns a generation of the head into blocks, period by period. */
import { PAGE_MASK, PAGE_SHIFT, type Generation, type Page } from "./head.ts";
import { CHUNK_POINTS_MAX, ChunkWriter, type WrittenBlock } from "./chunk-writer.ts";
import { firstNotBefore } from "./column.ts";
import { periodOf, periodStartUs, type Period } from "./period.ts";
import type { RetiredSeries } from "./retired-series.ts";
import { RowBuffer } from "./row-buffer.ts";
import { orderBySeries, type SeriesOrder } from "./series-order.ts";
import type { Slice } from "./slice.ts";
import type { Piece } from "./undelivered.ts";

const ROWS_PER_CHECK = 4096;
/** What a series costs beside its rows, in rows. */
const SERIES_ROWS = 16;
/** Rows copied before the slice is looked at, when a series has very many. */
const GATHER_ROWS_MAX = 65_536;

/**
 * The blocks of every period but those in `done`, piece by piece, ascending by series in each. Within a series rows are ascending by time; a
 * superseded value stands before the one that replaced it; a repeat of the standing value is left out, and so are
 * retired series.
 */
export function* blocksOfGeneration(
  generation: Generation,
  pieces: readonly Piece[],
  done: ReadonlySet<Period>,
  retired: RetiredSeries,
  slice: Slice,
): Generator<void, Map<Period, WrittenBlock[][]>> {
  generation.pins++;
  try {
    return yield* blocksOf(new SealedRows(generation), pieces, done, retired, slice);
  } finally {
    generation.pins--;
  }
}

function* blocksOf(
  sealed: SealedRows,
  pieces: readonly Piece[],
  done: ReadonlySet<Period>,
  retired: RetiredSeries,
  slice: Slice,
): Generator<void, Map<Period, WrittenBlock[][]>> {
  const order = yield* orderBySeries(sealed.pages, sealed.rows, slice);
  const writers = pieces.map(() => new PeriodWriters(done));
  const rows = new RowBuffer();
  let sinceCheck = 0;
  for (let i = 0; i < order.seriesIds.length; i++) {
    if (retired.has(order.seriesIds[i])) continue;
    const end = order.starts[i + 1];
    for (let piece = 0, start = order.starts[i]; start < end; piece++) {
      const pieceEnd = piece + 1 === pieces.length ? end : sealed.firstFrom(order, start, end, pieces[piece].rowsEnd);
      const count = pieceEnd - start;
      rows.clear();
      for (; start < pieceEnd; start = Math.min(start + GATHER_ROWS_MAX, pieceEnd)) {
        sealed.append(order, start, Math.min(start + GATHER_ROWS_MAX, pieceEnd), rows);
        if (count > GATHER_ROWS_MAX && slice.over()) yield;
      }
      if (!rows.isRising) {
        yield* rows.sort(slice);
        rows.dropRepeats();
      }
      for (let from = 0; from < rows.length;) {
        const writer = writers[piece].enter(rows.timesUs[from]);
        const to = writers[piece].endOfPeriod(rows, from);
        if (to - from <= CHUNK_POINTS_MAX) writer?.addChunk(order.seriesIds[i], rows, from, to);
        else if (writer !== null) yield* writer.addChunks(order.seriesIds[i], rows, from, to, slice);
        from = to;
      }
      sinceCheck += count + SERIES_ROWS;
      if (sinceCheck < ROWS_PER_CHECK) continue;
      sinceCheck = 0;
      if (slice.over()) yield;
    }
  }
  return joined(writers.map((each) => each.finish()));
}

/** Of every period the blocks of each piece. */
function joined(pieces: readonly Map<Period, WrittenBlock[]>[]): Map<Period, WrittenBlock[][]> {
  const periods = new Set(pieces.flatMap((piece) => [...piece.keys()]));
  return new Map([...periods].map((period) => [period, pieces.map((piece) => piece.get(period) ?? [])]));
}

/** Rows of a generation in the pages it had at the beginning: queries may put others in their place. */
class SealedRows {
  readonly pages: readonly Page[];
  readonly rows: number;
  readonly #runRows: readonly number[];
  readonly #runArrivalsS: readonly number[];

  constructor({ pages, rows, runRows, runArrivalsS }: Generation) {
    this.pages = [...pages];
    this.rows = rows;
    this.#runRows = runRows;
    this.#runArrivalsS = runArrivalsS;
  }

  /** The first of `order.rows[from, to)`, rows of one series, that arrived as row `row` or later; `to` where none did. */
  firstFrom(order: SeriesOrder, from: number, to: number, row: number): number {
    let [low, high] = [from, to];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#arrived(order.rows[middle]) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Appends rows `order.rows[from, to)` of one series with their arrivals. */
  append(order: SeriesOrder, from: number, to: number, into: RowBuffer): void {
    const [pages, runRows] = [this.pages, this.#runRows];
    const at = into.extend(to - from);
    const { timesUs, values, arrivalsS } = into;
    let [run, runEnd] = [0, 0];
    for (let i = from; i < to; i++) {
      const row = order.rows[i];
      const page = pages[row >>> PAGE_SHIFT];
      timesUs[at + i - from] = page.timesUs[row & PAGE_MASK];
      values[at + i - from] = page.values[row & PAGE_MASK];
      const arrived = this.#arrived(row);
      if (arrived >= runEnd) {
        run = runOfRow(runRows, arrived);
        runEnd = run + 1 < runRows.length ? runRows[run + 1] : Infinity;
      }
      arrivalsS[at + i - from] = this.#runArrivalsS[run];
    }
  }

  /** Which row it was when it arrived. */
  #arrived(row: number): number {
    const page = this.pages[row >>> PAGE_SHIFT];
    return page.runs === null ? row : (row & ~PAGE_MASK) | page.arrivalOrder[row & PAGE_MASK];
  }
}

/** The last run that starts at or before a row. */
export function runOfRow(runRows: readonly number[], row: number): number {
  let low = 0;
  let high = runRows.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (runRows[middle] <= row) low = middle;
    else high = middle;
  }
  return low;
}

/** One writer for each period that rows fall in. */
class PeriodWriters {
  readonly #done: ReadonlySet<Period>;
  readonly #writers = new Map<Period, ChunkWriter>();
  #writer: ChunkWriter | null = null;
  #fromUs = 0;
  #toUs = 0;

  constructor(done: ReadonlySet<Period>) {
    this.#done = done;
  }

  /** The writer of the period `timeUs` lies in; null when that period is done. */
  enter(timeUs: number): ChunkWriter | null {
    if (timeUs >= this.#fromUs && timeUs < this.#toUs) return this.#writer;
    const period = periodOf(timeUs);
    this.#fromUs = periodStartUs(period);
    this.#toUs = periodStartUs(period + 1);
    let writer = this.#done.has(period) ? null : this.#writers.get(period);
    if (writer === undefined) this.#writers.set(period, (writer = new ChunkWriter()));
    this.#writer = writer;
    return writer;
  }

  /** Where the rows from `from` on leave the entered period. */
  endOfPeriod({ timesUs, length }: RowBuffer, from: number): number {
    return timesUs[length - 1] < this.#toUs ? length : firstNotBefore(timesUs, from, length, this.#toUs);
  }

  finish(): Map<Period, WrittenBlock[]> {
    return new Map([...this.#writers].map(([period, writer]) => [period, writer.finish()]));
  }
}
