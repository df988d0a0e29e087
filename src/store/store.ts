/**
 * The store as one thread sees it: absorbs records into the head, seals generations into period files, compacts them,
 * answers queries. Everything long is a generator that the caller drives slice by slice; the catalog and the head
 * change between two slices only, so a query always sees a point in one of them.
 */
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Clock } from "../model/clock.ts";
import { frameOfRecord, recordIn } from "../log/record.ts";
import { replayRecords } from "../log/replay.ts";
import type { Block, NewBlock } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { Catalog } from "./catalog.ts";
import { Compaction, mergingOfPoints } from "./compaction.ts";
import { Head, type Generation } from "./head.ts";
import { firstTimesOf } from "./extents.ts";
import { HeadRows, idRange } from "./head-rows.ts";
import { latestOf } from "./latest.ts";
import type { Period } from "./period.ts";
import type { RangeQuery, RangeResult, Sealed, StoreOpened, StoreOptions, StoreStats } from "./protocol.ts";
import { rangeOf, type RollupBlocks } from "./query.ts";
import { RetiredSeries } from "./retired-series.ts";
import { Rollups } from "./rollups.ts";
import { blocksOfGeneration } from "./seal.ts";
import { ENDLESS_SLICE, runToEnd, type Slice } from "./slice.ts";
import { takesSummaries } from "./step-functions.ts";

const RESOLUTIONS = [
  { name: "1m", resolutionUs: 60_000_000 },
  { name: "1h", resolutionUs: 3_600_000_000 },
];
/** At about 0.7 bytes a point and 10 a row, rows of so many points add less than a tenth. */
const ROW_POINTS_MIN = 160;
const QUERY_CACHE_BYTES_MAX = 32 * 1024 * 1024;
const MERGE_CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** Generations that may wait while the log is replayed; past it they are sealed at once. */
const REPLAY_WAITING_MAX = 1;
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 60_000;

export interface StoreEvents {
  onSealed(sealed: Sealed): void;
  onDamage(sentence: string): void;
  onTrouble(sentence: string): void;
  /** There is maintenance to do. */
  onWork(): void;
}

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

interface SealWaiter extends Waiter {
  readonly generation: Generation;
}

export class Store {
  readonly #clock: Clock;
  readonly #events: StoreEvents;
  readonly #sealAgeMs: number;
  readonly #head: Head;
  readonly #catalog: Catalog;
  readonly #retired: RetiredSeries;
  readonly #reader: BlockReader;
  readonly #mergeReader: BlockReader;
  readonly #rollups: Rollups;
  /** Of the points, then of each rollup. */
  readonly #compactions: readonly Compaction[];
  /** Periods of the oldest waiting generation that are written already: the others failed. */
  #written = new Map<Period, Block[]>();
  #absorbedSeq = -1;
  #sealedSeq = -1;
  #sealWaiters: SealWaiter[] = [];
  #compactWaiters: Waiter[] = [];
  #retryMs = RETRY_MS_MIN;
  /** Monotonic time before which nothing is written, after a failure. */
  #retryAtMs = -Infinity;
  #closed = false;

