/** Rows of a generation brought together by series: a stable counting sort, for series ids are small dense integers. */
import { PAGE_ROWS, type Page } from "./head.ts";
import type { Slice } from "./slice.ts";

export interface SeriesOrder {
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
  /** Where the rows of `seriesIds[i]` start in `rows`; one more entry for the end. */
  readonly starts: Uint32Array;
  /** Rows as they stand in the pages, numbered through; ascending within a series, which is how they arrived. */
  readonly rows: Uint32Array;
}

/** Costs O(rows + largest series id). */
export function* orderBySeries(pages: readonly Page[], rowCount: number, slice: Slice): Generator<void, SeriesOrder> {
  const filled = (page: number) => Math.min(PAGE_ROWS, rowCount - page * PAGE_ROWS);

  let largestId = -1;
  for (let page = 0; page < pages.length; page++) {
    largestId = Math.max(largestId, largestOf(pages[page].seriesIds, filled(page)));
  }
  const places = new Uint32Array(largestId + 1);
  for (let page = 0; page < pages.length; page++) {
    countIds(pages[page].seriesIds, filled(page), places);
    if (slice.over()) yield;
  }

  let seriesCount = 0;
  for (let id = 0; id <= largestId; id++) if (places[id] > 0) seriesCount++;
  const seriesIds = new Uint32Array(seriesCount);
  const starts = new Uint32Array(seriesCount + 1);
  let start = 0;
  for (let id = 0, at = 0; id <= largestId; id++) {
    const count = places[id];
    if (count === 0) continue;
    seriesIds[at] = id;
    starts[at++] = start;
    places[id] = start;
    start += count;
  }
  starts[seriesCount] = start;

  const rows = new Uint32Array(rowCount);
  for (let page = 0; page < pages.length; page++) {
    placeRows(pages[page].seriesIds, filled(page), page * PAGE_ROWS, places, rows);
    if (slice.over()) yield;
  }
  return { seriesIds, starts, rows };
}

function largestOf(ids: Uint32Array, count: number): number {
  let largest = -1;
  for (let i = 0; i < count; i++) if (ids[i] > largest) largest = ids[i];
  return largest;
}

function countIds(ids: Uint32Array, count: number, counts: Uint32Array): void {
  for (let i = 0; i < count; i++) counts[ids[i]]++;
}

function placeRows(ids: Uint32Array, count: number, firstRow: number, places: Uint32Array, rows: Uint32Array): void {
  for (let i = 0; i < count; i++) rows[places[ids[i]]++] = firstRow + i;
}
