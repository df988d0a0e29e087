import { WatchpostError } from "../model/errors.ts";
import type { Bus } from "../bus/bus.ts";
import { encodeRecord, frameOfRecord } from "../log/record.ts";
import type { Clock } from "../model/clock.ts";
import { BATCH_POINTS_MAX, COMMITS_OUTSTANDING_MAX, FRAME_POINTS_MAX } from "../model/limits.ts";
import type { SeriesDefinition, SeriesRegistry } from "../model/series-registry.ts";
import type { BeginSpan, Span } from "../model/span.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { BatchRows } from "../wire/decoded-batch.ts";

/** The log as the committer sees it. Appends are answered in order. */
export interface CommitLog {
  append(record: ArrayBuffer): Promise<ArrayBuffer>;
  /** Begins a new segment after a failed append; returns the next sequence. */
  reopen(): Promise<number>;
}

/** The store as the committer sees it. */
export interface FrameSink {
  absorb(record: ArrayBuffer): void;
}

/** The points that are committed together. Every batch added to it shares its fate. */
export interface CommitGroup {
  /** Resolves once durable and published; rejects with UNAVAILABLE or RESOURCE_EXHAUSTED when it could not be written. */
  readonly done: Promise<void>;
}

interface ClosedGroup extends CommitGroup {
  readonly record: ArrayBuffer;
  readonly points: number;
  readonly arrivalMs: number;
  readonly closedAtMs: number;
  readonly firstDefinition: number;
  readonly span: Span | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

export interface CommitterDeps {
  readonly log: CommitLog;
  readonly store: FrameSink;
  readonly bus: Bus;
  readonly registry: SeriesRegistry;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Left out: commits are not traced. */
  readonly beginSpan?: BeginSpan | undefined;
  readonly nextSeq: number;
  /** Highest series id that is on disk already. */
  readonly definedThrough: number;
  /** Whether the wall clock may be believed. */
  isClockTrusted(): boolean;
  /** Hears of a failing log (with the error) and of its recovery (undefined). */
  onLogState(error: WatchpostError | undefined): void;
  /** Of at least `bytes` bytes, for a record. */
  takeBuffer(bytes: number): ArrayBuffer;
  /** Runs once what the event loop has in hand is done; so that batches that arrive together share a frame. */
  defer(run: () => void): void;
}

const REOPEN_AFTER_MS = 1_000;

/**
 * Gathers the points of all streams in one open frame and commits it: log, then bus, then store, then the senders are
 * told. While the log has its hands full the frame grows, so one sync serves whatever arrived meanwhile.
 */
export class Committer {
  readonly #deps: CommitterDeps;
  readonly #seriesIds = new Uint32Array(FRAME_POINTS_MAX);
  readonly #timesUs = new Float64Array(FRAME_POINTS_MAX);
  readonly #values = new Float64Array(FRAME_POINTS_MAX);
  #count = 0;
  #open: PromiseWithResolvers<void> | undefined;
  readonly #waiting: ClosedGroup[] = [];
  readonly #outstanding: ClosedGroup[] = [];
  #nextSeq: number;
  #definedThrough: number;
  #flushScheduled = false;
  #failure: WatchpostError | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(deps: CommitterDeps) {
    this.#deps = deps;
    this.#nextSeq = deps.nextSeq;
    this.#definedThrough = deps.definedThrough;
  }

  /** Why nothing can be committed at present. */
  get failure(): WatchpostError | undefined {
    return this.#failure;
  }

  /** Frames closed and not yet durable. */
  get depth(): number {
    return this.#waiting.length + this.#outstanding.length;
  }

