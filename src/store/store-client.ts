/** The event loop's end of the store worker: absorbs records, asks for ranges, hears what is sealed. */
import type { Worker } from "node:worker_threads";
import { recordIn } from "../log/record.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { SequenceRanges } from "../model/sequence-ranges.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { BacklogPart, BacklogQuery, SequencesHeld } from "./backlog-protocol.ts";
import type { BackupListed } from "./backup.ts";
import type { OutgoingPart, OutgoingQuery } from "./outgoing-protocol.ts";
import type { RecentPart, RecentQuery } from "./recent-protocol.ts";
import type { FrozenPiece } from "./frozen-file.ts";
import type {
  ArrivalQuery,
  ArrivalResult,
  Dropped,
  RangeQuery,
  RangeResult,
  RunsResult,
  Sealed,
  StandingQuery,
  StandingResult,
  StoreAnswer,
  StoreEvent,
  StoreOpened,
  StoreOptions,
  StoreRequest,
  StoreStats,
} from "./protocol.ts";

export type {
  Aggregation,
  ArrivalQuery,
  ArrivalResult,
  Dropped,
  Fill,
  Grouping,
  RangeQuery,
  RangeResult,
  RunColumns,
  RunsResult,
  Sealed,
  StandingQuery,
  StandingResult,
  StepFunction,
  Top,
  StoreOpened,
  StoreOptions,
  StoreStats,
  TierStats,
} from "./protocol.ts";

export type { BacklogBlock, BacklogCursor, BacklogPart, BacklogQuery, SequencesHeld } from "./backlog-protocol.ts";
export type { BackupListed } from "./backup.ts";
export type { FrozenPiece } from "./frozen-file.ts";

interface Pending {
  resolve(value: StoreAnswer): void;
  reject(error: unknown): void;
}

