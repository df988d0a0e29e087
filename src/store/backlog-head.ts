/** Rows of the head on their way to an upstream. */
import { frameBlockInSteps, type FrameBlock } from "../codec/frame-block.ts";
import { Float64Column } from "./column.ts";
import { PAGE_MASK, PAGE_ROWS, PAGE_SHIFT, type Generation, type GenerationView, type Page } from "./head.ts";
import { NewerTimes, type Spans } from "./newer-times.ts";
import { runOfRow } from "./seal.ts";
import type { Slice } from "./slice.ts";
import type { WantedSeries } from "./wanted-series.ts";

/** Rows [from, to) of a generation, as they arrived. */
export interface HeadPiece {
  readonly generation: Generation;
  readonly from: number;
  readonly to: number;
}

export interface HeadPart {
  /** Null: no row of it is wanted and stands. */
  readonly block: FrameBlock | null;
  readonly points: number;
  readonly replaced: number;
}

/** Rows of a part: its index is written without a pause. */
export const HEAD_PART_ROWS_MAX = 16_384;

/** The rows that stand, as far as they are replaced by none of another piece; `views` stay pinned. */
export function* partOfHead(
  piece: HeadPiece,
  wanted: WantedSeries,
  views: readonly GenerationView[],
  slice: Slice,
): Generator<void, HeadPart> {
  const rows = rowsOf(piece, wanted);
  const { generation, from, to } = piece;
  if (rows.count === 0) return { block: null, points: 0, replaced: 0 };
  if (slice.over()) yield;
  const newer = new NewerTimes(spansOf(rows));
  yield* newer.takeHead(views, { generation, row: to }, slice);
  yield* newer.settle(slice);
  const found = rows.count;
  if (!newer.isEmpty) dropReplaced(rows, newer);
  const arrivalS = generation.runArrivalsS[runOfRow(generation.runRows, from)];
  const block = rows.count === 0 ? null : yield* frameBlockInSteps(rows, arrivalS, () => slice.over());
  return { block, points: rows.count, replaced: found - rows.count };
}

interface Rows {
  count: number;
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** In order of arrival. */
function rowsOf({ generation, from, to }: HeadPiece, wanted: WantedSeries): Rows {
  const count = to - from;
  const rows = {
    count: 0,
    seriesIds: new Uint32Array(count),
    timesUs: new Float64Array(count),
    values: new Float64Array(count),
  };
  for (let at = from; at < to; at = endOfPage(at, to)) {
    eachInPage({ generation, from: at, to: endOfPage(at, to) }, (page, row) => {
      if (!wanted.has(page.seriesIds[row])) return;
      rows.seriesIds[rows.count] = page.seriesIds[row];
      rows.timesUs[rows.count] = page.timesUs[row];
      rows.values[rows.count++] = page.values[row];
    });
  }
  return rows;
}

/** Where the page of row `at` ends, or `to` before it. */
export function endOfPage(at: number, to: number): number {
  return Math.min(to, ((at >>> PAGE_SHIFT) + 1) * PAGE_ROWS);
}

/** Rows of one page in the order they arrived in: the place in the page, and which row of the generation it was. */
export function eachInPage(
  { generation, from, to }: HeadPiece,
  take: (page: Page, row: number, arrived: number) => void,
): void {
  const page = generation.pages[from >>> PAGE_SHIFT];
  const rowAt = rowsAsArrived(page);
  for (let arrived = from; arrived < to; arrived++) {
    const place = arrived & PAGE_MASK;
    take(page, rowAt === null ? place : rowAt[place], arrived);
  }
}

/** Where the rows of a page stand, by when they arrived; null where that is their order. */
export function rowsAsArrived(page: Page): Uint16Array | null {
  if (page.runs === null) return null;
  const rowAt = new Uint16Array(PAGE_ROWS);
  for (let row = 0; row < PAGE_ROWS; row++) rowAt[page.arrivalOrder[row]] = row;
  return rowAt;
}

/** From the first to the last time of each series. */
function spansOf({ count, seriesIds, timesUs }: Rows): Spans {
  const slots = new Map<number, number>();
  const [fromUs, toUs] = [new Float64Column(), new Float64Column()];
  for (let i = 0; i < count; i++) {
    const slot = slots.get(seriesIds[i]);
    if (slot === undefined) {
      slots.set(seriesIds[i], slots.size);
      fromUs.push(timesUs[i]);
      toUs.push(timesUs[i]);
      continue;
    }
    if (timesUs[i] < fromUs.cells[slot]) fromUs.cells[slot] = timesUs[i];
    if (timesUs[i] > toUs.cells[slot]) toUs.cells[slot] = timesUs[i];
  }
  const ids = Uint32Array.from(slots.keys()).sort();
  const inOrder = (column: Float64Column) => Float64Array.from(ids, (id) => column.cells[slots.get(id)!]);
  return { seriesIds: ids, fromUs: inOrder(fromUs), toUs: inOrder(toUs) };
}

function dropReplaced(rows: Rows, newer: NewerTimes): void {
  const { seriesIds, timesUs, values } = rows;
  let kept = 0;
  for (let i = 0; i < rows.count; i++) {
    if (newer.has(newer.slotOf(seriesIds[i], timesUs[i]), timesUs[i])) continue;
    seriesIds[kept] = seriesIds[i];
    timesUs[kept] = timesUs[i];
    values[kept++] = values[i];
  }
  rows.count = kept;
}