  /** When the oldest frame came that is closed and not published yet; Infinity: there is none. */
  get oldestArrivalMs(): number {
    return (this.#outstanding[0] ?? this.#waiting[0])?.arrivalMs ?? Infinity;
  }

  /** Where the rows of the next batch are written, before {@link add}: room for BATCH_POINTS_MAX. */
  room(): BatchRows {
    if (this.#count + BATCH_POINTS_MAX > FRAME_POINTS_MAX) this.#close();
    return { at: this.#count, seriesIds: this.#seriesIds, timesUs: this.#timesUs, values: this.#values };
  }

  /**
   * Takes the first `count` rows, at least one, that were written to {@link room}. Throws what the log failed with while
   * it has not recovered. The caller bounds what is in flight; the committer does not.
   */
  add(count: number): CommitGroup {
    if (this.#failure) throw this.#failure;
    const open = (this.#open ??= Promise.withResolvers<void>());
    // A group that fails with nobody waiting for it any more is not a defect.
    open.promise.catch(() => {});
    this.#count += count;
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      this.#deps.defer(() => {
        this.#flushScheduled = false;
        this.#flush();
      });
    }
    return { done: open.promise };
  }

  /** Resolves when nothing is open, waiting or outstanding. */
  async drained(): Promise<void> {
    if (this.#count === 0 && this.depth === 0) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  #flush(): void {
    if (this.#failure) return;
    if (this.#count > 0 && this.#outstanding.length + this.#waiting.length < COMMITS_OUTSTANDING_MAX) this.#close();
    while (this.#waiting.length > 0 && this.#outstanding.length < COMMITS_OUTSTANDING_MAX) {
      const group = this.#waiting.shift()!;
      this.#outstanding.push(group);
      this.#deps.log.append(group.record).then(
        (record) => this.#onDurable(group, record),
        (error: unknown) => this.#onFailed(error),
      );
    }
    this.#deps.metrics.queueDepth.set({ queue: "commit" }, this.depth);
    if (this.#count === 0 && this.depth === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  /** Turns the open frame into a record. */
  #close(): void {
    const { registry, clock } = this.#deps;
    const { promise, resolve, reject } = this.#open!;
    const firstDefinition = this.#definedThrough + 1;
    const definitions: SeriesDefinition[] = [];
    for (let id = firstDefinition; id < registry.idEnd; id++) {
      // One that was deleted before it was ever written needs no definition: its points are dropped.
      if (registry.has(id)) definitions.push({ id, key: registry.keyOf(id) });
    }
    this.#definedThrough = registry.idEnd - 1;
    const frame = {
      seq: this.#nextSeq++,
      arrivalMs: clock.nowMs(),
      clockUntrusted: !this.#deps.isClockTrusted(),
      count: this.#count,
      seriesIds: this.#seriesIds,
      timesUs: this.#timesUs,
      values: this.#values,
    };
    const record = encodeRecord(frame, definitions, this.#deps.takeBuffer);
    const closedAtMs = clock.monotonicMs();
    const span = this.#deps.beginSpan?.("log.commit");
    span?.set("watchpost.points", this.#count);
    const group = { record, points: this.#count, arrivalMs: frame.arrivalMs, closedAtMs, firstDefinition, span };
    this.#waiting.push({ ...group, done: promise, resolve, reject });
    this.#count = 0;
    this.#open = undefined;
  }

  #onDurable(group: ClosedGroup, record: ArrayBuffer): void {
    const { bus, store, metrics, clock } = this.#deps;
    this.#outstanding.shift();
    metrics.commits.inc({ result: "synced" });
    group.span?.end();
    metrics.commitPoints.inc(group.points);
    metrics.commitSeconds.observe((clock.monotonicMs() - group.closedAtMs) / 1_000);
    bus.publish(frameOfRecord(record));
    store.absorb(record);
    group.resolve();
    this.#flush();
  }

  /** Everything not durable is refused and its senders try again; the log is reopened until it works. */
  #onFailed(error: unknown): void {
    if (this.#failure) return;
    const failure =
      error instanceof WatchpostError
        ? error
        : new WatchpostError("UNAVAILABLE", "the log cannot be written", {
            cause: error,
            retryAfterMs: REOPEN_AFTER_MS,
          });
    this.#failure = failure;
    if (this.#count > 0) this.#close();
    const refused = [...this.#outstanding.splice(0), ...this.#waiting.splice(0)];
    this.#definedThrough = Math.min(...refused.map((group) => group.firstDefinition)) - 1;
    this.#deps.metrics.commits.inc({ result: "failed" }, refused.length);
    for (const group of refused) {
      group.span?.end(failure.message);
      group.reject(failure);
    }
    this.#deps.onLogState(failure);
    this.#flushIdle();
    this.#scheduleReopen();
  }

  #flushIdle(): void {
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #scheduleReopen(): void {
    this.#deps.clock.after(REOPEN_AFTER_MS, () => {
      this.#deps.log.reopen().then(
        (nextSeq) => {
          // The log does not know of blocks, which the first one here does.
          this.#nextSeq = Math.max(this.#deps.nextSeq, nextSeq);
          this.#failure = undefined;
          this.#deps.onLogState(undefined);
        },
        () => this.#scheduleReopen(),
      );
    });
  }
}
