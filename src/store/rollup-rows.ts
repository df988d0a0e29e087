/**
 * Which rollup rows of a series stand for its points. A row tells of all points of its window that were written up to its
 * order; where something newer overlaps it, it is not believed and the points are read, so rollups never change an
 * answer. Where points are gone, rows are what is left of them, and stand beside late points that come to their windows.
 */
import type { Block } from "./block.ts";
import type { BlockIndex } from "../codec/block.ts";
import type { BlockReader } from "./block-reader.ts";
import { firstNotBefore } from "./column.ts";
import type { FoundChunks, Place } from "./found-chunks.ts";
import type { RangeQuery } from "./protocol.ts";
import type { QuerySources } from "./query.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";
import { stepOf } from "./steps.ts";

/** A stretch of a series from one place; all times are inclusive. */
export interface Part {
  readonly fromUs: number;
  readonly toUs: number;
  /** Null: the head. */
  readonly block: Block | null;
  readonly chunk: number;
  /** Of its writing among the parts of the series. */
  readonly order: number;
  /** A rollup row: there is nothing to read behind it. */
  readonly isSummary: boolean;
  /** Not cut: the whole chunk. */
  readonly isWhole: boolean;
}

/** A rollup row. */
interface Row extends Part {
  readonly block: Block;
  /** Its window: of what was written up to its order it tells everything in it. */
  readonly windowFromUs: number;
  readonly windowToUs: number;
  /** Of what it tells nothing arrived later than is asked for. */
  readonly isKnown: boolean;
}

export class RollupRows {
  readonly #query: RangeQuery;
  readonly #sources: QuerySources;
  readonly #takesSummaries: boolean;
  /** Positions of rollups, in the order in which they are asked; `isAligned`: steps are made of whole windows. */
  readonly #tiers: readonly { readonly tier: number; readonly resolutionUs: number; readonly isAligned: boolean }[];
  /** The widest rows used. */
  resolutionUs = 0;
  /** There are rows where points are gone, and they do not tell what is asked. */
  isCoarse = false;

  constructor(query: RangeQuery, sources: QuerySources, takesSummaries: boolean) {
    this.#query = query;
    this.#sources = sources;
    this.#takesSummaries = takesSummaries;
    const tiers = sources.rollups.map(({ resolutionUs }, tier) => {
      return { tier, resolutionUs, isAligned: query.stepUs > 0 && query.stepUs % resolutionUs === 0 };
    });
    // Of those that fit the steps the widest, which is the least to read; then the finest there is.
    const aligned = tiers.filter(({ isAligned }) => isAligned).reverse();
    this.#tiers = [...aligned, ...tiers.filter(({ isAligned }) => !isAligned)];
  }

  /** `points`, by time, without what rollup rows stand for, and these rows; by time. `recent`: what the head has of them. */
  *join(points: Part[], slot: number, found: FoundChunks, recent: RowBuffer, slice: Slice): Generator<void, Part[]> {
    let taken: Row[] = [];
    const late = new LateTimes(this.#sources.reader, recent);
    for (const { tier, resolutionUs, isAligned } of this.#tiers) {
      const usable: Row[] = [];
      // Of the points, where those begin that do not end before a row: rows are by time.
      let from = 0;
      for (const row of this.#rowsOf(found.rollup(tier, slot), resolutionUs)) {
        while (from < points.length && points[from].toUs < row.fromUs) late.forget(points[from++]);
        if (slice.over()) yield;
        if (overlapsAny(taken, row) || !this.#stands(row, points, from, isAligned && row.isKnown, late)) continue;
        if (row.isKnown) usable.push(row);
        else this.isCoarse = true;
      }
      if (usable.length === 0) continue;
      if (!this.#takesSummaries) {
        this.isCoarse = true;
        continue;
      }
      this.resolutionUs = Math.max(this.resolutionUs, resolutionUs);
      taken = [...taken, ...usable].sort((a, b) => a.fromUs - b.fromUs);
    }
    return taken.length === 0
      ? points
      : merged(
          points.flatMap((part) => without(part, taken)),
          taken,
        );
  }

  /** Rows within the range, by time; of those for one window the one written last. */
  #rowsOf(places: readonly Place[], resolutionUs: number): Row[] {
    const { fromUs: rangeFromUs, toUs: rangeToUs, asOfS = Infinity } = this.#query;
    const rows: Row[] = [];
    let indexed: { readonly block: Block; readonly index: BlockIndex | null } | undefined;
    for (let order = 0; order < places.length; order++) {
      const { block, chunk } = places[order];
      const isKnown = block.arrivalToS <= asOfS;
      if (indexed?.block !== block) indexed = { block, index: this.#sources.reader.index(block) };
      if (indexed.index === null) continue;
      const [fromUs, toUs] = [indexed.index.fromUs[chunk], indexed.index.toUs[chunk]];
      if (fromUs < rangeFromUs || toUs >= rangeToUs) continue;
      const windowFromUs = stepOf(fromUs, resolutionUs);
      const windowToUs = windowFromUs + resolutionUs - 1;
      const part = { block, chunk, order, fromUs, toUs, isSummary: true, isWhole: true };
      rows.push({ ...part, windowFromUs, windowToUs, isKnown });
    }
    return lastWritten(rows);
  }

  /** Whether a row may stand for the points of its window; parts before `from` end before it. */
  #stands(row: Row, points: readonly Part[], from: number, isAligned: boolean, late: LateTimes): boolean {
    const newer: Part[] = [];
    let there = 0;
    for (let i = from; i < points.length; i++) {
      const part = points[i];
      if (part.toUs < row.fromUs) continue;
      if (part.fromUs > row.toUs) break;
      if (isNewer(part, row)) newer.push(part);
      // What was merged since with something newer: the row does not tell of that, and counts say nothing.
      else if (part.block!.ord > row.block.ord) return false;
      else there += this.#pointsOf(part, row);
    }
    const told = this.#sources.reader.index(row.block)!.counts[row.chunk];
    if (there >= told) return newer.length === 0 && isAligned && this.#takesSummaries;
    return !late.areAllOf(row, told, newer);
  }

  /** Points of a part in the window of a row; of one that goes on beyond nobody can say that they are too few. */
  #pointsOf({ block, chunk, fromUs, toUs }: Part, { windowFromUs, windowToUs }: Row): number {
    if (fromUs < windowFromUs || toUs > windowToUs) return Infinity;
    return this.#sources.reader.index(block!)?.counts[chunk] ?? 0;
  }
}

