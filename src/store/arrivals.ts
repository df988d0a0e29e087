/**
 * Points by when they arrived, every write of them: what a replay shows "as seen". Blocks tell between which seconds their
 * rows arrived, whatever the event times are; only those that may hold some are read, and what stood before at the same
 * times, since the same value again is no write.
 */
import { WatchpostError } from "../model/errors.ts";
import { ArrivedHead } from "./arrived-head.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { firstAtLeast, firstNotBefore } from "./column.ts";
import type { Place } from "./found-chunks.ts";
import type { GenerationView } from "./head.ts";
import type { ArrivalQuery, ArrivalResult } from "./protocol.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

export interface ArrivalSources {
  /** In order within a period; pinned. None that arrived after the range alone. */
  readonly blocks: readonly Block[];
  /** Pinned. */
  readonly head: readonly GenerationView[];
  readonly reader: BlockReader;
  readonly areBlocksMissing: boolean;
}

/** Rows of one series in a range that are in memory together. */
const SERIES_ROWS_MAX = 4_000_000;
export const ARRIVAL_PART_ROWS_MAX = 65_536;

/** Fails with RESOURCE_EXHAUSTED where one series has more than four million rows: a shorter range has fewer. */
export function* arrivedRows(
  query: ArrivalQuery,
  sources: ArrivalSources,
  slice: Slice,
): Generator<void, ArrivalResult> {
  const { seriesIds, fromS, toS, fromUs, toUs } = query;
  const { blocks, reader, head } = sources;
  const came = blocks.filter(({ arrivalToS }) => arrivalToS >= fromS);
  const isInRange = (timeUs: number, arrivalS: number) =>
    arrivalS >= fromS && arrivalS < toS && timeUs >= fromUs && timeUs < toUs;
  const inHead = yield* ArrivedHead.find(seriesIds, head, isInRange, slice);
  const earliestUs = came.reduce((earliest, block) => Math.min(earliest, block.fromUs), inHead.fromUs);
  const isEarlier = (timeUs: number, arrivalS: number) => arrivalS < fromS && timeUs >= earliestUs && timeUs < toUs;
  const beforeInHead = yield* ArrivedHead.find(seriesIds, head, isEarlier, slice);

  const found = new ArrivedRows(query);
  const rows = new RowBuffer();
  /** Whether nothing else can have what a chunk's rows repeat: a chunk has no repeats in itself. */
  const isAlone = ({ timesUs, length }: RowBuffer, slot: number) => {
    if (inHead.has(slot) || beforeInHead.has(slot)) return false;
    let chunks = 0;
    for (const _ of placesOf(blocks, seriesIds[slot], timesUs[0], timesUs[length - 1] + 1, reader)) chunks++;
    return chunks === 1;
  };
  for (let slot = 0; slot < seriesIds.length; slot++) {
    rows.clear();
    let places = 0;
    for (const place of placesOf(came, seriesIds[slot], fromUs, toUs, reader)) {
      appendWanted(place, reader, rows, isInRange);
      places++;
      if (rows.length > SERIES_ROWS_MAX) throw tooManyRows();
      if (slice.over()) yield;
    }
    inHead.append(slot, rows, () => true);
    if (slice.over()) yield;
    if (rows.length === 0) continue;
    if (places === 1 && isAlone(rows, slot)) {
      found.add(slot, rows);
      continue;
    }
    if (!rows.isRising) yield* rows.sort(slice);
    const timesUs = rows.timesUs.slice(0, rows.length);
    const lastUs = timesUs[timesUs.length - 1];
    const isTimeOf = (timeUs: number) => timesUs[firstNotBefore(timesUs, 0, timesUs.length, timeUs)] === timeUs;
    rows.clear();
    for (const place of placesOf(blocks, seriesIds[slot], timesUs[0], lastUs + 1, reader)) {
      appendWanted(place, reader, rows, (timeUs, arrivalS) => arrivalS < toS && isTimeOf(timeUs));
      if (rows.length > SERIES_ROWS_MAX) throw tooManyRows();
      if (slice.over()) yield;
    }
    beforeInHead.append(slot, rows, isTimeOf);
    inHead.append(slot, rows, () => true);
    if (!rows.isRising) {
      yield* rows.sort(slice);
      rows.dropRepeats();
    }
    rows.keep(0, (_, arrivalS) => arrivalS >= fromS);
    found.add(slot, rows);
    if (slice.over()) yield;
  }
  const isDamaged = sources.areBlocksMissing || blocks.some(({ damaged }) => damaged);
  return { ...found.finish(), isDamaged };
}

/** Chunks of a series that touch [fromUs, toUs), in order of writing. */
export function* placesOf(
  blocks: readonly Block[],
  seriesId: number,
  fromUs: number,
  toUs: number,
  reader: BlockReader,
): Generator<Place, void> {
  for (const block of blocks) {
    if (block.seriesFrom > seriesId || block.seriesTo < seriesId) continue;
    if (block.toUs < fromUs || block.fromUs >= toUs) continue;
    const index = reader.index(block);
    if (index === null) continue;
    let chunk = firstAtLeast(index.seriesIds, 0, index.count, seriesId);
    for (; chunk < index.count && index.seriesIds[chunk] === seriesId; chunk++) {
      if (index.toUs[chunk] >= fromUs && index.fromUs[chunk] < toUs) yield { block, chunk };
    }
  }
}

