/**
 * Rows of generations that were sealed before whoever reads the head by sequences had read them: the last second or so. They are copies, so that
 * the pages of a generation go as always.
 */
import { eachInPage, endOfPage } from "./backlog-head.ts";
import { Head, type Generation } from "./head.ts";
import { runOfRow } from "./seal.ts";

/** A reader that is further behind misses them. */
const ROWS_MAX = 1 << 19;

export class UnreadRows {
  #head = new Head(Infinity, Infinity);
  #afterSeq = -1;
  #lostSeq = -1;
  /** Null: nobody reads. */
  #readSeq: number | null = null;

  /** Oldest first. */
  generations(): readonly Generation[] {
    return this.#head.generations();
  }

  /** All that came with a later sequence, and is sealed, is here; undefined: nothing is. */
  get afterSeq(): number | undefined {
    return this.#head.rows > 0 ? this.#afterSeq : undefined;
  }

  /** Rows up to this sequence were read. */
  read(throughSeq: number): void {
    this.#readSeq = Math.max(this.#readSeq ?? -1, throughSeq);
    const last = this.generations().at(-1);
    if (last !== undefined && last.lastSeq <= this.#readSeq) this.#head = new Head(Infinity, Infinity);
  }

  /** To be called with each generation that leaves the head, before it does. */
  keep(generation: Generation): void {
    const { rows, records, runRows, runArrivalsS, lastSeq } = generation;
    if (this.#readSeq === null || lastSeq <= this.#readSeq) return;
    const from = Math.min(rows, records.firstRowFrom(this.#readSeq + 1));
    if (from === rows) return;
    if (this.#head.rows + rows - from > ROWS_MAX) {
      this.#head = new Head(Infinity, Infinity);
      this.#lostSeq = lastSeq;
      return;
    }
    if (this.#head.rows === 0) this.#afterSeq = Math.max(this.#readSeq, this.#lostSeq);
    for (let at = from; at < rows;) {
      const run = runOfRow(runRows, at);
      const end = run + 1 < runRows.length ? runRows[run + 1] : rows;
      this.#append(generation, at, end, runArrivalsS[run]);
      at = end;
    }
  }

  /** As one record: nobody asks for a sequence within it. */
  #append(generation: Generation, from: number, to: number, arrivalS: number): void {
    const count = to - from;
    const seriesIds = new Uint32Array(count);
    const [timesUs, values] = [new Float64Array(count), new Float64Array(count)];
    let row = 0;
    for (let at = from; at < to; at = endOfPage(at, to)) {
      eachInPage({ generation, from: at, to: endOfPage(at, to) }, (page, i) => {
        seriesIds[row] = page.seriesIds[i];
        timesUs[row] = page.timesUs[i];
        values[row++] = page.values[i];
      });
    }
    const seq = generation.records.seqOf(to - 1);
    const { clockUntrusted } = generation;
    const frame = { seq, arrivalMs: arrivalS * 1_000, clockUntrusted, count, seriesIds, timesUs, values };
    // A generation that this closes is read like the others.
    this.#head.absorb(frame, 0, 0);
  }
}