export class StoreClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #opened = Promise.withResolvers<StoreOpened>();
  #lastId = 0;
  #unsealedBytes = 0;
  #gone: WatchpostError | null = null;
  #closed: Promise<void> | null = null;
  /** What happened before anybody listened, as while the log was replayed. */
  readonly #earlySealed: Sealed[] = [];
  #onSealed = (sealed: Sealed): void => void this.#earlySealed.push(sealed);
  readonly #earlyDropped: Dropped[] = [];
  #onDropped = (dropped: Dropped): void => void this.#earlyDropped.push(dropped);
  #onDamage: (sentence: string) => void = () => {};
  readonly #earlyTrouble: string[] = [];
  #onTrouble = (sentence: string): void => void this.#earlyTrouble.push(sentence);
  #onCrash: (error: WatchpostError) => void = () => {};
  #onSpare: (buffer: ArrayBuffer) => void = () => {};
  #onReplayed: (points: number) => void = () => {};

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (event: StoreEvent) => this.#hear(event));
    worker.on("error", (error) => this.#leave(messageOf(error)));
    worker.on("exit", (code) => this.#leave(`it ended with code ${code}`));
  }

  /**
   * Starts the worker and opens the data directory in it: period files checked, log segments replayed. Fails with
   * FAILED_PRECONDITION where a file was written by a later version; damage is told in `opened`, and served around. While
   * segments are replayed `onReplayed` hears of the points so far, at most once a second.
   */
  static async open(
    spawn: SpawnWorker,
    options: StoreOptions,
    onReplayed: (points: number) => void = () => {},
  ): Promise<{ store: StoreClient; opened: StoreOpened }> {
    const store = new StoreClient(spawn("store"));
    store.#onReplayed = onReplayed;
    store.#post({ kind: "open", options });
    try {
      return { store, opened: await store.#opened.promise };
    } catch (error) {
      store.#closed = Promise.resolve();
      await store.#worker.terminate();
      throw error;
    }
  }

  /** Bytes of records handed over and not sealed yet; what the store holds in memory for them. */
  get unsealedBytes(): number {
    return this.#unsealedBytes;
  }

  /** Questions that wait for their answer. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Takes a whole log record, in ascending sequence; `record` is detached. Never fails: the log has it already. */
  absorb(record: ArrayBuffer): void {
    if (this.#gone !== null) return;
    this.#unsealedBytes += recordIn(record).byteLength;
    this.#post({ kind: "absorb", record }, [record]);
  }

  /**
   * Points or step aggregates of the asked series, last write wins, everything absorbed before included. Fails with
   * RESOURCE_EXHAUSTED past `query.pointsMax`, CANCELLED when `signal` aborts, UNAVAILABLE when the worker is gone.
   */
  range(query: RangeQuery, { signal }: { signal?: AbortSignal } = {}): Promise<RangeResult> {
    return this.#askUntil<RangeResult>((id) => ({ kind: "range", id, query }), signal);
  }

  /** Of each step what is known of its points together; `query.func` does not count. Fails as {@link range} does. */
  runs(query: RangeQuery, { signal }: { signal?: AbortSignal } = {}): Promise<RunsResult> {
    return this.#askUntil<RunsResult>((id) => ({ kind: "runs", id, query }), signal);
  }

  /**
   * Every write of points that arrived in a range of seconds, in order of arrival, everything absorbed before included; the
   * same value again is no write. Fails with RESOURCE_EXHAUSTED where one series has more than four million of them, and as
   * {@link range} does otherwise.
   */
  arrivals(query: ArrivalQuery, { signal }: { signal?: AbortSignal } = {}): Promise<ArrivalResult> {
    return this.#askUntil<ArrivalResult>((id) => ({ kind: "arrivals", id, query }), signal);
  }

  /** What stood at a time, as was known at another. Fails as {@link extents} does. */
  standing(query: StandingQuery, { signal }: { signal?: AbortSignal } = {}): Promise<StandingResult> {
    return this.#askUntil<StandingResult>((id) => ({ kind: "standing", id, query }), signal);
  }

  /**
   * The earliest event time of each series, Unix microseconds, NaN where nothing is stored; `seriesIds` ascending, each
   * once. Fails with CANCELLED when `signal` aborts, UNAVAILABLE when the worker is gone.
   */
  extents(seriesIds: Uint32Array, { signal }: { signal?: AbortSignal } = {}): Promise<Float64Array> {
    return this.#askUntil<Float64Array>((id) => ({ kind: "extents", id, seriesIds }), signal);
  }

  /**
   * From now on points of these series are left out wherever points are written; what is stored of them goes in the
   * background. To be told again at every opening, in `StoreOptions.retired`.
   */
  async retire(seriesIds: Uint32Array): Promise<void> {
    await this.#ask({ kind: "retire", id: ++this.#lastId, seriesIds });
  }

  /**
   * What an upstream has not got. From now on it is sealed into blocks of its own, which are not merged; what retention takes
   * of it is told with it. To be told again at every opening, in `StoreOptions.undelivered`.
   */
  setUndelivered(ranges: SequenceRanges): void {
    if (this.#gone === null) this.#post({ kind: "set_undelivered", ranges });
  }

  /**
   * The next part of a pass over the backlog, newest first: rows that stand as they were absorbed until now, in blocks. Fails
   * as {@link extents} does.
   */
  undelivered(query: BacklogQuery, { signal }: { signal?: AbortSignal } = {}): Promise<BacklogPart> {
    return this.#askUntil<BacklogPart>((id) => ({ kind: "backlog", id, query }), signal);
  }

  /**
   * What remote write sends next, in order of arrival: everything absorbed until now is read part by part. What is not sent is
   * sealed into blocks of its own, which are not merged, and what retention takes of it is told with it. To be told again at
   * every opening, in `StoreOptions.unsentFrom`. One reader. Fails as {@link extents} does.
   */
  outgoing(query: OutgoingQuery, { signal }: { signal?: AbortSignal } = {}): Promise<OutgoingPart> {
    return this.#askUntil<OutgoingPart>((id) => ({ kind: "outgoing", id, query }), signal);
  }

  /** Rows that came after a sequence, packed, everything absorbed until now; what is sealed meanwhile is left out. Fails as {@link extents} does. */
  recent(query: RecentQuery): Promise<RecentPart> {
    return this.#ask<RecentPart>({ kind: "recent", id: ++this.#lastId, query });
  }

  /** How much of these sequences is stored. Fails as {@link extents} does. */
  countUndelivered(ranges: SequenceRanges, { signal }: { signal?: AbortSignal } = {}): Promise<SequencesHeld> {
    return this.#askUntil<SequencesHeld>((id) => ({ kind: "sequences_held", id, ranges }), signal);
  }

  /**
   * The sequences that brought points of event times in [fromUs, toUs), and those that are stored in one block with them.
   * Fails as {@link extents} does.
   */
  sequencesOf(fromUs: number, toUs: number, { signal }: { signal?: AbortSignal } = {}): Promise<SequenceRanges> {
    return this.#askUntil<SequenceRanges>((id) => ({ kind: "sequences_of", id, fromUs, toUs }), signal);
  }

  /** Resolves when everything absorbed so far is in period files. Fails with the reason where it cannot be written. */
  async seal(): Promise<void> {
    await this.#ask({ kind: "seal", id: ++this.#lastId });
  }

  /** Merges small blocks and gives free space back until nothing is left to do. Sealed points only. */
  async compact(): Promise<void> {
    await this.#ask({ kind: "compact", id: ++this.#lastId });
  }

  /**
   * Seals everything absorbed so far, then freezes all period files: what they hold is the backup. {@link endBackup}
   * must follow, unless this fails: with RESOURCE_EXHAUSTED while another backup is made, UNAVAILABLE where sealing fails.
   */
  beginBackup(base: ReadonlyMap<string, string>): Promise<BackupListed> {
    return this.#ask<BackupListed>({ kind: "backup_begin", id: ++this.#lastId, base });
  }

  /** The next piece of a listed file; null when it is there no more. Fails with ABORTED when it goes while it is read. */
  readBackup(name: string): Promise<FrozenPiece | null> {
    return this.#ask<FrozenPiece | null>({ kind: "backup_read", id: ++this.#lastId, name });
  }

  endBackup(): void {
    if (this.#gone === null) this.#post({ kind: "backup_end" });
  }

  /** Looks at once whether something may go, as where the disk is full. Ends `isRetentionHeld`. */
  retain(): void {
    if (this.#gone === null) this.#post({ kind: "retain" });
  }

  stats(): Promise<StoreStats> {
    return this.#ask<StoreStats>({ kind: "stats", id: ++this.#lastId });
  }

  /**
   * Seals everything, closes the files and ends the worker. What cannot be sealed stays in the log, and is told through
   * onTrouble. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      try {
        if (this.#gone === null) await this.#ask({ kind: "close", id: ++this.#lastId });
      } finally {
        this.#leave("it was closed");
        await this.#worker.terminate();
      }
    })();
    return this.#closed;
  }

  /**
   * All points of records up to and including `throughSeq` are durable in period files: their log may go. Called at once
   * for what was sealed already, as in a long replay.
   */
  onSealed(callback: (sealed: Sealed) => void): void {
    this.#onSealed = callback;
    for (const sealed of this.#earlySealed.splice(0)) callback(sealed);
  }

  /** Retention took a file of points. Called at once for what went before. */
  onDropped(callback: (dropped: Dropped) => void): void {
    this.#onDropped = callback;
    for (const dropped of this.#earlyDropped.splice(0)) callback(dropped);
  }

  /** Stored points that cannot be served: said once for each place. */
  onDamage(callback: (sentence: string) => void): void {
    this.#onDamage = callback;
  }

  /** Writing failed and is tried again later; nothing is lost, memory fills meanwhile. */
  onTrouble(callback: (sentence: string) => void): void {
    this.#onTrouble = callback;
    for (const sentence of this.#earlyTrouble.splice(0)) callback(sentence);
  }

  /** The buffer of a record that was absorbed, for another one. */
  onSpare(callback: (buffer: ArrayBuffer) => void): void {
    this.#onSpare = callback;
  }

  /** The worker ended by itself. Every call fails with UNAVAILABLE from then on. */
  onCrash(callback: (error: WatchpostError) => void): void {
    this.#onCrash = callback;
  }

  #ask<T extends StoreAnswer>(request: StoreRequest & { id: number }): Promise<T> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const { promise, resolve, reject } = Promise.withResolvers<StoreAnswer>();
    this.#pending.set(request.id, { resolve, reject });
    this.#post(request);
    return promise as Promise<T>;
  }

  /** Tells the worker to stop when `signal` aborts. */
  #askUntil<T extends StoreAnswer>(
    requestOf: (id: number) => StoreRequest & { id: number },
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(cancelled());
    const id = ++this.#lastId;
    const answered = this.#ask<T>(requestOf(id));
    if (signal === undefined) return answered;
    const abort = () => {
      const pending = this.#pending.get(id);
      if (pending === undefined) return;
      this.#pending.delete(id);
      this.#post({ kind: "cancel", id });
      pending.reject(cancelled());
    };
    signal.addEventListener("abort", abort, { once: true });
    return answered.finally(() => signal.removeEventListener("abort", abort));
  }

  #post(request: StoreRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #hear(event: StoreEvent): void {
    switch (event.kind) {
      case "replayed":
        return this.#onReplayed(event.points);
      case "opened":
        this.#unsealedBytes += event.unsealedBytes;
        return this.#opened.resolve(event.opened);
      case "refused":
        return this.#opened.reject(new WatchpostError(event.failure.status, event.failure.message));
      case "answer":
        return this.#take(event.id)?.resolve(event.value);
      case "failed":
        return this.#take(event.id)?.reject(new WatchpostError(event.failure.status, event.failure.message));
      case "sealed":
        this.#unsealedBytes -= event.sealed.recordBytes;
        return this.#onSealed(event.sealed);
      case "dropped":
        return this.#onDropped(event.dropped);
      case "spare":
        return this.#onSpare(event.buffer);
      case "damage":
        return this.#onDamage(event.sentence);
      case "trouble":
        return this.#onTrouble(event.sentence);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #leave(reason: string): void {
    if (this.#gone !== null) return;
    this.#gone = new WatchpostError("UNAVAILABLE", `the store worker is gone: ${reason}`);
    this.#opened.promise.catch(() => {});
    this.#opened.reject(this.#gone);
    for (const { reject } of this.#pending.values()) reject(this.#gone);
    this.#pending.clear();
    if (this.#closed === null) this.#onCrash(this.#gone);
  }
}

function cancelled(): WatchpostError {
  return new WatchpostError("CANCELLED", "the query was cancelled by its caller");
}
