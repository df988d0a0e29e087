/**
 * The store as one thread sees it: absorbs records into the head, seals generations into period files, compacts them,
 * answers queries. Everything long is a generator that the caller drives slice by slice; the catalog and the head
 * change between two slices only, so a query always sees a point in one of them.
 */
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { Clock } from "../model/clock.ts";
import type { SequenceRanges } from "../model/sequence-ranges.ts";
import { frameOfRecord, recordIn, type RecordFrame } from "../log/record.ts";
import { WrittenBytes } from "../log/written-bytes.ts";
import { StoreBackup } from "./backup.ts";
import { contentBytesOf, type Block, type NewBlock } from "./block.ts";
import { Backlog } from "./backlog.ts";
import { Archive } from "./archive.ts";
import { diskStateOf, type LookAtDisk } from "./disk.ts";
import { Head, type Generation } from "./head.ts";
import { latestOf } from "./latest.ts";
import type { Period } from "./period.ts";
import { PointReading } from "./point-reading.ts";
import type { Dropped, RangeQuery, RangeResult, Sealed, StoreOpened, StoreOptions, StoreStats } from "./protocol.ts";
import { RangeReading } from "./range-reading.ts";
import { RecentReading } from "./recent.ts";
import { blocksOfGeneration } from "./seal.ts";
import { ENDLESS_SLICE, runToEnd, type Slice } from "./slice.ts";
import { unsealedFrames } from "./unsealed-frames.ts";

/** Generations that may wait while the log is replayed; past it they are sealed at once. */
const REPLAY_WAITING_MAX = 1;
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 60_000;

