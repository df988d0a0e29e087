/**
 * Keeps rollups beside the points: for each resolution blocks of rows (count, min, max, sum, first, last of a window), in
 * period files of their own. A row is worth the order its block has: it tells of all points of its window that were written
 * up to it. Windows that get new points get new rows; until then the old row is not believed (rollup-rows.ts).
 *
 * A row takes about as much as a dozen points, so there are rows only where they stand for many; what is about to be
 * dropped gets them in any case.
 */
import type { ChunkSummary } from "../codec/block.ts";
import type { WrittenBytes } from "../log/written-bytes.ts";
import { contentBytesOf, type Block, type BlockOrigin, type NewBlock } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Catalog } from "./catalog.ts";
import type { Merging } from "./compaction.ts";
import { idRange } from "./head-rows.ts";
import type { MergePlan } from "./merge-plan.ts";
import { periodStartUs, type Period } from "./period.ts";
import type { RetiredSeries } from "./retired-series.ts";
import { blocksOfRows, rollUp, type RollupSources, type Windows } from "./rollup-builder.ts";
import type { Slice } from "./slice.ts";
import { stepOf } from "./steps.ts";

export interface RollupTier {
  /** As in file names: 1m. */
  readonly name: string;
  readonly resolutionUs: number;
  readonly catalog: Catalog;
}

/** Rows of a series in a block, after which merging gains nothing more. */
const ROWS_ENOUGH = 512;
const SERIES_AT_ONCE = 1_000;
/** Rows that are in memory at once, about. */
const ROWS_MAX = 100_000;

export class Rollups {
  /** Finest first. */
  readonly tiers: readonly RollupTier[];
  readonly #points: Catalog;
  readonly #reader: BlockReader;
  readonly #retired: RetiredSeries;
  readonly #written: WrittenBytes;
  readonly #rowPointsMin: number;
  /** Periods that points have come to. */
  readonly #toRoll: Set<Period>;
  /** By tier: up to which order the points of a period have rows, where these pay. */
  readonly #through = new Map<RollupTier, Map<Period, number>>();

  /** `rowPointsMin`: points that a row stands for on average, or it does not pay. */
  constructor(
    tiers: readonly RollupTier[],
    points: Catalog,
    reader: BlockReader,
    retired: RetiredSeries,
    written: WrittenBytes,
    rowPointsMin: number,
  ) {
    this.#retired = retired;
    this.#written = written;
    this.#rowPointsMin = rowPointsMin;
    this.tiers = tiers;
    this.#points = points;
    this.#reader = reader;
    this.#toRoll = new Set(points.periods());
    for (const tier of tiers) {
      const orders = tier.catalog.periods().map((period) => {
        return [period, Math.max(-1, ...tier.catalog.ofPeriod(period).map(({ ord }) => ord))] as const;
      });
      this.#through.set(tier, new Map(orders));
    }
  }