/** Times of what came to windows whose points are gone; each chunk is read once for the rows it lies beside. */
class LateTimes {
  readonly #reader: BlockReader;
  readonly #recent: RowBuffer;
  readonly #times = new Map<Part, Float64Array>();

  constructor(reader: BlockReader, recent: RowBuffer) {
    this.#reader = reader;
    this.#recent = recent;
  }

  /** Nothing more is asked of a part. */
  forget(part: Part): void {
    this.#times.delete(part);
  }

  /** Whether `parts` are what a row tells of, sent again: as many times at least, its first and its last among them. */
  areAllOf({ fromUs, toUs, windowFromUs, windowToUs }: Row, told: number, parts: readonly Part[]): boolean {
    const most = parts.reduce((sum, part) => sum + this.#countOf(part), 0);
    if (most < told) return false;
    const times = new Set<number>();
    for (const part of parts) {
      const all = this.#timesOf(part);
      const from = firstNotBefore(all, 0, all.length, windowFromUs);
      const to = firstNotBefore(all, from, all.length, windowToUs + 1);
      for (let i = from; i < to; i++) times.add(all[i]);
    }
    return times.size >= told && times.has(fromUs) && times.has(toUs);
  }

  #countOf({ block, chunk }: Part): number {
    return block === null ? this.#recent.length : (this.#reader.index(block)?.counts[chunk] ?? 0);
  }

  #timesOf(part: Part): Float64Array {
    const { block, chunk } = part;
    if (block === null) return this.#recent.timesUs.subarray(0, this.#recent.length);
    let times = this.#times.get(part);
    if (times === undefined) {
      const rows = new RowBuffer(0);
      this.#reader.appendChunk(block, chunk, rows, false);
      this.#times.set(part, (times = rows.timesUs.subarray(0, rows.length)));
    }
    return times;
  }
}

/** Whether all of a part was written after the row. */
function isNewer({ block }: Part, row: Row): boolean {
  return block === null || (block.ord > row.block.ord && block.seqFrom > row.block.seqTo);
}

/** By time; of rows for one window the one written last stays, of those that are known if there are such. */
function lastWritten(rows: Row[]): Row[] {
  rows.sort((a, b) => a.windowFromUs - b.windowFromUs || Number(a.isKnown) - Number(b.isKnown) || a.order - b.order);
  return rows.filter((row, i) => rows[i + 1]?.windowFromUs !== row.windowFromUs);
}

/** `taken` are by time; their windows do not overlap. */
function overlapsAny(taken: readonly Row[], { windowFromUs, windowToUs }: Row): boolean {
  const at = firstEndingAt(taken, windowFromUs);
  return at < taken.length && taken[at].windowFromUs <= windowToUs;
}

/** The first row whose window ends at a time or later. */
function firstEndingAt(rows: readonly Row[], timeUs: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle].windowToUs < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is left of a part beside the windows of `taken`, which are by time. */
function without(part: Part, taken: readonly Row[]): Part[] {
  const left: Part[] = [];
  let { fromUs } = part;
  for (let i = firstEndingAt(taken, fromUs); i < taken.length; i++) {
    const { block, windowFromUs, windowToUs } = taken[i];
    if (windowFromUs > part.toUs) break;
    // What is newer than a row lies beside it.
    if (part.block === null || part.block.ord > block.ord) continue;
    if (windowFromUs > fromUs) left.push({ ...part, fromUs, toUs: windowFromUs - 1, isWhole: false });
    fromUs = windowToUs + 1;
  }
  if (fromUs === part.fromUs) return [part];
  if (fromUs <= part.toUs) left.push({ ...part, fromUs, isWhole: false });
  return left;
}

function merged(points: readonly Part[], rows: readonly Part[]): Part[] {
  return [...points, ...rows].sort((a, b) => a.fromUs - b.fromUs);
}
