/**
 * Rows of the head by the sequence they came with, packed: what the window in Redis is filled with. Where what is asked for was sealed, and was not
 * new then, there is a gap, which is told and not filled.
 */
import { encodeRows, type ArrivedRows } from "../codec/row-block.ts";
import type { Archive } from "./archive.ts";
import { endOfPage, rowsAsArrived } from "./backlog-head.ts";
import { PAGE_MASK, PAGE_SHIFT, type Generation, type Head, type Page } from "./head.ts";
import { recentShardOf, type RecentBlock, type RecentPart, type RecentQuery } from "./recent-protocol.ts";
import { runOfRow } from "./seal.ts";
import type { Slice } from "./slice.ts";
import { UnreadRows } from "./unread-rows.ts";

/** Rows that are packed without a pause: a few milliseconds. */
const BLOCK_ROWS_MAX = 65_536;
/** Memory for so many rows is used again. */
const ROWS_KEPT_MAX = 1 << 18;

interface Piece {
  readonly generation: Generation;
  readonly from: number;
  readonly to: number;
}

export class RecentReading {
  readonly #archive: Archive;
  readonly #head: Head;
  readonly #onWork: () => void;
  #spare: Columns | null = null;
  /** To be told of each generation that is sealed. */
  readonly unread = new UnreadRows();

  /** `onWork`: what was pinned may go now. */
  constructor(archive: Archive, head: Head, onWork: () => void) {
    this.#archive = archive;
    this.#head = head;
    this.#onWork = onWork;
  }

  /** Rows of deleted series are among them. Sees the head as it is at its first step; the caller drives it to its end or calls `return`. */
  *part({ afterSeq: askedSeq, rowsMax, shards }: RecentQuery, slice: Slice): Generator<void, RecentPart> {
    const views = this.#head.pin();
    try {
      const afterSeq = this.#unsealedFrom(askedSeq);
      const sealedToUs = afterSeq > askedSeq ? this.#sealedToUs() : -Infinity;
      const { pieces, throughSeq, isLast } = this.#plan(afterSeq, rowsMax);
      // What it is read from stays until it is told.
      this.unread.read(throughSeq);
      const counts = new Uint32Array(shards);
      for (const piece of pagesOf(pieces)) {
        countByShard(piece, counts);
        if (slice.over()) yield;
      }
      const columns = this.#takeColumns(counts);
      for (const piece of pagesOf(pieces)) {
        gather(piece, columns);
        if (slice.over()) yield;
      }
      const blocks: RecentBlock[] = [];
      for (let shard = 0; shard < shards; shard++) {
        const end = columns.ends[shard];
        for (let at = end - counts[shard]; at < end; at += BLOCK_ROWS_MAX) {
          const part = columns.part(at, Math.min(at + BLOCK_ROWS_MAX, end));
          blocks.push({ shard, rows: part.count, bytes: encodeRows(part) });
          if (slice.over()) yield;
        }
      }
      const { fromUs, toUs } = columns;
      const rows = counts.reduce((sum, count) => sum + count, 0);
      if (columns.room <= ROWS_KEPT_MAX) this.#spare = columns;
      return { afterSeq, throughSeq, rows, blocks, fromUs, toUs, sealedToUs, isLast };
    } finally {
      this.#head.unpin(views);
      this.#onWork();
    }
  }

