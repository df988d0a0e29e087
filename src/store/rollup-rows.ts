/**
 * Which rollup rows of a series stand for its points. A row tells of all points of its window that were written up to its
 * order; where something newer overlaps it, it is not believed and the points are read, so rollups never change an
 * answer. Where points are gone, rows are what is left of them.
 */
import type { Block } from "./block.ts";
import type { BlockIndex } from "../codec/block.ts";
import type { FoundChunks, Place } from "./found-chunks.ts";
import type { RangeQuery } from "./protocol.ts";
import type { QuerySources } from "./query.ts";

/** A stretch of a series from one place; times are inclusive. */
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

  /** `points`, by time, without what rollup rows stand for, and these rows; by time. */
  join(points: Part[], slot: number, found: FoundChunks): Part[] {
    let taken: Part[] = [];
    for (const { tier, resolutionUs, isAligned } of this.#tiers) {
      const rows = this.#rowsOf(found.rollup(tier, slot));
      const usable = rows.filter((row) => !overlapsAny(taken, row) && this.#stands(row, points, isAligned));
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
  #rowsOf(places: readonly Place[]): Part[] {
    const { fromUs: rangeFromUs, toUs: rangeToUs, asOfS = Infinity } = this.#query;
    const rows: Part[] = [];
    let indexed: { readonly block: Block; readonly index: BlockIndex | null } | undefined;
    for (let order = 0; order < places.length; order++) {
      const { block, chunk } = places[order];
      if (block.arrivalToS > asOfS) continue;
      if (indexed?.block !== block) indexed = { block, index: this.#sources.reader.index(block) };
      if (indexed.index === null) continue;
      const [fromUs, toUs] = [indexed.index.fromUs[chunk], indexed.index.toUs[chunk]];
      if (fromUs < rangeFromUs || toUs >= rangeToUs) continue;
      rows.push({ block, chunk, order, fromUs, toUs, isSummary: true, isWhole: true });
    }
    return lastWritten(rows);
  }

  /** Whether a row may stand for the points of its window. */
  #stands(row: Part, points: readonly Part[], isAligned: boolean): boolean {
    let arePointsThere = false;
    for (const part of points) {
      if (part.toUs < row.fromUs) continue;
      if (part.fromUs > row.toUs) break;
      if (part.block === null || part.block.ord > row.block!.ord) return false;
      arePointsThere = true;
    }
    return arePointsThere ? isAligned && this.#takesSummaries : true;
  }
}

/** By time; where rows overlap, which are then of one window, the one of the highest order stays. */
function lastWritten(rows: Part[]): Part[] {
  rows.sort((a, b) => a.fromUs - b.fromUs || a.order - b.order);
  const kept: Part[] = [];
  for (const row of rows) {
    const before = kept.at(-1);
    if (before === undefined || before.toUs < row.fromUs) kept.push(row);
    else if (before.order < row.order) kept[kept.length - 1] = row;
  }
  return kept;
}

/** `sorted` by time, none overlapping another. */
function overlapsAny(sorted: readonly Part[], { fromUs, toUs }: Part): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle].toUs < fromUs) low = middle + 1;
    else high = middle;
  }
  return low < sorted.length && sorted[low].fromUs <= toUs;
}

/** What is left of a part outside of `taken`, which are by time. */
function without(part: Part, taken: readonly Part[]): Part[] {
  const left: Part[] = [];
  let { fromUs } = part;
  for (const { fromUs: takenFromUs, toUs: takenToUs } of taken) {
    if (takenToUs < fromUs) continue;
    if (takenFromUs > part.toUs) break;
    if (takenFromUs > fromUs) left.push({ ...part, fromUs, toUs: takenFromUs - 1, isWhole: false });
    fromUs = takenToUs + 1;
  }
  if (fromUs === part.fromUs) return [part];
  if (fromUs <= part.toUs) left.push({ ...part, fromUs, isWhole: false });
  return left;
}

function merged(points: readonly Part[], rows: readonly Part[]): Part[] {
  return [...points, ...rows].sort((a, b) => a.fromUs - b.fromUs);
}