  /** Points have come to a period: the last window of the one before it may be over. */
  note(period: Period): void {
    this.#toRoll.add(period);
    if (this.#points.ofPeriod(period - 1).length > 0) this.#toRoll.add(period - 1);
  }

  /** Rolls up one period; returns whether there was one. Where files are frozen it is left for later. Throws when a file cannot be written: nothing is lost then. */
  *step(slice: Slice): Generator<void, boolean> {
    for (const period of this.#toRoll) {
      if (this.tiers.some(({ catalog }) => catalog.lastFile(period)?.isFrozen)) continue;
      for (const tier of this.tiers) yield* this.#rollPeriod(tier, period, slice);
      this.#toRoll.delete(period);
      return true;
    }
    return false;
  }

  /** Rows for all points of a file, whether they pay or not: the points are going to be dropped. */
  *complete(tier: RollupTier, period: Period, blocks: readonly Block[], slice: Slice): Generator<void, void> {
    for (const seriesIds of yield* this.#seriesOf(blocks, slice)) {
      const fromUs = blocks.reduce((first, block) => Math.min(first, block.fromUs), Infinity);
      const toUs = blocks.reduce((last, block) => Math.max(last, block.toUs), -Infinity);
      const { resolutionUs } = tier;
      const windows = {
        seriesIds,
        fromUs: stepOf(fromUs, resolutionUs),
        toUs: stepOf(toUs, resolutionUs) + resolutionUs,
      };
      const sources = this.#sourcesOf(windows, tier);
      const rows = yield* rollUp(windows, resolutionUs, sources, slice);
      yield* this.#write(tier, period, rows, slice);
    }
  }

  /** Up to where points may be gone of which rows are left. */
  rowsNeededUntilUs(): number {
    let untilUs = this.#points.fromUs;
    for (const { catalog } of this.tiers) {
      for (const period of catalog.periods()) {
        const areFewer = pointsIn(catalog.ofPeriod(period)) > pointsIn(this.#points.ofPeriod(period));
        if (!areFewer && !this.#points.lacksParts(period)) continue;
        untilUs = Math.max(untilUs, periodStartUs(period + 1));
      }
    }
    return untilUs;
  }

  /** How blocks of rows are merged: rows that stand are taken over, others are made again from the points. */
  mergingOf(tier: RollupTier): Merging {
    return {
      stretchOf: () => 0,
      isFinished: ({ chunks, seriesFrom, seriesTo }) => chunks >= ROWS_ENOUGH * (seriesTo - seriesFrom + 1),
      merge: (plan, slice) => this.#merge(tier, plan, slice),
      rewrite: (block, keeps, slice) => this.#rewrite(block, keeps, slice),
    };
  }

  *#rollPeriod(tier: RollupTier, period: Period, slice: Slice): Generator<void, void> {
    const through = this.#through.get(tier)!;
    const order = this.#orderOf(period);
    let rows: ChunkSummary[] = [];
    for (const windows of yield* this.#windowsOf(tier, period, through.get(period) ?? -1, slice)) {
      const made = yield* rollUp(windows, tier.resolutionUs, this.#sourcesOf(windows, tier), slice);
      for (const row of made) rows.push(row);
      if (rows.length < ROWS_MAX) continue;
      yield* this.#write(tier, period, rows, slice);
      rows = [];
    }
    yield* this.#write(tier, period, rows, slice);
    through.set(period, order);
  }

  /**
   * Windows that are over and may have points without a row: those of blocks after the order `through`, and those after
   * the newest row. Only where rows pay. Series with the same windows together.
   */
  *#windowsOf(
    { resolutionUs, catalog }: RollupTier,
    period: Period,
    through: number,
    slice: Slice,
  ): Generator<void, Windows[]> {
    const openUs = stepOf(latestOf(this.#points.all()), resolutionUs);
    const newestRowUs = latestOf(catalog.ofPeriod(period));
    const rowsEndUs = newestRowUs < 0 ? 0 : stepOf(newestRowUs, resolutionUs) + resolutionUs;
    const ranges = new Map<number, [fromUs: number, toUs: number][]>();
    for (const block of this.#points.ofPeriod(period)) {
      const isFresh = block.ord > through;
      if (block.damaged || (!isFresh && block.toUs < rowsEndUs)) continue;
      const index = this.#reader.index(block);
      for (let chunk = 0; index !== null && chunk < index.count; chunk++) {
        const fromUs = stepOf(index.fromUs[chunk], resolutionUs);
        const toUs = stepOf(index.toUs[chunk], resolutionUs) + resolutionUs;
        const isWorth = (index.counts[chunk] * resolutionUs) / (toUs - fromUs) >= this.#rowPointsMin;
        const range: [number, number] = [isFresh ? fromUs : Math.max(fromUs, rowsEndUs), Math.min(toUs, openUs)];
        const seriesId = index.seriesIds[chunk];
        if (!isWorth || range[0] >= range[1] || this.#retired.has(seriesId)) continue;
        const ofSeries = ranges.get(seriesId);
        if (ofSeries === undefined) ranges.set(seriesId, [range]);
        else ofSeries.push(range);
      }
      if (slice.over()) yield;
    }
    const together = new Map<string, { fromUs: number; toUs: number; ids: number[] }>();
    for (const [id, ofSeries] of ranges) {
      for (const [fromUs, toUs] of joined(ofSeries)) {
        const key = `${fromUs} ${toUs}`;
        const windows = together.get(key);
        if (windows === undefined) together.set(key, { fromUs, toUs, ids: [id] });
        else windows.ids.push(id);
      }
    }
    return [...together.values()].map(({ fromUs, toUs, ids }) => ({ fromUs, toUs, seriesIds: Uint32Array.from(ids) }));
  }

  *#merge(tier: RollupTier, plan: MergePlan, slice: Slice): Generator<void, NewBlock[] | null> {
    const { resolutionUs } = tier;
    const { blocks, seriesFrom, seriesTo } = plan;
    const windowsOf = new Map<number, Set<number>>();
    const outside: NewBlock[] = [];
    // Cut on both sides, as blocks of points are.
    const isBelow = (id: number) => id < seriesFrom && !this.#retired.has(id);
    const isAbove = (id: number) => id > seriesTo && !this.#retired.has(id);
    for (const block of blocks) {
      const index = this.#reader.index(block);
      const below = yield* this.#rewrite(block, isBelow, slice);
      const above = yield* this.#rewrite(block, isAbove, slice);
      if (index === null || below === null || above === null) return null;
      outside.push(...below, ...above);
      for (let row = 0; row < index.count; row++) {
        const seriesId = index.seriesIds[row];
        if (seriesId < seriesFrom || seriesId > seriesTo || this.#retired.has(seriesId)) continue;
        let windows = windowsOf.get(seriesId);
        if (windows === undefined) windowsOf.set(seriesId, (windows = new Set()));
        windows.add(stepOf(index.fromUs[row], resolutionUs));
      }
      if (slice.over()) yield;
    }
    const fromUs = blocks.reduce((first, block) => Math.min(first, block.fromUs), Infinity);
    const toUs = blocks.reduce((last, block) => Math.max(last, block.toUs), -Infinity);
    const windows: Windows = {
      seriesIds: Uint32Array.from(windowsOf.keys()),
      fromUs: stepOf(fromUs, resolutionUs),
      toUs: stepOf(toUs, resolutionUs) + resolutionUs,
    };
    const sources = this.#sourcesOf(windows, tier);
    const made = yield* rollUp(windows, resolutionUs, sources, slice);
    const rows = made.filter((row) => windowsOf.get(row.seriesId)!.has(stepOf(row.fromUs, resolutionUs)));
    const level = Math.max(...blocks.map((block) => block.level)) + 1;
    const told = [...blocks, ...sources.blocks];
    const origin = { ...this.#originOf(blocks[0].file.period, told), level };
    const merged = (yield* blocksOfRows(rows, told, slice)).map((block): NewBlock => ({ block, origin }));
    return [...merged, ...outside];
  }

  /** Rows as they are. */
  *#rewrite(block: Block, keeps: (seriesId: number) => boolean, slice: Slice): Generator<void, NewBlock[] | null> {
    const index = this.#reader.index(block);
    if (index === null) return null;
    const rows: ChunkSummary[] = [];
    for (let row = 0; row < index.count; row++) if (keeps(index.seriesIds[row])) rows.push(summaryAt(index, row));
    const written = yield* blocksOfRows(rows, [block], slice);
    return written.map((one) => ({ block: one, origin: block }));
  }

  *#write(tier: RollupTier, period: Period, rows: ChunkSummary[], slice: Slice): Generator<void, void> {
    if (rows.length === 0) return;
    const blocks = this.#points.ofPeriod(period);
    const written = yield* blocksOfRows(rows, blocks, slice);
    yield;
    const origin = this.#originOf(period, blocks);
    const blocksToAdd = written.map((block) => ({ block, origin }));
    const write = () => tier.catalog.fileFor(period).replace(blocksToAdd, []);
    const added = this.#written.during("rollup", contentBytesOf(blocksToAdd), write);
    tier.catalog.switch(added, []);
  }

  #originOf(period: Period, blocks: readonly Block[]): BlockOrigin {
    return {
      ord: Math.max(this.#orderOf(period), ...blocks.map(({ ord }) => ord)),
      level: 0,
      clockUntrusted: blocks.some(({ clockUntrusted }) => clockUntrusted),
      seqFrom: Math.min(...blocks.map(({ seqFrom }) => seqFrom)),
      seqTo: Math.max(...blocks.map(({ seqTo }) => seqTo)),
    };
  }

  /** The order of what was written last to a period. */
  #orderOf(period: Period): number {
    return Math.max(-1, ...this.#points.ofPeriod(period).map(({ ord }) => ord));
  }

  /** Points of the windows, and rows that may stand for them: of the tier, and of finer ones. */
  #sourcesOf({ seriesIds, fromUs, toUs }: Windows, tier: RollupTier): RollupSources {
    const [firstId, lastId] = idRange(seriesIds);
    const rollups = this.tiers
      .filter(({ resolutionUs }) => resolutionUs <= tier.resolutionUs)
      .map(({ resolutionUs, catalog }) => {
        return { resolutionUs, blocks: catalog.overlapping(fromUs, toUs, firstId, lastId) };
      });
    return { blocks: this.#points.overlapping(fromUs, toUs, firstId, lastId), rollups, reader: this.#reader };
  }

  /** Series that have chunks in some blocks, some at a time. */
  *#seriesOf(blocks: readonly Block[], slice: Slice): Generator<void, Uint32Array[]> {
    const ids = new Set<number>();
    for (const block of blocks) {
      for (const id of this.#reader.index(block)?.seriesIds ?? []) ids.add(id);
      if (slice.over()) yield;
    }
    const sorted = Uint32Array.from(ids).sort();
    const parts = Math.ceil(sorted.length / SERIES_AT_ONCE);
    return Array.from({ length: parts }, (_, i) => sorted.slice(i * SERIES_AT_ONCE, (i + 1) * SERIES_AT_ONCE));
  }
}

function pointsIn(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { points }) => sum + points, 0);
}

/** The latest time in some blocks; -1 where there are none. */
function latestOf(blocks: Iterable<Block>): number {
  let latest = -1;
  for (const { toUs } of blocks) latest = Math.max(latest, toUs);
  return latest;
}

/** Ranges without overlaps, those that touch made one. */
function joined(ranges: [fromUs: number, toUs: number][]): [fromUs: number, toUs: number][] {
  const sorted = ranges.sort(([a], [b]) => a - b);
  const kept = [sorted[0]];
  for (const [fromUs, toUs] of sorted.slice(1)) {
    const last = kept[kept.length - 1];
    if (fromUs > last[1]) kept.push([fromUs, toUs]);
    else last[1] = Math.max(last[1], toUs);
  }
  return kept;
}

function summaryAt(index: NonNullable<ReturnType<BlockReader["index"]>>, chunk: number): ChunkSummary {
  return {
    seriesId: index.seriesIds[chunk],
    count: index.counts[chunk],
    superseded: index.superseded[chunk],
    fromUs: index.fromUs[chunk],
    toUs: index.toUs[chunk],
    first: index.firsts[chunk],
    last: index.lasts[chunk],
    min: index.mins[chunk],
    max: index.maxs[chunk],
    sum: index.sums[chunk],
  };
}
