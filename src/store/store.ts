/**
 * The store as one thread sees it: absorbs records into the head, seals generations into period files, compacts them,
 * answers queries. Everything long is a generator that the caller drives slice by slice; the catalog and the head
 * change between two slices only, so a query always sees a point in one of them.
 */
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Clock } from "../model/clock.ts";
import { frameOfRecord, recordIn } from "../log/record.ts";
import { replayRecords } from "../log/replay.ts";
import { StoreBackup } from "./backup.ts";
import type { Block, NewBlock } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { Catalog } from "./catalog.ts";
import { Compaction } from "./compaction.ts";
import { Head, type Generation } from "./head.ts";
import { HeadRows } from "./head-rows.ts";
import { latestOf } from "./latest.ts";
import type { Period } from "./period.ts";
import type { RangeQuery, RangeResult, Sealed, StoreOpened, StoreOptions, StoreStats } from "./protocol.ts";
import { rangeOf } from "./query.ts";
import { blocksOfGeneration } from "./seal.ts";
import { ENDLESS_SLICE, runToEnd, type Slice } from "./slice.ts";

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

/** Of a backup that is to begin once the generation is sealed; null: there is nothing to seal. */
interface FreezeWaiter extends Waiter {
  readonly generation: Generation | null;
}

export class Store {
  readonly #clock: Clock;
  readonly #events: StoreEvents;
  readonly #sealAgeMs: number;
  readonly #head: Head;
  readonly #catalog: Catalog;
  readonly #reader: BlockReader;
  readonly #compaction: Compaction;
  readonly backup: StoreBackup;
  /** Periods of the oldest waiting generation that are written already: the others failed. */
  #written = new Map<Period, Block[]>();
  #absorbedSeq = -1;
  #sealedSeq = -1;
  #sealWaiters: SealWaiter[] = [];
  #compactWaiters: Waiter[] = [];
  #freezeWaiter: FreezeWaiter | null = null;
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
    const latest = latestOf(store.#catalog.all(), store.#reader, store.#head.generations());
    let newestArrivalMs = replayed.newestArrivalMs;
    for (const { arrivalToS } of store.#catalog.all()) newestArrivalMs = Math.max(newestArrivalMs, arrivalToS * 1000);
    opening = false;
    const opened = { latest, newestArrivalMs, replayedPoints: replayed.points, damage };
    return { store, opened, replayedBytes: replayed.bytes };
  }

  private constructor(options: StoreOptions, clock: Clock, events: StoreEvents) {
    const { dir, headPointsMax = 2_000_000, sealAgeMs = 3_600_000, periodFileBytesMax = 1024 ** 3 } = options;
    this.#clock = clock;
    this.#events = events;
    this.#sealAgeMs = sealAgeMs;
    this.#head = new Head(headPointsMax);
    this.#catalog = new Catalog(dir, periodFileBytesMax, events.onDamage);
    this.#reader = new BlockReader(QUERY_CACHE_BYTES_MAX, events.onDamage);
    const mergeReader = new BlockReader(MERGE_CACHE_BYTES_MAX, events.onDamage);
    this.#compaction = new Compaction(this.#catalog, mergeReader, (blocks) => this.#reader.forget(blocks));
    this.backup = new StoreBackup(dir, [this.#catalog], events.onWork);
  }

  /** Whether generations wait to be written and nothing speaks against it: more urgent than the rest of maintenance. */
  get mustSeal(): boolean {
    return this.#head.waiting.length > 0 && this.#clock.monotonicMs() >= this.#retryAtMs;
  }

  /** What queries and merging have read and unpacked so far. */
  get readBytes(): number {
    return this.#reader.readBytes + this.#compaction.readBytes;
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
    const { seriesIds, fromUs, toUs } = query;
    const blocks =
      seriesIds.length === 0 ? [] : this.#catalog.overlapping(fromUs, toUs, seriesIds[0], seriesIds.at(-1)!);
    const head = this.#head.pin();
    let isHeadPinned = true;
    const unpinHead = () => {
      if (isHeadPinned) this.#head.unpin(head);
      isHeadPinned = false;
    };
    for (const block of blocks) block.pins++;
    try {
      const headRows = yield* HeadRows.find(query, head, slice);
      unpinHead();
      return yield* rangeOf(query, { blocks, headRows, reader: this.#reader }, slice);
    } finally {
      unpinHead();
      for (const block of blocks) block.pins--;
      this.#events.onWork();
    }
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
    this.#compaction.noteAll();
    this.#retryAtMs = -Infinity;
    this.#events.onWork();
    return promise;
  }

  /**
   * Resolves when everything absorbed so far is sealed and all period files are frozen; the caller ends the backup. One
   * at a time: another is RESOURCE_EXHAUSTED.
   */
  beginBackup(): Promise<void> {
    if (this.backup.isRunning || this.#freezeWaiter !== null) {
      const message = "another backup is being made; one at a time, try again when it has ended";
      return Promise.reject(new WatchpostError("RESOURCE_EXHAUSTED", message));
    }
    this.#head.closeCurrent();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#freezeWaiter = { generation: this.#head.waiting.at(-1) ?? null, resolve, reject };
    this.#retryAtMs = -Infinity;
    this.#events.onWork();
    return promise;
  }

  /** Seals, then compacts, until nothing is left to do or writing fails; `onWork` tells when to start again. */
  *maintain(slice: Slice): Generator<void, void> {
    try {
      for (;;) {
        if (this.#closed || this.#clock.monotonicMs() < this.#retryAtMs) return;
        this.#freezeWhenSealed();
        if (this.#head.waiting.length > 0) {
          yield* this.#sealOldest(slice);
        } else {
          const asked = this.#compactWaiters.length;
          if (!(yield* this.#compaction.step(asked > 0, slice))) {
            for (const waiter of this.#compactWaiters.splice(0, asked)) waiter.resolve();
            if (this.#compactWaiters.length === 0) return;
            // Asked for while the last step ran by milder rules.
            this.#compaction.noteAll();
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
    this.backup.end();
    this.#head.closeCurrent();
    try {
      while (this.#head.waiting.length > 0) runToEnd(this.#sealOldest(ENDLESS_SLICE));
      while (this.#compaction.discardUnpinned());
    } catch (error) {
      this.#events.onTrouble(`sealing at the end failed: ${messageOf(error)}; the log keeps what is not sealed`);
    }
    const gone = new WatchpostError("UNAVAILABLE", "the store is closed");
    for (const { reject } of this.#takeWaiters()) reject(gone);
    this.#catalog.close();
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
    const blocksOfPeriods = yield* blocksOfGeneration(generation, new Set(written.keys()), slice);
    const ord = this.#catalog.nextOrd();
    const { clockUntrusted, firstSeq: seqFrom, lastSeq: seqTo } = generation;
    for (const [period, blocks] of blocksOfPeriods) {
      yield;
      yield* this.backup.makeWritable(this.#catalog.lastFile(period), slice);
      const added = blocks.map((block): NewBlock => {
        superseded += block.superseded;
        return { block, origin: { ord, level: 0, clockUntrusted, seqFrom, seqTo } };
      });
      written.set(period, this.#catalog.fileFor(period).replace(added, []));
    }
    const blocks = [...written.values()].flat();
    this.#catalog.switch(blocks, []);
    for (const file of new Set(blocks.map((block) => block.file))) this.#compaction.note(file);
    this.#head.dropOldest();
    this.#written = new Map();
    this.#sealedSeq = seqTo;
    const durationMs = this.#clock.monotonicMs() - startedMs;
    this.#events.onSealed({ throughSeq: seqTo, recordBytes: generation.recordBytes, superseded, durationMs });
    for (const waiter of this.#sealWaiters) if (waiter.generation === generation) waiter.resolve();
    this.#sealWaiters = this.#sealWaiters.filter((waiter) => waiter.generation !== generation);
  }

  #freezeWhenSealed(): void {
    const waiter = this.#freezeWaiter;
    if (waiter === null || (waiter.generation !== null && this.#head.waiting.includes(waiter.generation))) return;
    this.#freezeWaiter = null;
    try {
      this.backup.freeze();
      waiter.resolve();
    } catch (error) {
      waiter.reject(error);
    }
  }

  /** All that wait for maintenance; they wait no more. */
  #takeWaiters(): Waiter[] {
    const freezes = this.#freezeWaiter === null ? [] : [this.#freezeWaiter];
    this.#freezeWaiter = null;
    return [...this.#sealWaiters.splice(0), ...this.#compactWaiters.splice(0), ...freezes];
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
    for (const { reject } of this.#takeWaiters()) reject(failure);
  }
}
