/**
 * Everything that is sealed: points and rollups in period files, what keeps them tidy, and what lets go of them. The head
 * and its sealing are in store.ts.
 */
import type { WrittenBytes } from "../log/written-bytes.ts";
import type { Clock } from "../model/clock.ts";
import type { SequenceRanges } from "../model/sequence-ranges.ts";
import type { Block } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { Catalog } from "./catalog.ts";
import { Compaction, mergingOfPoints } from "./compaction.ts";
import type { LookAtDisk } from "./disk.ts";
import { idRange } from "./head-rows.ts";
import type { PeriodFile } from "./period-file.ts";
import type { Dropped, RangeQuery, RetentionLimits, StoreOptions, StoreStats } from "./protocol.ts";
import type { RollupBlocks } from "./query.ts";
import { Retention, type Tier } from "./retention.ts";
import { RetiredSeries } from "./retired-series.ts";
import { Rollups, type RollupTier } from "./rollups.ts";
import type { Slice } from "./slice.ts";
import { takesSummaries } from "./step-functions.ts";
import { Undelivered } from "./undelivered.ts";

const BODY_CACHE_BYTES_MAX = 32 * 1024 * 1024;
const [QUERY_INDEX_BYTES_MAX, MERGE_INDEX_BYTES_MAX] = [128 * 1024 * 1024, 32 * 1024 * 1024];
/** Between two steps: of what is sealed hardly anything is read again, and an hour of it would fill the whole. */
const MERGE_CACHE_BYTES_KEPT = 4 * 1024 * 1024;
/** At about 0.7 bytes a point and 10 a row, rows of so many points add less than a tenth. */
const ROW_POINTS_MIN = 160;
const KEEP_ALL: RetentionLimits = {
  rawMs: Infinity,
  rollup1mMs: "auto",
  rollup1hMs: Infinity,
  budgetBytes: Infinity,
  freeFloor: 0,
};

export interface ArchiveDeps {
  readonly clock: Clock;
  readonly written: WrittenBytes;
  readonly lookAtDisk: LookAtDisk;
  isClockTrusted(): boolean;
  /** A file of points is about to go. */
  onLeaving(file: PeriodFile): void;
  onDamage(sentence: string): void;
  onTrouble(sentence: string): void;
  onDropped(dropped: Dropped): void;
  /** There is maintenance to do. */
  onWork(): void;
}

/** What a query reads of it. */
export interface ArchiveSources {
  readonly blocks: readonly Block[];
  /** Finest first. */
  readonly rollups: readonly RollupBlocks[];
  readonly areBlocksMissing: boolean;
}

export class Archive {
  readonly points: Catalog;
  readonly reader: BlockReader;
  readonly retired: RetiredSeries;
  readonly retention: Retention;
  readonly undelivered: Undelivered;
  readonly #mergeReader: BlockReader;
  readonly #rollups: Rollups;
  /** Of the points, then of each rollup. */
  readonly #compactions: readonly Compaction[];
  readonly #raw: Tier;

