/**
 * Range queries over blocks and head. Chunks that overlap nothing are streamed in order of time, or taken from the
 * block's index where they lie within one step; what overlaps is brought together, and the last write wins.
 */
import { Answer, stepOf } from "./answer.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { firstNotBefore, groupBySlot } from "./column.ts";
import type { HeadRows } from "./head-rows.ts";
import { OpenRows } from "./open-rows.ts";
import type { RangeQuery, RangeResult } from "./protocol.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** Series whose chunks are looked up together. */
const SERIES_AT_ONCE = 1024;

export interface QuerySources {
  /** In order within a period; pinned. */
  readonly blocks: readonly Block[];
  readonly headRows: HeadRows;
  readonly reader: BlockReader;
}

/** Points of one series from one place. */
interface Segment {
  readonly fromUs: number;
  readonly toUs: number;
  /** Null: the head. */
  readonly block: Block | null;
  readonly chunk: number;
  /** Of its writing among the segments of the series. */
  readonly order: number;
}

/** Chunks that may hold asked points; `slots` are positions among the asked series. */
interface FoundChunks {
  readonly slots: number[];
  readonly blocks: Block[];
  readonly chunks: number[];
}

export function* rangeOf(query: RangeQuery, sources: QuerySources, slice: Slice): Generator<void, RangeResult> {
  const { seriesIds } = query;
  const answer = new Answer(query);
  const series = new SeriesAnswer(query, sources, answer);
  for (let from = 0; from < seriesIds.length; from += SERIES_AT_ONCE) {
    const to = Math.min(from + SERIES_AT_ONCE, seriesIds.length);
    const found = yield* findChunks(query, from, to, sources, slice);
    const { starts, order } = yield* groupBySlot(found.slots, to - from, slice);
    for (let slot = from; slot < to; slot++) {
      yield* series.add(slot, found, order.subarray(starts[slot - from], starts[slot - from + 1]), slice);
      answer.endSeries();
      if (slice.over()) yield;
    }
  }
  return answer.finish();
}

/** Answers one series after the other. */
class SeriesAnswer {
  readonly #query: RangeQuery;
  readonly #sources: QuerySources;
  readonly #answer: Answer;
  readonly #recent = new RowBuffer();
  readonly #rows = new RowBuffer();
  readonly #open = new OpenRows();

  constructor(query: RangeQuery, sources: QuerySources, answer: Answer) {
    this.#query = query;
    this.#sources = sources;
    this.#answer = answer;
  }

  /** `places`: of the found chunks, those of the series; in order of writing. */
  *add(slot: number, found: FoundChunks, places: Uint32Array, slice: Slice): Generator<void, void> {
    yield* this.#sources.headRows.take(slot, this.#recent, slice);
    const byTime = yield* this.#segments(found, places, slice);
    const add = this.#answer.addRows.bind(this.#answer);
    for (let i = 0; i < byTime.length; i++) {
      const segment = byTime[i];
      this.#open.takeBefore(segment.fromUs, add);
      const isAlone = this.#open.isEmpty && (i + 1 === byTime.length || byTime[i + 1].fromUs > segment.toUs);
      if (isAlone && this.#addFromIndex(segment)) continue;
      const rows = this.#rowsOf(segment);
      const from = firstNotBefore(rows.timesUs, 0, rows.length, this.#query.fromUs);
      const to = firstNotBefore(rows.timesUs, from, rows.length, this.#query.toUs);
      if (isAlone) add(rows.timesUs, rows.values, from, to);
      else this.#open.add(rows, from, to, segment.order);
      if (slice.over()) yield;
    }
    this.#open.takeBefore(Infinity, add);
  }

  *#segments({ blocks, chunks }: FoundChunks, places: Uint32Array, slice: Slice): Generator<void, Segment[]> {
    const segments: Segment[] = [];
    for (let order = 0; order < places.length; order++) {
      const block = blocks[places[order]];
      const chunk = chunks[places[order]];
      const index = this.#sources.reader.index(block);
      if (index === null) continue;
      segments.push({ block, chunk, order, fromUs: index.fromUs[chunk], toUs: index.toUs[chunk] });
      if (slice.over()) yield;
    }
    const { timesUs, length } = this.#recent;
    const order = places.length;
    if (length > 0) segments.push({ block: null, chunk: 0, order, fromUs: timesUs[0], toUs: timesUs[length - 1] });
    return segments.sort((a, b) => a.fromUs - b.fromUs);
  }

  /** The latest of each time, ascending; none where the chunk cannot be read. */
  #rowsOf({ block, chunk }: Segment): RowBuffer {
    if (block === null) return this.#recent;
    this.#rows.clear();
    this.#sources.reader.appendChunk(block, chunk, this.#rows, false);
    this.#rows.keepLatest();
    return this.#rows;
  }

  /** Takes a chunk from its block's index where it lies within the range and one step. Returns whether it did. */
  #addFromIndex({ block, chunk, fromUs, toUs }: Segment): boolean {
    const query = this.#query;
    const { stepUs } = query;
    if (stepUs === 0 || block === null || fromUs < query.fromUs || toUs >= query.toUs) return false;
    if (stepOf(fromUs, stepUs) !== stepOf(toUs, stepUs)) return false;
    const index = this.#sources.reader.index(block);
    if (index === null) return false;
    this.#answer.addSummary({
      fromUs,
      count: index.counts[chunk] - index.superseded[chunk],
      min: index.mins[chunk],
      max: index.maxs[chunk],
      sum: index.sums[chunk],
      first: index.firsts[chunk],
      last: index.lasts[chunk],
    });
    return true;
  }
}

function* findChunks(
  { seriesIds, fromUs, toUs }: RangeQuery,
  slotFrom: number,
  slotTo: number,
  { blocks, reader }: QuerySources,
  slice: Slice,
): Generator<void, FoundChunks> {
  const found: FoundChunks = { slots: [], blocks: [], chunks: [] };
  for (const block of blocks) {
    let slot = firstAtLeast(seriesIds, slotFrom, slotTo, block.seriesFrom);
    if (slot === slotTo || seriesIds[slot] > block.seriesTo) continue;
    const index = reader.index(block);
    if (index === null) continue;
    let chunk = 0;
    for (; slot < slotTo && chunk < index.count; slot++) {
      chunk = firstAtLeast(index.seriesIds, chunk, index.count, seriesIds[slot]);
      for (; chunk < index.count && index.seriesIds[chunk] === seriesIds[slot]; chunk++) {
        if (index.toUs[chunk] < fromUs || index.fromUs[chunk] >= toUs) continue;
        found.slots.push(slot - slotFrom);
        found.blocks.push(block);
        found.chunks.push(chunk);
      }
    }
    if (slice.over()) yield;
  }
  return found;
}

/** The first position in [from, to) whose id is at least `id`; `to` when there is none. Gallops: neighbours are near. */
function firstAtLeast(ids: Uint32Array, from: number, to: number, id: number): number {
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
