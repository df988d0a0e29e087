/**
 * What leaves by remote write, oldest first: blocks by the sequence they end with, then the rows of the head as they came. A
 * generation that waits to be sealed is not read: it is cut where reading has come to, so nothing is read twice.
 */
import type { Archive } from "./archive.ts";
import { eachInPage, endOfPage } from "./backlog-head.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Generation, Head } from "./head.ts";
import type { OutgoingBlock, OutgoingPart, OutgoingPlace, OutgoingQuery } from "./outgoing-protocol.ts";
import { RowBuffer } from "./row-buffer.ts";
import { runOfRow } from "./seal.ts";
import type { Slice } from "./slice.ts";
import { WantedSeries } from "./wanted-series.ts";

export class Outgoing {
  readonly #archive: Archive;
  readonly #head: Head;
  readonly #reader: BlockReader;
  readonly #onWork: () => void;

  constructor(archive: Archive, head: Head, reader: BlockReader, onWork: () => void) {
    this.#archive = archive;
    this.#head = head;
    this.#reader = reader;
    this.#onWork = onWork;
  }

  /** The caller drives it to its end or calls `return`. */
  *part({ place, sentSeq, seriesIds, rowsMax }: OutgoingQuery, slice: Slice): Generator<void, OutgoingPart> {
    const rows = new PartRows();
    const wanted = new WantedSeries(seriesIds, this.#archive.retired);
    let next = place;
    let unreadable = 0;
    for (;;) {
      const block = this.#nextBlock(next);
      if (block === null) break;
      next = doneBefore(next, block);
      block.pins++;
      try {
        const from = isSame(next.block, block) ? (next.chunk ?? 0) : 0;
        const read = yield* this.#readBlock(block, from, wanted, rows, rowsMax, slice);
        unreadable += read.unreadable;
        next = { ...next, block: placeOf(block), chunk: read.nextChunk };
      } finally {
        block.pins--;
      }
      if (rows.count >= rowsMax) break;
      if (slice.over()) yield;
    }
    // From here to the answer nothing else runs, so that nothing is closed, sealed or absorbed in between.
    const isSealedRead = this.#nextBlock(next) === null;
    if (isSealedRead && next.block !== null) next = { seq: next.block.seqTo + 1, block: null, chunk: null };
    let isLast = false;
    if (isSealedRead && rows.count < rowsMax) ({ next, isLast } = this.#readHead(next, wanted, rows, rowsMax));
    this.#archive.setUnsent(sentSeq, next.seq);
    if (isLast) this.#reader.trim(0);
    this.#onWork();
    return { ...rows.finish(), next, isLast, unreadable };
  }

  /** The first that is not read whole. */
  #nextBlock(place: OutgoingPlace): Block | null {
    let next: Block | null = null;
    for (const block of this.#archive.points.all()) {
      if (block.seqTo < place.seq || (next !== null && compare(placeOf(block), placeOf(next)) > 0)) continue;
      const compared = place.block === null ? 1 : compare(placeOf(block), place.block);
      if (compared > 0 || (compared === 0 && place.chunk !== null)) next = block;
    }
    return next;
  }

  *#readBlock(
    block: Block,
    from: number,
    wanted: WantedSeries,
    into: PartRows,
    rowsMax: number,
    slice: Slice,
  ): Generator<void, { readonly nextChunk: number | null; readonly unreadable: number }> {
    const index = this.#reader.index(block);
    if (index === null) return { nextChunk: null, unreadable: block.points };
    const rows = new RowBuffer();
    let unreadable = 0;
    for (let chunk = from; chunk < index.count; chunk++) {
      if (into.count >= rowsMax) return { nextChunk: chunk, unreadable };
      if (!wanted.has(index.seriesIds[chunk])) continue;
      rows.clear();
      if (!this.#reader.appendChunk(block, chunk, rows, false)) unreadable += index.counts[chunk];
      into.addChunk(index.seriesIds[chunk], rows, block.arrivalFromS);
      if (slice.over()) yield;
    }
    return { nextChunk: null, unreadable };
  }

  #readHead(
    place: OutgoingPlace,
    wanted: WantedSeries,
    rows: PartRows,
    rowsMax: number,
  ): { readonly next: OutgoingPlace; readonly isLast: boolean } {
    const isWaiting = this.#head.waiting.some(({ lastSeq }) => lastSeq >= place.seq);
    const { current } = this.#head;
    if (isWaiting || current === null) return { next: place, isLast: true };
    const from = current.records.firstRowFrom(place.seq);
    if (from >= current.rows)
      return { next: { ...place, seq: Math.max(place.seq, current.lastSeq + 1) }, isLast: true };
    const last = Math.min(current.rows, from + rowsMax - rows.count) - 1;
    const seq = current.records.seqOf(last) + 1;
    const to = Math.min(current.rows, current.records.firstRowFrom(seq));
    rows.addHead(current, from, to, wanted);
    return { next: { seq, block: null, chunk: null }, isLast: to === current.rows };
  }
}

