/** When series began: the earliest event time of each, from block indexes and the head; no chunk is decoded. */
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { firstAtLeast } from "./column.ts";
import { PAGE_ROWS, type GenerationView, type Page } from "./head.ts";
import type { Slice } from "./slice.ts";

export interface ExtentSources {
  /** Pinned. */
  readonly blocks: readonly Block[];
  /** Pinned. */
  readonly head: readonly GenerationView[];
  readonly reader: BlockReader;
}

/**
 * Of `seriesIds`, ascending and each once; NaN where nothing is stored. Blocks are visited from the earliest event time
 * up, and those that cannot hold anything earlier than what is known are not read.
 */
export function* firstTimesOf(
  seriesIds: Uint32Array,
  { blocks, head, reader }: ExtentSources,
  slice: Slice,
): Generator<void, Float64Array<ArrayBuffer>> {
  const firstsUs = new Float64Array(seriesIds.length).fill(Infinity);
  for (const block of [...blocks].sort((a, b) => a.fromUs - b.fromUs)) {
    if (mayBeEarlier(block, seriesIds, firstsUs)) takeIndex(block, reader, seriesIds, firstsUs);
    if (slice.over()) yield;
  }
  const slotOf = slotsById(seriesIds);
  let latestFirstUs = largestOf(firstsUs);
  for (const { generation, rows } of head) {
    for (let page = 0; page * PAGE_ROWS < rows; page++) {
      if (generation.pages[page].fromUs >= latestFirstUs) continue;
      takePage(generation.pages[page], Math.min(PAGE_ROWS, rows - page * PAGE_ROWS), slotOf, firstsUs);
      latestFirstUs = largestOf(firstsUs);
      if (slice.over()) yield;
    }
  }
  return firstsUs.map((timeUs) => (timeUs === Infinity ? NaN : timeUs));
}

function mayBeEarlier(
  { seriesFrom, seriesTo, fromUs }: Block,
  seriesIds: Uint32Array,
  firstsUs: Float64Array,
): boolean {
  for (
    let slot = firstAtLeast(seriesIds, 0, seriesIds.length, seriesFrom);
    slot < seriesIds.length && seriesIds[slot] <= seriesTo;
    slot++
  ) {
    if (firstsUs[slot] > fromUs) return true;
  }
  return false;
}

function takeIndex(block: Block, reader: BlockReader, seriesIds: Uint32Array, firstsUs: Float64Array): void {
  const index = reader.index(block);
  if (index === null) return;
  let slot = firstAtLeast(seriesIds, 0, seriesIds.length, block.seriesFrom);
  for (let chunk = 0; chunk < index.count && slot < seriesIds.length; chunk++) {
    while (slot < seriesIds.length && seriesIds[slot] < index.seriesIds[chunk]) slot++;
    if (seriesIds[slot] !== index.seriesIds[chunk]) continue;
    if (index.fromUs[chunk] < firstsUs[slot]) firstsUs[slot] = index.fromUs[chunk];
  }
}

export interface SlotsById {
  readonly firstId: number;
  /** Position among the asked series plus one, by id from the first on. */
  readonly slots: Uint32Array;
}

/** Of ascending ids. */
export function slotsById(seriesIds: Uint32Array): SlotsById {
  const firstId = seriesIds[0] ?? 0;
  const slots = new Uint32Array((seriesIds.at(-1) ?? -1) - firstId + 1);
  for (let slot = 0; slot < seriesIds.length; slot++) slots[seriesIds[slot] - firstId] = slot + 1;
  return { firstId, slots };
}

function takePage({ seriesIds, timesUs }: Page, filled: number, { firstId, slots }: SlotsById, firstsUs: Float64Array) {
  for (let row = 0; row < filled; row++) {
    const at = seriesIds[row] - firstId;
    if (at < 0 || at >= slots.length || slots[at] === 0) continue;
    if (timesUs[row] < firstsUs[slots[at] - 1]) firstsUs[slots[at] - 1] = timesUs[row];
  }
}

function largestOf(timesUs: Float64Array): number {
  let largest = -Infinity;
  for (let i = 0; i < timesUs.length; i++) if (timesUs[i] > largest) largest = timesUs[i];
  return largest;
}