export interface StoreEvents {
  onSealed(sealed: Sealed): void;
  onDropped(dropped: Dropped): void;
  onDamage(sentence: string): void;
  onTrouble(sentence: string): void;
  /** There is maintenance to do. */
  onWork(): void;
  /** While it opens: so many points of the log are read. After each record. */
  onReplayed?(points: number): void;
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
  readonly #archive: Archive;
  readonly #writes = new WrittenBytes();
  readonly backup: StoreBackup;
  readonly ranges: RangeReading;
  readonly reading: PointReading;
  readonly backlog: Backlog;
  readonly recent: RecentReading;
  /** Periods of the oldest waiting generation that are written already: the others failed. */
  #written = new Map<Period, Block[]>();
  #sealedBytes = 0;
  #newestArrivalMs = 0;
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
    lookAtDisk: LookAtDisk = diskStateOf,
  ): { store: Store; opened: StoreOpened; replayedBytes: number } {
    const damage: string[] = [];
    let opening = true;
    const onDamage = (sentence: string) => void (opening ? damage.push(sentence) : events.onDamage(sentence));
    const store = new Store(options, clock, { ...events, onDamage }, lookAtDisk);
    const nextSeq = store.#archive.points.lastSeq + 1;
    const replayed = store.#replay(options.segments, onDamage);
    const { points, reader, retired } = store.#archive;
    const latest = latestOf(points.all(), reader, store.#head.generations(), retired);
    opening = false;
    const opened = {
      latest,
      newestArrivalMs: store.#newestArrivalMs,
      replayedPoints: replayed.points,
      nextSeq,
      seriesIdEnd: Math.max(store.#archive.seriesIdEnd, (latest.seriesIds.at(-1) ?? 0) + 1),
      damage,
    };
    return { store, opened, replayedBytes: replayed.bytes };
  }

  private constructor(options: StoreOptions, clock: Clock, events: StoreEvents, lookAtDisk: LookAtDisk) {
    const { headPointsMax = 2_000_000, headBytesMax = 64 * 1024 * 1024, sealAgeMs = 3_600_000 } = options;
    this.#clock = clock;
    this.#events = events;
    this.#sealAgeMs = sealAgeMs;
    this.#head = new Head(headPointsMax, headBytesMax);
    this.#archive = new Archive(options, {
      clock,
      lookAtDisk,
      written: this.#writes,
      isClockTrusted: () => clock.nowMs() >= this.#newestArrivalMs,
      // Rows of a generation that are in the file and not only there are written again, to another.
      onLeaving: (file) => {
        if (this.#written.get(file.period)?.some((block) => block.file === file)) this.#written.delete(file.period);
      },
      onDamage: events.onDamage,
      onTrouble: events.onTrouble,
      onDropped: events.onDropped,
      onWork: events.onWork,
    });
    for (const { arrivalToS } of this.#archive.points.all()) this.#noteArrival(arrivalToS * 1000);
    this.backup = new StoreBackup(options.dir, this.#archive, events.onWork);
    this.ranges = new RangeReading(this.#archive, this.#head, events.onWork);
    this.reading = new PointReading(this.#archive, this.#head, events.onWork);
    this.recent = new RecentReading(this.#archive, this.#head, events.onWork);
    this.backlog = new Backlog(this.#archive, this.#head, { ...events, absorbedSeq: () => this.#absorbedSeq });
  }

  /** Whether generations wait to be written and nothing speaks against it: more urgent than the rest of maintenance. */
  get mustSeal(): boolean {
    return this.#head.waiting.length > 0 && this.#clock.monotonicMs() >= this.#retryAtMs;
  }

  /** What queries and merging have read and unpacked so far. */
  get readBytes(): number {
    return this.#archive.readBytes + this.backlog.readBytes;
  }

  absorb(record: ArrayBuffer): void {
    this.#absorb(frameOfRecord(record), recordIn(record).byteLength);
  }

  #absorb(frame: RecordFrame, recordBytes: number): void {
    const before = this.#head.current;
    const closed = this.#head.absorb(frame, recordBytes, this.#clock.monotonicMs());
    this.#absorbedSeq = frame.seq;
    this.#noteArrival(frame.arrivalMs);
    const { current } = this.#head;
    if (current !== null && current !== before) this.#sealWhenOld(current);
    if (closed) this.#events.onWork();
  }

  range(asked: RangeQuery, slice: Slice): Generator<void, RangeResult> {
    return this.ranges.range(asked, slice);
  }

  /** Points of these series, present and still to come, are dropped when they are written next, in the background. */
  retire(seriesIds: Uint32Array): void {
    this.#archive.retire(seriesIds);
    this.#events.onWork();
  }

  /** Sequences that an upstream has not got. */
  setUndelivered(ranges: SequenceRanges): void {
    this.#archive.setUndelivered(ranges);
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
    this.#archive.noteAll();
    this.#retryAtMs = -Infinity;
    this.#events.onWork();
    return promise;
  }

  /**
   * Resolves when everything absorbed so far is sealed and all period files are frozen; the caller ends the backup. One
   * at a time: another is RESOURCE_EXHAUSTED.
   */
  beginBackup(): Promise<void> {
    this.#head.closeCurrent();
    const generation = this.#head.waiting.at(-1);
    const frozen = this.backup.begin(() => generation === undefined || !this.#head.waiting.includes(generation));
    this.#retryAtMs = -Infinity;
    this.#events.onWork();
    return frozen;
  }

  /** Looks at once whether something may go, as where the disk is full; from now on all that may go does. */
  retain(): void {
    this.#archive.retention.release();
    this.#archive.retention.check();
    this.#events.onWork();
  }

  /**
   * Drops what need not be kept, seals, compacts, until nothing is left to do or writing fails; `onWork` tells when to
   * start again. What frees space is not held back by a failure: it may end it.
   */
  *maintain(slice: Slice): Generator<void, void> {
    try {
      for (;;) {
        if (this.#closed) return;
        this.backup.freezeWhenSealed();
        const mayWrite = this.#clock.monotonicMs() >= this.#retryAtMs;
        if (yield* this.#archive.retention.step(mayWrite, slice)) {
          this.#retryAtMs = -Infinity;
          yield;
          continue;
        }
        if (!mayWrite) return;
        if (this.#head.waiting.length > 0) {
          yield* this.#sealOldest(slice);
        } else {
          const asked = this.#compactWaiters.length;
          if (!(yield* this.#archive.tidy(asked > 0, slice))) {
            for (const waiter of this.#compactWaiters.splice(0, asked)) waiter.resolve();
            if (this.#compactWaiters.length === 0) return;
            // Asked for while the last step ran by milder rules.
            this.#archive.noteAll();
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
    for (const block of this.#archive.points.all()) {
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
      files: this.#archive.points.files().length,
      tiers: this.#archive.retention.tierStats(),
      disk: this.#archive.retention.diskStats(),
      writtenBytes: { ...this.#writes.totals },
      rewrites: this.#archive.rewrites,
      sealedBytes: this.#sealedBytes,
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
      this.#archive.discardUnpinned();
    } catch (error) {
      this.#events.onTrouble(`sealing at the end failed: ${messageOf(error)}; the log keeps what is not sealed`);
    }
    const gone = new WatchpostError("UNAVAILABLE", "the store is closed");
    this.#failWaiters(gone);
    this.#archive.close();
  }

  #replay(segments: readonly string[], onDamage: (sentence: string) => void): { points: number; bytes: number } {
    const replayed = { points: 0, bytes: 0 };
    let canSeal = true;
    for (const { frame, bytes } of unsealedFrames(segments, this.#archive.points, onDamage)) {
      this.#absorb(frame, bytes);
      replayed.points += frame.count;
      replayed.bytes += bytes;
      this.#events.onReplayed?.(replayed.points);
      if (!canSeal || this.#head.waiting.length <= REPLAY_WAITING_MAX) continue;
      try {
        runToEnd(this.#sealOldest(ENDLESS_SLICE));
      } catch (error) {
        canSeal = false;
        this.#backOff(error);
      }
    }
    // With nothing to seal the log may go at once.
    if (replayed.points === 0) this.#head.closeCurrent();
    return replayed;
  }

  *#sealOldest(slice: Slice): Generator<void, void> {
    const startedMs = this.#clock.monotonicMs();
    const [generation] = this.#head.waiting;
    const written = this.#written;
    let superseded = 0;
    const pieces = this.#archive.undelivered.piecesOf(generation);
    const blocksOfPeriods = yield* blocksOfGeneration(
      generation,
      pieces,
      new Set(written.keys()),
      this.#archive.retired,
      slice,
    );
    const ords = pieces.map(() => this.#archive.points.nextOrd());
    const { clockUntrusted, lastSeq } = generation;
    for (const [period, blocksOfPieces] of blocksOfPeriods) {
      yield;
      yield* this.backup.makeWritable(this.#archive.points.lastFile(period), slice);
      const added = blocksOfPieces.flatMap((blocks, piece): NewBlock[] => {
        const { seqFrom, seqTo } = pieces[piece];
        const origin = { ord: ords[piece], level: 0, clockUntrusted, seqFrom, seqTo };
        return blocks.map((block) => ({ block, origin }));
      });
      superseded += added.reduce((sum, { block }) => sum + block.superseded, 0);
      const contentBytes = contentBytesOf(added);
      const write = () => this.#archive.points.fileFor(period).replace(added, []);
      written.set(period, this.#writes.during("seal", contentBytes, write));
      this.#sealedBytes += contentBytes;
    }
    const blocks = [...written.values()].flat();
    this.#archive.show(blocks);
    this.recent.unread.keep(this.#head.waiting[0]);
    this.#head.dropOldest();
    this.#written = new Map();
    this.#sealedSeq = lastSeq;
    this.#archive.retention.check();
    const durationMs = this.#clock.monotonicMs() - startedMs;
    this.#events.onSealed({ throughSeq: lastSeq, recordBytes: generation.recordBytes, superseded, durationMs });
    for (const waiter of this.#sealWaiters) if (waiter.generation === generation) waiter.resolve();
    this.#sealWaiters = this.#sealWaiters.filter((waiter) => waiter.generation !== generation);
  }

  /** All that wait for maintenance wait no more. */
  #failWaiters(failure: WatchpostError): void {
    for (const { reject } of [...this.#sealWaiters.splice(0), ...this.#compactWaiters.splice(0)]) reject(failure);
    this.backup.failBegin(failure);
  }

  #noteArrival(arrivalMs: number): void {
    if (arrivalMs > this.#newestArrivalMs) this.#newestArrivalMs = arrivalMs;
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
    this.#archive.retention.check();
    this.#clock.after(retryMs, () => this.#events.onWork());
    const sentence = `writing period files failed: ${messageOf(error)}; nothing is lost, tried again in ${retryMs} ms`;
    this.#events.onTrouble(sentence);
    const failure = new WatchpostError("UNAVAILABLE", sentence, { retryAfterMs: retryMs, cause: error });
    this.#failWaiters(failure);
  }
}