  /**
   * Opens the period files and replays the log segments. Fails with FAILED_PRECONDITION where a later version wrote a
   * file; what is damaged is told and served around.
   */
  static open(
    options: StoreOptions,
    clock: Clock,
    events: StoreEvents,
  ): { store: Store; opened: StoreOpened; replayedBytes: number } {
    const damage: string[] = [];
    let opening = true;
    const onDamage = (sentence: string) => void (opening ? damage.push(sentence) : events.onDamage(sentence));
    const store = new Store(options, clock, { ...events, onDamage });
    const replayed = store.#replay(options.segments, onDamage);
    const latest = latestOf(store.#catalog.all(), store.#reader, store.#head.generations(), store.#retired);
    let newestArrivalMs = replayed.newestArrivalMs;
    for (const { arrivalToS } of store.#catalog.all()) newestArrivalMs = Math.max(newestArrivalMs, arrivalToS * 1000);
    opening = false;
    const opened = { latest, newestArrivalMs, replayedPoints: replayed.points, damage };
    return { store, opened, replayedBytes: replayed.bytes };
  }

  private constructor(options: StoreOptions, clock: Clock, events: StoreEvents) {
    const { dir, headPointsMax = 2_000_000, sealAgeMs = 3_600_000, periodFileBytesMax = 1024 ** 3 } = options;
    const { headBytesMax = 64 * 1024 * 1024, rowPointsMin = ROW_POINTS_MIN } = options;
    this.#clock = clock;
    this.#events = events;
    this.#sealAgeMs = sealAgeMs;
    this.#head = new Head(headPointsMax, headBytesMax);
    const catalogOf = (prefix: string) => new Catalog(dir, prefix, periodFileBytesMax, events.onDamage);
    this.#catalog = catalogOf("points");
    const tiers = RESOLUTIONS.map((each) => ({ ...each, catalog: catalogOf(`rollup-${each.name}`) }));
    // Rows are worth the order of the points they tell of, also where these points are gone.
    for (const { catalog } of tiers) for (const { ord } of catalog.all()) this.#catalog.skipOrds(ord);
    this.#reader = new BlockReader(QUERY_CACHE_BYTES_MAX, events.onDamage);
    const mergeReader = new BlockReader(MERGE_CACHE_BYTES_MAX, events.onDamage);
    this.#mergeReader = mergeReader;
    this.#retired = new RetiredSeries(options.retired);
    this.#rollups = new Rollups(tiers, this.#catalog, mergeReader, this.#retired, rowPointsMin);
    const forget = (blocks: readonly Block[]) => this.#reader.forget(blocks);
    const mergings = [
      [this.#catalog, mergingOfPoints(mergeReader, this.#retired)] as const,
      ...tiers.map((tier) => [tier.catalog, this.#rollups.mergingOf(tier)] as const),
    ];
    this.#compactions = mergings.map(([catalog, merging]) => {
      return new Compaction(catalog, mergeReader, merging, this.#retired, forget);
    });
  }

  /** Whether generations wait to be written and nothing speaks against it: more urgent than the rest of maintenance. */
  get mustSeal(): boolean {
    return this.#head.waiting.length > 0 && this.#clock.monotonicMs() >= this.#retryAtMs;
  }

  /** What queries and merging have read and unpacked so far. */
  get readBytes(): number {
    return this.#reader.readBytes + this.#mergeReader.readBytes;
  }

  absorb(record: ArrayBuffer): void {
    const before = this.#head.current;
    const frame = frameOfRecord(record);
    const closed = this.#head.absorb(frame, recordIn(record).byteLength, this.#clock.monotonicMs());
    this.#absorbedSeq = frame.seq;
    const { current } = this.#head;
    if (current !== null && current !== before) this.#sealWhenOld(current);
    if (closed) this.#events.onWork();
  }

  /** Sees the store as it is at its first step; the caller drives it to its end or calls `return`. */
  *range(query: RangeQuery, slice: Slice): Generator<void, RangeResult> {
    const [firstId, lastId] = idRange(query.seriesIds);
    const blocks = this.#catalog.overlapping(query.fromUs, query.toUs, firstId, lastId);
    const rollups = this.#rollupsFor(query);
    const pinned = [...blocks, ...rollups.flatMap((tier) => tier.blocks)];
    const head = this.#head.pin();
    let isHeadPinned = true;
    const unpinHead = () => {
      if (isHeadPinned) this.#head.unpin(head);
      isHeadPinned = false;
    };
    for (const block of pinned) block.pins++;
    try {
      const headRows = yield* HeadRows.find(query, head, slice);
      unpinHead();
      return yield* rangeOf(query, { blocks, rollups, headRows, reader: this.#reader }, slice);
    } finally {
      unpinHead();
      for (const block of pinned) block.pins--;
      this.#events.onWork();
    }
  }

  /** The earliest event time of each series, NaN where nothing is stored; `seriesIds` ascending, each once. */
  *extents(seriesIds: Uint32Array, slice: Slice): Generator<void, Float64Array<ArrayBuffer>> {
    const blocks =
      seriesIds.length === 0 ? [] : this.#catalog.overlapping(0, Infinity, seriesIds[0], seriesIds.at(-1)!);
    const head = this.#head.pin();
    for (const block of blocks) block.pins++;
    try {
      return yield* firstTimesOf(seriesIds, { blocks, head, reader: this.#reader }, slice);
    } finally {
      this.#head.unpin(head);
      for (const block of blocks) block.pins--;
      this.#events.onWork();
    }
  }

  /** Points of these series, present and still to come, are dropped when they are written next, in the background. */
  retire(seriesIds: Uint32Array): void {
    this.#retired.add(seriesIds);
    for (const compaction of this.#compactions) compaction.noteRetired();
    this.#events.onWork();
  }

  /** Resolves when everything absorbed so far is sealed; tried at once, whatever failed before. */
  seal(): Promise<void> {
    this.#head.closeCurrent();
    const generation = this.#head.waiting.at(-1);
    if (generation === undefined) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#sealWaiters.push({ generation, resolve, reject });
    this.#retryAtMs = -Infinity;
    this.#events.onWork();
    return promise;
  }

  compact(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#compactWaiters.push({ resolve, reject });
    for (const compaction of this.#compactions) compaction.noteAll();
    this.#retryAtMs = -Infinity;
    this.#events.onWork();
    return promise;
  }

  /** Seals, then compacts, until nothing is left to do or writing fails; `onWork` tells when to start again. */
  *maintain(slice: Slice): Generator<void, void> {
    try {
      for (;;) {
        if (this.#closed || this.#clock.monotonicMs() < this.#retryAtMs) return;
        if (this.#head.waiting.length > 0) {
          yield* this.#sealOldest(slice);
        } else {
          const asked = this.#compactWaiters.length;
          if (!(yield* this.#tidy(asked > 0, slice))) {
            for (const waiter of this.#compactWaiters.splice(0, asked)) waiter.resolve();
            if (this.#compactWaiters.length === 0) return;
            // Asked for while the last step ran by milder rules.
            for (const compaction of this.#compactions) compaction.noteAll();
          }
        }
        this.#retryMs = RETRY_MS_MIN;
        yield;
      }
    } catch (error) {
      this.#backOff(error);
    }
  }

  stats(): StoreStats {
    let [blocks, chunks, chunkPoints, chunkBytes] = [0, 0, 0, 0];
    for (const block of this.#catalog.all()) {
      blocks++;
      chunks += block.chunks;
      chunkPoints += block.points;
      chunkBytes += block.indexBytes + block.bodyBytes;
    }
    return {
      headPoints: this.#head.rows,
      headBytes: this.#head.pageBytes,
      blocks,
      chunks,
      chunkPoints,
      chunkBytes,
      files: this.#catalog.files().length,
      absorbedSeq: this.#absorbedSeq,
      sealedSeq: this.#sealedSeq,
    };
  }

  /** Seals what is there and closes the files. What cannot be written stays in the log. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#head.closeCurrent();
    try {
      while (this.#head.waiting.length > 0) runToEnd(this.#sealOldest(ENDLESS_SLICE));
      for (const compaction of this.#compactions) while (compaction.discardUnpinned());
    } catch (error) {
      this.#events.onTrouble(`sealing at the end failed: ${messageOf(error)}; the log keeps what is not sealed`);
    }
    const gone = new WatchpostError("UNAVAILABLE", "the store is closed");
    for (const { reject } of [...this.#sealWaiters.splice(0), ...this.#compactWaiters.splice(0)]) reject(gone);
    for (const catalog of [this.#catalog, ...this.#rollups.tiers.map((tier) => tier.catalog)]) catalog.close();
  }

  /** Rollup blocks that may stand for points of a query, finest first. */
  #rollupsFor({ seriesIds, fromUs, toUs, stepUs, func = "avg" }: RangeQuery): RollupBlocks[] {
    const [firstId, lastId] = idRange(seriesIds);
    const pointsFromUs = this.#catalog.fromUs;
    return this.#rollups.tiers.map(({ resolutionUs, catalog }) => {
      const fits = stepUs > 0 && stepUs % resolutionUs === 0 && takesSummaries(func);
      // Elsewhere rows are asked only where they may be all that is left.
      const end = fits ? toUs : Math.min(toUs, pointsFromUs);
      return { resolutionUs, blocks: fromUs < end ? catalog.overlapping(fromUs, end, firstId, lastId) : [] };
    });
  }

  /** One step of what is not urgent; returns whether there was one. Rows are made of what is merged already. */
  *#tidy(everything: boolean, slice: Slice): Generator<void, boolean> {
    const [ofPoints, ...ofRollups] = this.#compactions;
    if (yield* ofPoints.step(everything, slice)) return true;
    if (yield* this.#rollups.step(slice)) return true;
    for (const compaction of ofRollups) if (yield* compaction.step(everything, slice)) return true;
    return false;
  }

  #replay(
    segments: readonly string[],
    onDamage: (sentence: string) => void,
  ): { points: number; bytes: number; newestArrivalMs: number } {
    const replayed = { points: 0, bytes: 0, newestArrivalMs: 0 };
    let canSeal = true;
    for (const segment of segments) {
      for (const record of replayRecords(segment, onDamage)) {
        const { count, arrivalMs } = frameOfRecord(record);
        this.absorb(record);
        replayed.points += count;
        replayed.bytes += record.byteLength;
        replayed.newestArrivalMs = Math.max(replayed.newestArrivalMs, arrivalMs);
        if (!canSeal || this.#head.waiting.length <= REPLAY_WAITING_MAX) continue;
        try {
          runToEnd(this.#sealOldest(ENDLESS_SLICE));
        } catch (error) {
          canSeal = false;
          this.#backOff(error);
        }
      }
    }
    return replayed;
  }

  *#sealOldest(slice: Slice): Generator<void, void> {
    const startedMs = this.#clock.monotonicMs();
    const [generation] = this.#head.waiting;
    const written = this.#written;
    let superseded = 0;
    const blocksOfPeriods = yield* blocksOfGeneration(generation, new Set(written.keys()), this.#retired, slice);
    const ord = this.#catalog.nextOrd();
    const { clockUntrusted, firstSeq: seqFrom, lastSeq: seqTo } = generation;
    for (const [period, blocks] of blocksOfPeriods) {
      yield;
      const added = blocks.map((block): NewBlock => {
        superseded += block.superseded;
        return { block, origin: { ord, level: 0, clockUntrusted, seqFrom, seqTo } };
      });
      written.set(period, this.#catalog.fileFor(period).replace(added, []));
    }
    const blocks = [...written.values()].flat();
    this.#catalog.switch(blocks, []);
    for (const file of new Set(blocks.map((block) => block.file))) {
      this.#compactions[0].note(file);
      this.#rollups.note(file.period);
    }
    this.#head.dropOldest();
    this.#written = new Map();
    this.#sealedSeq = seqTo;
    const durationMs = this.#clock.monotonicMs() - startedMs;
    this.#events.onSealed({ throughSeq: seqTo, recordBytes: generation.recordBytes, superseded, durationMs });
    for (const waiter of this.#sealWaiters) if (waiter.generation === generation) waiter.resolve();
    this.#sealWaiters = this.#sealWaiters.filter((waiter) => waiter.generation !== generation);
  }

  #sealWhenOld(generation: Generation): void {
    this.#clock.after(this.#sealAgeMs, () => {
      if (this.#closed || this.#head.current !== generation) return;
      this.#head.closeCurrent();
      this.#events.onWork();
    });
  }

  #backOff(error: unknown): void {
    const retryMs = this.#retryMs;
    this.#retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
    this.#retryAtMs = this.#clock.monotonicMs() + retryMs;
    this.#clock.after(retryMs, () => this.#events.onWork());
    const sentence = `writing period files failed: ${messageOf(error)}; nothing is lost, tried again in ${retryMs} ms`;
    this.#events.onTrouble(sentence);
    const failure = new WatchpostError("UNAVAILABLE", sentence, { retryAfterMs: retryMs, cause: error });
    for (const { reject } of [...this.#sealWaiters.splice(0), ...this.#compactWaiters.splice(0)]) reject(failure);
  }
}