function placeOf({ seqTo, file, id }: Block): OutgoingBlock {
  return { seqTo, period: file.period, part: file.part, id };
}

function compare(a: OutgoingBlock, b: OutgoingBlock): number {
  return a.seqTo - b.seqTo || a.period - b.period || a.part - b.part || a.id - b.id;
}

function isSame(place: OutgoingBlock | null, block: Block): boolean {
  return place !== null && compare(place, placeOf(block)) === 0;
}

/** Sequences that blocks before it end with are read. */
function doneBefore(place: OutgoingPlace, { seqTo }: Block): OutgoingPlace {
  if (place.block === null || place.block.seqTo >= seqTo) return place;
  return { seq: Math.max(place.seq, place.block.seqTo + 1), block: null, chunk: null };
}

class PartRows {
  count = 0;
  #seriesIds = new Uint32Array(8_192);
  #timesUs = new Float64Array(8_192);
  #values = new Float64Array(8_192);
  #arrivalS = NaN;

  addChunk(seriesId: number, { timesUs, values, length }: RowBuffer, arrivalS: number): void {
    if (length === 0) return;
    this.#reserve(length, arrivalS);
    this.#seriesIds.fill(seriesId, this.count, this.count + length);
    this.#timesUs.set(timesUs.subarray(0, length), this.count);
    this.#values.set(values.subarray(0, length), this.count);
    this.count += length;
  }

  /** Rows [from, to), at least one, as they arrived. */
  addHead(generation: Generation, from: number, to: number, wanted: WantedSeries): void {
    this.#reserve(to - from, generation.runArrivalsS[runOfRow(generation.runRows, from)]);
    for (let at = from; at < to; at = endOfPage(at, to)) {
      eachInPage({ generation, from: at, to: endOfPage(at, to) }, (page, row) => {
        if (!wanted.has(page.seriesIds[row])) return;
        this.#seriesIds[this.count] = page.seriesIds[row];
        this.#timesUs[this.count] = page.timesUs[row];
        this.#values[this.count++] = page.values[row];
      });
    }
  }

  finish(): Pick<OutgoingPart, "seriesIds" | "timesUs" | "values" | "arrivalS"> {
    return {
      seriesIds: this.#seriesIds.slice(0, this.count),
      timesUs: this.#timesUs.slice(0, this.count),
      values: this.#values.slice(0, this.count),
      arrivalS: this.#arrivalS,
    };
  }

  #reserve(more: number, arrivalS: number): void {
    if (!(this.#arrivalS <= arrivalS)) this.#arrivalS = arrivalS;
    if (this.count + more <= this.#seriesIds.length) return;
    const capacity = Math.max(this.count + more, 2 * this.#seriesIds.length);
    const [seriesIds, timesUs, values] = [this.#seriesIds, this.#timesUs, this.#values];
    this.#seriesIds = new Uint32Array(capacity);
    this.#timesUs = new Float64Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#seriesIds.set(seriesIds);
    this.#timesUs.set(timesUs);
    this.#values.set(values);
  }
}
