/**
 * Rows of the head by the sequence they came with, packed: what the window in Redis is filled with. Where the head has sealed what is
 * asked for there is a gap, which is told and not filled.
 */
import { encodeRows, type ArrivedRows } from "../codec/row-block.ts";
import type { Archive } from "./archive.ts";
import { eachInPage, endOfPage } from "./backlog-head.ts";
import type { Generation, Head } from "./head.ts";
import { recentShardOf, type RecentBlock, type RecentPart, type RecentQuery } from "./recent-protocol.ts";
import type { Slice } from "./slice.ts";

/** Rows that are packed without a pause: a few milliseconds. */
const BLOCK_ROWS_MAX = 65_536;
const ROWS_MIN = 256;

interface Piece {
  readonly generation: Generation;
  readonly from: number;
  readonly to: number;
}

export class RecentReading {
  readonly #archive: Archive;
  readonly #head: Head;
  readonly #onWork: () => void;

  /** `onWork`: what was pinned may go now. */
  constructor(archive: Archive, head: Head, onWork: () => void) {
    this.#archive = archive;
    this.#head = head;
    this.#onWork = onWork;
  }

  /** Sees the head as it is at its first step; the caller drives it to its end or calls `return`. */
  *part({ afterSeq: askedSeq, rowsMax, shards }: RecentQuery, slice: Slice): Generator<void, RecentPart> {
    const views = this.#head.pin();
    try {
      const afterSeq = this.#unsealedFrom(askedSeq);
      const sealedToUs = afterSeq > askedSeq ? this.#sealedToUs() : -Infinity;
      const { pieces, throughSeq, isLast } = this.#plan(afterSeq, rowsMax);
      const columns = Array.from({ length: shards }, () => new Columns());
      let [fromUs, toUs, rows] = [Infinity, -Infinity, 0];
      for (const piece of pieces) {
        for (let at = piece.from; at < piece.to; at = endOfPage(at, piece.to)) {
          this.#gather({ ...piece, from: at, to: endOfPage(at, piece.to) }, columns);
          if (slice.over()) yield;
        }
      }
      const blocks: RecentBlock[] = [];
      for (const [shard, each] of columns.entries()) {
        rows += each.count;
        fromUs = Math.min(fromUs, each.fromUs);
        toUs = Math.max(toUs, each.toUs);
        for (let at = 0; at < each.count; at += BLOCK_ROWS_MAX) {
          const part = each.part(at, Math.min(at + BLOCK_ROWS_MAX, each.count));
          blocks.push({ shard, rows: part.count, bytes: encodeRows(part) });
          if (slice.over()) yield;
        }
      }
      return { afterSeq, throughSeq, rows, blocks, fromUs, toUs, sealedToUs, isLast };
    } finally {
      this.#head.unpin(views);
      this.#onWork();
    }
  }

  #plan(afterSeq: number, rowsMax: number): Pick<RecentPart, "throughSeq" | "isLast"> & { pieces: Piece[] } {
    const pieces: Piece[] = [];
    let [throughSeq, rows] = [afterSeq, 0];
    for (const generation of this.#head.generations()) {
      if (generation.lastSeq <= afterSeq) continue;
      if (rows >= rowsMax) return { pieces, throughSeq, isLast: false };
      const { records } = generation;
      const from = Math.min(generation.rows, records.firstRowFrom(afterSeq + 1));
      const room = rowsMax - rows;
      if (generation.rows - from <= room) {
        pieces.push({ generation, from, to: generation.rows });
        throughSeq = generation.lastSeq;
        rows += generation.rows - from;
        continue;
      }
      const seq = records.seqOf(from + room - 1);
      const to = Math.min(generation.rows, records.firstRowFrom(seq + 1));
      pieces.push({ generation, from, to });
      return { pieces, throughSeq: seq, isLast: false };
    }
    return { pieces, throughSeq, isLast: true };
  }

  /** Everything that came with a later sequence than this is in the head; the asked one at the least. */
  #unsealedFrom(afterSeq: number): number {
    const [oldest] = this.#head.generations();
    // What is sealed came before it.
    if (oldest !== undefined && oldest.firstSeq <= afterSeq + 1) return afterSeq;
    return Math.max(afterSeq, this.#archive.points.lastSeq);
  }

  #sealedToUs(): number {
    let toUs = -Infinity;
    for (const block of this.#archive.points.all()) toUs = Math.max(toUs, block.toUs);
    return toUs;
  }

  /** Rows of one page; of deleted series none. */
  #gather(piece: Piece, columns: readonly Columns[]): void {
    const { retired } = this.#archive;
    const { runRows, runArrivalsS } = piece.generation;
    let run = -1;
    eachInPage(piece, (page, row, arrived) => {
      while (run + 1 < runRows.length && runRows[run + 1] <= arrived) run++;
      const seriesId = page.seriesIds[row];
      if (retired.has(seriesId)) return;
      const shard = columns.length === 1 ? 0 : recentShardOf(seriesId, columns.length);
      columns[shard].add(seriesId, page.timesUs[row], page.values[row], runArrivalsS[run]);
    });
  }
}

class Columns {
  #seriesIds = new Uint32Array(ROWS_MIN);
  #timesUs = new Float64Array(ROWS_MIN);
  #values = new Float64Array(ROWS_MIN);
  #arrivalsS = new Float64Array(ROWS_MIN);
  count = 0;
  fromUs = Infinity;
  toUs = -Infinity;

  add(seriesId: number, timeUs: number, value: number, arrivalS: number): void {
    if (this.count === this.#seriesIds.length) this.#grow();
    this.#seriesIds[this.count] = seriesId;
    this.#timesUs[this.count] = timeUs;
    this.#values[this.count] = value;
    this.#arrivalsS[this.count++] = arrivalS;
    if (timeUs < this.fromUs) this.fromUs = timeUs;
    if (timeUs > this.toUs) this.toUs = timeUs;
  }

  /** Rows [from, to), a view. */
  part(from: number, to: number): ArrivedRows {
    return {
      count: to - from,
      seriesIds: this.#seriesIds.subarray(from, to),
      timesUs: this.#timesUs.subarray(from, to),
      values: this.#values.subarray(from, to),
      arrivalsS: this.#arrivalsS.subarray(from, to),
    };
  }

  #grow(): void {
    const rows = 2 * this.count;
    const [seriesIds, timesUs] = [new Uint32Array(rows), new Float64Array(rows)];
    const [values, arrivalsS] = [new Float64Array(rows), new Float64Array(rows)];
    seriesIds.set(this.#seriesIds);
    timesUs.set(this.#timesUs);
    values.set(this.#values);
    arrivalsS.set(this.#arrivalsS);
    [this.#seriesIds, this.#timesUs, this.#values, this.#arrivalsS] = [seriesIds, timesUs, values, arrivalsS];
  }
}