  #plan(afterSeq: number, rowsMax: number): Pick<RecentPart, "throughSeq" | "isLast"> & { pieces: Piece[] } {
    const pieces: Piece[] = [];
    let [throughSeq, rows] = [afterSeq, 0];
    for (const generation of [...this.unread.generations(), ...this.#head.generations()]) {
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

  /** Everything that came with a later sequence than this is in the head, or unread; the asked one at the least. */
  #unsealedFrom(afterSeq: number): number {
    const [oldest] = this.#head.generations();
    // What is sealed came before it.
    if (oldest !== undefined && oldest.firstSeq <= afterSeq + 1) return afterSeq;
    return Math.max(afterSeq, this.unread.afterSeq ?? this.#archive.points.lastSeq);
  }

  #sealedToUs(): number {
    let toUs = -Infinity;
    for (const block of this.#archive.points.all()) toUs = Math.max(toUs, block.toUs);
    return toUs;
  }

  #takeColumns(counts: Uint32Array): Columns {
    const columns = this.#spare ?? new Columns();
    this.#spare = null;
    columns.begin(counts);
    return columns;
  }
}

function* pagesOf(pieces: readonly Piece[]): Generator<Piece, void> {
  for (const { generation, from, to } of pieces) {
    for (let at = from; at < to; at = endOfPage(at, to)) yield { generation, from: at, to: endOfPage(at, to) };
  }
}

function countByShard({ generation, from, to }: Piece, counts: Uint32Array): void {
  const shards = counts.length;
  const page = generation.pages[from >>> PAGE_SHIFT];
  const { seriesIds } = page;
  const rowAt = rowsAsArrived(page);
  for (let arrived = from; arrived < to; arrived++) {
    const row = rowAt === null ? arrived & PAGE_MASK : rowAt[arrived & PAGE_MASK];
    counts[recentShardOf(seriesIds[row], shards)]++;
  }
}

function gather({ generation, from, to }: Piece, columns: Columns): void {
  const { pages, runRows, runArrivalsS } = generation;
  const page = pages[from >>> PAGE_SHIFT];
  const rowAt = rowsAsArrived(page);
  for (let [at, run] = [from, runOfRow(runRows, from)]; at < to; run++) {
    const end = Math.min(to, runRows[run + 1] ?? to);
    columns.put({ page, rowAt, from: at, to: end, arrivalS: runArrivalsS[run] });
    at = end;
  }
}

/** Rows [from, to) of a page that arrived within one second. */
interface ArrivedRun {
  readonly page: Page;
  readonly rowAt: Uint16Array | null;
  readonly from: number;
  readonly to: number;
  readonly arrivalS: number;
}

/** Rows by shard, those of each as they arrived. */
class Columns {
  #seriesIds = new Uint32Array(0);
  #timesUs = new Float64Array(0);
  #values = new Float64Array(0);
  #arrivalsS = new Float64Array(0);
  /** Where the next row of each shard goes; once all are there, where its rows end. */
  ends = new Uint32Array(0);
  fromUs = Infinity;
  toUs = -Infinity;

  get room(): number {
    return this.#seriesIds.length;
  }

  /** Makes room for so many rows of each shard. */
  begin(counts: Uint32Array): void {
    this.ends = new Uint32Array(counts.length);
    let rows = 0;
    for (const [shard, count] of counts.entries()) {
      this.ends[shard] = rows;
      rows += count;
    }
    [this.fromUs, this.toUs] = [Infinity, -Infinity];
    if (rows <= this.room) return;
    this.#seriesIds = new Uint32Array(rows);
    this.#timesUs = new Float64Array(rows);
    this.#values = new Float64Array(rows);
    this.#arrivalsS = new Float64Array(rows);
  }

  put({ page, rowAt, from, to, arrivalS }: ArrivedRun): void {
    const { ends } = this;
    const shards = ends.length;
    const [seriesIds, timesUs, values, arrivalsS] = [this.#seriesIds, this.#timesUs, this.#values, this.#arrivalsS];
    let { fromUs, toUs } = this;
    for (let arrived = from; arrived < to; arrived++) {
      const place = arrived & PAGE_MASK;
      const row = rowAt === null ? place : rowAt[place];
      const seriesId = page.seriesIds[row];
      const timeUs = page.timesUs[row];
      const at = ends[recentShardOf(seriesId, shards)]++;
      seriesIds[at] = seriesId;
      timesUs[at] = timeUs;
      values[at] = page.values[row];
      arrivalsS[at] = arrivalS;
      if (timeUs < fromUs) fromUs = timeUs;
      if (timeUs > toUs) toUs = timeUs;
    }
    [this.fromUs, this.toUs] = [fromUs, toUs];
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
}