function appendWanted(
  { block, chunk }: Place,
  reader: BlockReader,
  rows: RowBuffer,
  isWanted: (timeUs: number, arrivalS: number) => boolean,
): void {
  const from = rows.length;
  reader.appendChunk(block, chunk, rows, true);
  rows.keep(from, isWanted);
}

function tooManyRows(): WatchpostError {
  const message = `more than ${SERIES_ROWS_MAX} points of a series arrived in the range: ask for a shorter one`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message);
}

/** The first rows of the answer by arrival, then series; what does not fit into the part is forgotten as it comes. */
class ArrivedRows {
  readonly #partRows: number;
  readonly #fromS: number;
  readonly #fromSlot: number;
  readonly #rows = new RowBuffer();
  #slots = new Uint32Array(1024);
  /** Rows from this place on belong to the next part. */
  #end: { readonly fromS: number; readonly fromSlot: number } | null = null;

  constructor({ partRows, fromS, fromSlot = 0 }: ArrivalQuery) {
    this.#partRows = Math.max(1, Math.min(partRows, ARRIVAL_PART_ROWS_MAX));
    this.#fromS = fromS;
    this.#fromSlot = fromSlot;
  }

  /** Series in ascending order; rows of each ascending by time, those of one time as they were written. */
  add(slot: number, { timesUs, values, arrivalsS, length }: RowBuffer): void {
    const rows = this.#rows;
    for (let i = 0; i < length; i++) {
      if (!this.#isIn(slot, arrivalsS[i])) continue;
      const at = rows.extend(1);
      rows.timesUs[at] = timesUs[i];
      rows.values[at] = values[i];
      rows.arrivalsS[at] = arrivalsS[i];
      if (at === this.#slots.length) {
        const larger = new Uint32Array(2 * at);
        larger.set(this.#slots);
        this.#slots = larger;
      }
      this.#slots[at] = slot;
      if (rows.length >= 2 * this.#partRows && rows.length % this.#partRows === 0) this.#cut();
    }
  }

  finish(): Omit<ArrivalResult, "isDamaged"> {
    this.#cut();
    const { timesUs, values, arrivalsS, length } = this.#rows;
    return {
      slots: this.#slots.slice(0, length),
      timesUs: timesUs.slice(0, length),
      values: values.slice(0, length),
      arrivalsS: arrivalsS.slice(0, length),
      next: this.#end,
    };
  }

  #isIn(slot: number, arrivalS: number): boolean {
    if (arrivalS === this.#fromS && slot < this.#fromSlot) return false;
    const end = this.#end;
    return end === null || arrivalS < end.fromS || (arrivalS === end.fromS && slot < end.fromSlot);
  }

  /** Puts the rows in order, and drops what is behind the part. */
  #cut(): void {
    this.#sort();
    const rows = this.#rows;
    if (rows.length <= this.#partRows) return;
    const isSamePlace = (a: number, b: number) =>
      rows.arrivalsS[a] === rows.arrivalsS[b] && this.#slots[a] === this.#slots[b];
    let to = this.#partRows;
    while (to > 0 && isSamePlace(to - 1, this.#partRows)) to--;
    // The first place alone is more than a part.
    if (to === 0) for (to = this.#partRows; to < rows.length && isSamePlace(to, 0);) to++;
    if (to === rows.length) return;
    this.#end = { fromS: rows.arrivalsS[to], fromSlot: this.#slots[to] };
    rows.length = to;
  }

  /** By arrival; they are by series already. Sorted as numbers of both: a comparing function would take several times as long. */
  #sort(): void {
    const { timesUs, values, arrivalsS, length } = this.#rows;
    let earliestS = Infinity;
    for (let i = 0; i < length; i++) if (arrivalsS[i] < earliestS) earliestS = arrivalsS[i];
    const keys = new Float64Array(length);
    for (let i = 0; i < length; i++) keys[i] = (arrivalsS[i] - earliestS) * ROWS_MAX + i;
    keys.sort();
    const order = Uint32Array.from(keys, (key) => key % ROWS_MAX);
    for (const column of [timesUs, values, arrivalsS]) column.set(permuted(column, order));
    this.#slots.set(permuted(this.#slots, order));
  }
}

/** More rows than can come together; so many seconds of arrivals, 34 years, fit beside them into a double. */
const ROWS_MAX = 2 ** 23;

function permuted<T extends Float64Array | Uint32Array>(column: T, order: Uint32Array): T {
  const cells = column.slice(0, order.length) as T;
  for (let i = 0; i < order.length; i++) cells[i] = column[order[i]];
  return cells;
}
