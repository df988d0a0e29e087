/** Cuts sorted rows of ascending series into chunks and blocks. */
import { BlockBuilder, type FinishedBlock } from "../codec/block.ts";
import type { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** Rows of a chunk: past 8,192 larger ones gain little and cost more to read in part. */
export const CHUNK_POINTS_MAX = 8192;

/** A finished block and the arrivals of its rows. */
export interface WrittenBlock extends FinishedBlock {
  /** Unix seconds, both inclusive. */
  readonly arrivalFromS: number;
  readonly arrivalToS: number;
}

export class ChunkWriter {
  readonly #blocks: WrittenBlock[] = [];
  #builder = new BlockBuilder();
  #arrivalFromS = Infinity;
  #arrivalToS = -Infinity;

  /**
   * Adds rows [from, to) of `rows` as one chunk: one series, ascending times, within one period, at most
   * {@link CHUNK_POINTS_MAX}; series in ascending order.
   */
  addChunk(seriesId: number, rows: RowBuffer, from: number, to: number): void {
    this.#builder.add(seriesId, rows.timesUs, rows.values, rows.arrivalsS, from, to);
    this.#noteArrivals(rows.arrivalsS, from, to);
    if (this.#builder.isFull) this.#finishBlock();
  }

  /**
   * The same for any number of rows: chunks of about equal size, so that none is left small beside a full one. Rows of
   * one time stay in one chunk, so that chunks written together never overlap.
   */
  *addChunks(seriesId: number, rows: RowBuffer, from: number, to: number, slice: Slice): Generator<void, void> {
    const chunks = Math.ceil((to - from) / CHUNK_POINTS_MAX);
    let start = from;
    for (let chunk = 1; chunk <= chunks && start < to; chunk++) {
      let end = Math.max(start + 1, from + Math.floor(((to - from) * chunk) / chunks));
      while (end < to && rows.timesUs[end] === rows.timesUs[end - 1]) end++;
      this.addChunk(seriesId, rows, start, end);
      start = end;
      if (slice.over()) yield;
    }
  }

  /** All blocks, in order of series. */
  finish(): WrittenBlock[] {
    if (this.#builder.chunkCount > 0) this.#finishBlock();
    return this.#blocks;
  }

  #finishBlock(): void {
    this.#blocks.push({
      ...this.#builder.finish(),
      arrivalFromS: this.#arrivalFromS,
      arrivalToS: this.#arrivalToS,
    });
    this.#builder = new BlockBuilder();
    this.#arrivalFromS = Infinity;
    this.#arrivalToS = -Infinity;
  }

  #noteArrivals(arrivalsS: Float64Array, from: number, to: number): void {
    let first = this.#arrivalFromS;
    let last = this.#arrivalToS;
    for (let i = from; i < to; i++) {
      const arrivalS = arrivalsS[i];
      if (arrivalS < first) first = arrivalS;
      if (arrivalS > last) last = arrivalS;
    }
    this.#arrivalFromS = first;
    this.#arrivalToS = last;
  }
}
