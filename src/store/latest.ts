/** The newest value of every series, from block indexes and the head: no chunk is decoded. */
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { PAGE_ROWS, type Generation } from "./head.ts";
import type { StoreOpened } from "./protocol.ts";
import type { RetiredSeries } from "./retired-series.ts";

/**
 * Ascending by series id; by event time, the later write where times are equal. Blocks are visited from the newest event
 * time down, and those that cannot hold anything newer than what is known are not read: where all series are alive,
 * that is nearly all of them. Retired series are left out.
 */
export function latestOf(
  blocks: Iterable<Block>,
  reader: BlockReader,
  generations: readonly Generation[],
  retired: RetiredSeries,
): StoreOpened["latest"] {
  const newestFirst = [...blocks].sort((a, b) => b.toUs - a.toUs || b.ord - a.ord);
  const largestId = Math.max(
    newestFirst.reduce((largest, { seriesTo }) => Math.max(largest, seriesTo), -1),
    largestIdOf(generations),
  );
  const times = new Float64Array(largestId + 1).fill(-1);
  const values = new Float64Array(largestId + 1);
  const orders = new Float64Array(largestId + 1);

  for (const block of newestFirst) {
    if (!mayBeNewer(block, times, orders)) continue;
    const index = reader.index(block);
    if (index === null) continue;
    for (let chunk = 0; chunk < index.count; chunk++) {
      const id = index.seriesIds[chunk];
      const timeUs = index.toUs[chunk];
      if (timeUs < times[id] || (timeUs === times[id] && block.ord < orders[id])) continue;
      times[id] = timeUs;
      values[id] = index.lasts[chunk];
      orders[id] = block.ord;
    }
  }
  for (const generation of generations) takeRows(generation, times, values);
  for (let id = 0; id <= largestId; id++) if (retired.has(id)) times[id] = -1;
  return known(times, values);
}

function mayBeNewer({ seriesFrom, seriesTo, toUs, ord }: Block, times: Float64Array, orders: Float64Array): boolean {
  for (let id = seriesFrom; id <= seriesTo; id++) {
    if (times[id] < toUs || (times[id] === toUs && orders[id] < ord)) return true;
  }
  return false;
}

function largestIdOf(generations: readonly Generation[]): number {
  let largest = -1;
  for (const { pages, rows } of generations) {
    for (let row = 0; row < rows; row++)
      largest = Math.max(largest, pages[Math.floor(row / PAGE_ROWS)].seriesIds[row % PAGE_ROWS]);
  }
  return largest;
}

function takeRows({ pages, rows }: Generation, times: Float64Array, values: Float64Array): void {
  pages.forEach((page, at) => {
    const filled = Math.min(PAGE_ROWS, rows - at * PAGE_ROWS);
    for (let row = 0; row < filled; row++) {
      const id = page.seriesIds[row];
      if (page.timesUs[row] < times[id]) continue;
      times[id] = page.timesUs[row];
      values[id] = page.values[row];
    }
  });
}

function known(times: Float64Array, values: Float64Array): StoreOpened["latest"] {
  let count = 0;
  for (let id = 0; id < times.length; id++) if (times[id] >= 0) count++;
  const latest = {
    seriesIds: new Uint32Array(count),
    timesUs: new Float64Array(count),
    values: new Float64Array(count),
  };
  let at = 0;
  for (let id = 0; id < times.length; id++) {
    if (times[id] < 0) continue;
    latest.seriesIds[at] = id;
    latest.timesUs[at] = times[id];
    latest.values[at++] = values[id];
  }
  return latest;
}