  constructor(options: StoreOptions, deps: ArchiveDeps) {
    const { dir, periodFileBytesMax = 1024 ** 3, rowPointsMin = ROW_POINTS_MIN, retention = KEEP_ALL } = options;
    const { isRetentionHeld: isHeld = false } = options;
    const { onDamage, written } = deps;
    const catalogOf = (prefix: string) => new Catalog(dir, prefix, periodFileBytesMax, onDamage);
    this.points = catalogOf("points");
    this.reader = new BlockReader(BODY_CACHE_BYTES_MAX, QUERY_INDEX_BYTES_MAX, onDamage);
    const mergeReader = new BlockReader(BODY_CACHE_BYTES_MAX, MERGE_INDEX_BYTES_MAX, onDamage);
    this.#mergeReader = mergeReader;
    this.retired = new RetiredSeries(options.retired);
    this.undelivered = new Undelivered(options.undelivered, options.unsentFrom);
    const { rawMs, rollup1mMs, rollup1hMs } = retention;
    const minutesMs = rollup1mMs === "auto" ? Infinity : rollup1mMs;
    const tiers = [
      { name: "1m", resolutionUs: 60_000_000, catalog: catalogOf("rollup-1m"), ageLimitMs: minutesMs },
      { name: "1h", resolutionUs: 3_600_000_000, catalog: catalogOf("rollup-1h"), ageLimitMs: rollup1hMs },
    ];
    // Rows are worth the order of the points they tell of, also where these points are gone.
    for (const { catalog } of tiers) for (const { ord } of catalog.all()) this.points.skipOrds(ord);
    this.#rollups = new Rollups(tiers, this.points, mergeReader, this.retired, written, rowPointsMin);
    const forget = (blocks: readonly Block[]) => this.reader.forget(blocks);
    const compactionOf = (catalog: Catalog, merging: ReturnType<typeof mergingOfPoints>) =>
      new Compaction(
        { catalog, reader: mergeReader, merging, retired: this.retired, written, onReplaced: forget },
        options.mergeRunsMin,
      );
    const ofPoints = compactionOf(this.points, mergingOfPoints(mergeReader, this.retired, this.undelivered));
    const ofTiers = tiers.map((tier) => compactionOf(tier.catalog, this.#rollups.mergingOf(tier)));
    this.#compactions = [ofPoints, ...ofTiers];
    // Rows of a minute take more room than the points of slow series: these have them only where somebody asked for it.
    const ofAll = tiers.filter(
      ({ name, ageLimitMs }) => ageLimitMs > rawMs && (name === "1h" || rollup1mMs !== "auto"),
    );
    this.#raw = {
      name: "raw",
      resolutionUs: 0,
      catalog: this.points,
      ageLimitMs: rawMs,
      onDetached: (file) => {
        deps.onLeaving(file);
        return ofPoints.leave(file);
      },
      beforeDrop: (file, slice) => this.#rollUpAll(ofAll, file, slice),
    };
    const kept = tiers.map((tier, i): Tier => ({ ...tier, onDetached: (file) => ofTiers[i].leave(file) }));
    this.retention = new Retention({
      ...deps,
      dir,
      tiers: [this.#raw, ...kept],
      limits: retention,
      isHeld,
      undeliveredIn: (blocks, slice) => this.undelivered.pointsIn(blocks, mergeReader, slice),
      unsentIn: (blocks, slice) => this.undelivered.unsentIn(blocks, mergeReader, slice),
      onGone: forget,
    });
  }

  get catalogs(): Catalog[] {
    return [this.points, ...this.#rollups.tiers.map(({ catalog }) => catalog)];
  }

  /** No block has a series of this id or a higher one. */
  get seriesIdEnd(): number {
    let end = 0;
    for (const catalog of this.catalogs) for (const { seriesTo } of catalog.all()) end = Math.max(end, seriesTo + 1);
    return end;
  }

  /** Read and unpacked so far. */
  get readBytes(): number {
    return this.reader.readBytes + this.#mergeReader.readBytes;
  }

  /** Of blocks, since the start, by why. */
  get rewrites(): StoreStats["rewrites"] {
    const all = this.#compactions.map(({ rewrites }) => rewrites);
    const sum = (why: "merge" | "purge") => all.reduce((total, counts) => total + counts[why], 0);
    return { merge: sum("merge"), purge: sum("purge") };
  }

  /** The range of a query without points that are past their age limit: what needs the points themselves ends there. */
  visible(query: RangeQuery): RangeQuery {
    if (query.stepUs > 0 && takesSummaries(query.func ?? "avg")) return query;
    return { ...query, fromUs: Math.max(query.fromUs, this.earliestVisibleUs) };
  }

  /** Points before it are past their age limit. */
  get earliestVisibleUs(): number {
    return this.retention.earliestVisibleUs(this.#raw);
  }

  sourcesOf({ seriesIds, fromUs, toUs, stepUs, func = "avg" }: RangeQuery): ArchiveSources {
    const [firstId, lastId] = idRange(seriesIds);
    const takesRows = stepUs > 0 && takesSummaries(func);
    let rowsUntilUs: number | undefined;
    const rollups = this.#rollups.tiers.map(({ resolutionUs, catalog }) => {
      const fits = takesRows && stepUs % resolutionUs === 0;
      // Elsewhere rows are asked only where they may be all that is left.
      const end = fits ? toUs : Math.min(toUs, (rowsUntilUs ??= this.#rollups.rowsNeededUntilUs()));
      return { resolutionUs, blocks: fromUs < end ? catalog.overlapping(fromUs, end, firstId, lastId) : [] };
    });
    const blocks = this.points.overlapping(fromUs, toUs, firstId, lastId);
    const areBlocksMissing = this.catalogs.some((catalog) => catalog.areMissing(fromUs, toUs));
    return { blocks, rollups, areBlocksMissing };
  }

  /** Points were sealed into blocks: queries see them from now on. */
  show(blocks: readonly Block[]): void {
    this.points.switch(blocks, []);
    for (const file of new Set(blocks.map((block) => block.file))) {
      this.#compactions[0].note(file);
      this.#rollups.note(file.period);
    }
  }

  retire(seriesIds: Uint32Array): void {
    this.retired.add(seriesIds);
    for (const compaction of this.#compactions) compaction.noteRetired();
  }

  /** Blocks that are delivered now may be merged. */
  setUndelivered(ranges: SequenceRanges): void {
    this.#changeHeld(() => this.undelivered.set(ranges));
  }

  /** The same of what remote write has sent, and of where it reads next. */
  setUnsent(from: number, unreadFrom: number): void {
    this.#changeHeld(() => this.undelivered.setUnsent(from, unreadFrom));
  }

  #changeHeld(change: () => void): void {
    const held = [...this.points.all()].filter((block) => this.undelivered.stretchOf(block) === null);
    change();
    for (const block of held) {
      if (this.undelivered.stretchOf(block) !== null) this.#compactions[0].noteDelivered(block.file);
    }
  }

  /** Everything is looked at again by the next {@link tidy}. */
  noteAll(): void {
    for (const compaction of this.#compactions) compaction.noteAll();
  }

  /** One step of what is not urgent; returns whether there was one. Rows are made of what is merged already. */
  *tidy(everything: boolean, slice: Slice): Generator<void, boolean> {
    try {
      return yield* this.#tidyOnce(everything, slice);
    } finally {
      this.#mergeReader.trim(MERGE_CACHE_BYTES_KEPT);
    }
  }

  *#tidyOnce(everything: boolean, slice: Slice): Generator<void, boolean> {
    const [ofPoints, ...ofRollups] = this.#compactions;
    if (yield* ofPoints.step(everything, slice)) return true;
    if (yield* this.#rollups.step(slice)) return true;
    for (const compaction of ofRollups) if (yield* compaction.step(everything, slice)) return true;
    return false;
  }

  /** Removes what is replaced and read no more. Throws where a file cannot be written. */
  discardUnpinned(): void {
    for (const compaction of this.#compactions) while (compaction.discardUnpinned());
  }

  close(): void {
    this.retention.close();
    for (const catalog of this.catalogs) catalog.close();
  }

  *#rollUpAll(tiers: readonly RollupTier[], file: PeriodFile, slice: Slice): Generator<void, void> {
    const blocks = this.points.ofFile(file);
    for (const tier of tiers) yield* this.#rollups.complete(tier, file.period, blocks, slice);
  }
}
