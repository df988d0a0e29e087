import type { Clock } from "../model/clock.ts";
import type { WatchpostError } from "../model/errors.ts";
import { BATCH_POINTS_MAX, STREAM_IN_FLIGHT_BYTES_MAX, STREAM_IN_FLIGHT_POINTS_MAX } from "../model/limits.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { CommitGroup } from "./committer.ts";
import type { Allowance } from "../wire/allowance.ts";
import type { BatchSender, Intake, TakenBatch } from "./intake.ts";
import type { LimitedSender } from "./limited-sender.ts";
import type { MemoryBudget } from "./memory-budget.ts";

export interface UploadDeps {
  readonly intake: Intake;
  readonly budget: MemoryBudget;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface UploadOptions {
  readonly signal: AbortSignal;
  /** undefined: it may send all there are. */
  readonly sender: LimitedSender | undefined;
  /** undefined: as much as it likes. */
  readonly allowance: Allowance | undefined;
  /** The totals have grown. */
  onProgress?(): void;
}

/** A point that was refused, or with `pointIndex` -1 a whole batch. */
export interface Refusal {
  /** Position of the batch in its stream, from 0. */
  readonly batchIndex: number;
  readonly batchId: string;
  readonly pointIndex: number;
  readonly pointId: string;
  readonly reason: string;
}

/** What became of a run of batches that were committed together. */
interface Tally {
  batches: number;
  batchesFailed: number;
  points: number;
  pointsFailed: number;
  lastBatchId: string;
  refusals: Refusal[];
}

interface InFlight extends Tally {
  readonly group: CommitGroup;
  readonly startedAtMs: number;
  messageBytes: number;
  reservedBytes: number;
}

/**
 * One stream of batches on its way to the disk: bounds what is in flight, and counts what became of it. The totals
 * cover what is durable (or refused), in the order sent.
 */
export class Upload {
  readonly #deps: UploadDeps;
  readonly #signal: AbortSignal;
  readonly #sender: BatchSender;
  readonly #allowance: Allowance | undefined;
  readonly #refusalsMax: number;
  readonly #onProgress: () => void;
  readonly #failed = Promise.withResolvers<never>();
  readonly #inFlight: InFlight[] = [];
  readonly #total = emptyTally();
  #taken = 0;
  #points = 0;
  #messageBytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #changed: PromiseWithResolvers<void> | undefined;
  #limited: WatchpostError | undefined;

  /** Keeps the first `refusalsMax` refusals; {@link takeRefusals} makes room. */
  constructor(deps: UploadDeps, refusalsMax: number, options: UploadOptions) {
    const { signal, sender, allowance, onProgress = () => {} } = options;
    this.#deps = deps;
    this.#signal = signal;
    this.#allowance = allowance;
    this.#sender = {
      sender,
      resolve: deps.intake.resolverFor(sender, allowance, (refusal) => (this.#limited = refusal)),
    };
    this.#refusalsMax = refusalsMax;
    this.#onProgress = onProgress;
    this.#failed.promise.catch(() => {});
  }

  get total(): Readonly<Tally> {
    return this.#total;
  }

  /** Set where points were refused that are taken later: their sender has made as many series as it may for now. */
  get limited(): WatchpostError | undefined {
    return this.#limited;
  }

  /** Rejects as soon as something of the stream could not be committed. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The refusals since the last call. */
  takeRefusals(): Refusal[] {
    return this.#total.refusals.splice(0);
  }

  /**
   * Takes one message: at once, or when there is room for it in this stream and in the memory budget. Fails with
   * RESOURCE_EXHAUSTED when the budget stays used up or its sender has sent more than it may, or with what the log failed with.
   */
  accept(message: Uint8Array): Promise<void> | undefined {
    const refusal = this.#overLimits();
    if (refusal !== undefined) return this.#refuse(refusal);
    const reservedBytes = memoryOf(message);
    if (!this.#hasRoom(message) || !this.#deps.budget.tryReserve(reservedBytes)) return this.#acceptLater(message);
    this.#take(message, reservedBytes);
    return undefined;
  }

  /** Resolves when nothing is in flight any more. */
  async settled(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#change();
    if (this.#failure) throw this.#failure.error;
  }

  async #acceptLater(message: Uint8Array): Promise<void> {
    while (!this.#hasRoom(message)) await this.#change();
    const reservedBytes = memoryOf(message);
    await this.#deps.budget.reserve(reservedBytes, { signal: this.#signal });
    this.#take(message, reservedBytes);
  }

  /** By message, never by point: how many are in one is known once it is decoded. */
  #overLimits(): WatchpostError | undefined {
    const allowance = this.#allowance;
    if (allowance === undefined) return undefined;
    const refusal = allowance.refusal("points_per_second");
    // The first message is the call itself.
    return refusal ?? (this.#taken > 0 ? allowance.refusal("messages_per_second") : undefined);
  }

  /** Once what came before is acked: sent again it would be counted again. */
  async #refuse(refusal: WatchpostError): Promise<never> {
    await this.settled();
    throw refusal;
  }

  #hasRoom(message: Uint8Array): boolean {
    if (this.#failure) throw this.#failure.error;
    return (
      this.#inFlight.length === 0 ||
      (this.#points + BATCH_POINTS_MAX <= STREAM_IN_FLIGHT_POINTS_MAX &&
        this.#messageBytes + message.byteLength <= STREAM_IN_FLIGHT_BYTES_MAX)
    );
  }

  #take(message: Uint8Array, reservedBytes: number): void {
    let taken: TakenBatch;
    try {
      taken = this.#deps.intake.take(message, this.#refusalsMax, this.#sender);
    } catch (error) {
      this.#deps.budget.release(reservedBytes);
      throw error;
    }
    const batchIndex = this.#taken++;
    this.#allowance?.use("points_per_second", taken.kept + taken.refusedTotal);
    if (batchIndex > 0) this.#allowance?.use("messages_per_second", 1);
    let last = this.#inFlight.at(-1);
    if (taken.group === undefined) {
      this.#deps.budget.release(reservedBytes);
      count(last ?? this.#total, taken, batchIndex, this.#refusalsMax);
      if (last === undefined) this.#report(0, taken.refusedTotal, 1, taken.unusable === undefined ? 0 : 1);
      return;
    }
    if (last?.group.done !== taken.group.done) {
      const startedAtMs = this.#deps.clock.monotonicMs();
      last = { ...emptyTally(), group: taken.group, startedAtMs, messageBytes: 0, reservedBytes: 0 };
      this.#inFlight.push(last);
      this.#follow(last);
    }
    count(last, taken, batchIndex, this.#refusalsMax);
    last.messageBytes += message.byteLength;
    last.reservedBytes += reservedBytes;
    this.#messageBytes += message.byteLength;
    this.#points += taken.kept;
  }

  #follow(entry: InFlight): void {
    entry.group.done.then(
      () => {
        this.#leave(entry);
        this.#add(entry);
        const { clock, metrics } = this.#deps;
        metrics.batchSeconds.observe((clock.monotonicMs() - entry.startedAtMs) / 1_000);
        this.#report(entry.points, entry.pointsFailed, entry.batches, entry.batchesFailed);
      },
      (error: unknown) => {
        this.#leave(entry);
        this.#failure ??= { error };
        this.#failed.reject(error);
      },
    );
  }

  /** Groups are done in the order they were made, so the entry is the first. */
  #leave(entry: InFlight): void {
    this.#inFlight.shift();
    this.#points -= entry.points;
    this.#messageBytes -= entry.messageBytes;
    this.#deps.budget.release(entry.reservedBytes);
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  #add(entry: InFlight): void {
    const total = this.#total;
    total.batches += entry.batches;
    total.batchesFailed += entry.batchesFailed;
    total.points += entry.points;
    total.pointsFailed += entry.pointsFailed;
    total.lastBatchId = entry.lastBatchId;
    keep(total.refusals, entry.refusals, this.#refusalsMax);
  }

  #report(points: number, pointsFailed: number, batches: number, batchesFailed: number): void {
    const { metrics } = this.#deps;
    metrics.points.inc({ result: "stored" }, points);
    metrics.points.inc({ result: "refused" }, pointsFailed);
    metrics.batches.inc({ result: "accepted" }, batches - batchesFailed);
    metrics.batches.inc({ result: "failed" }, batchesFailed);
    this.#onProgress();
  }

  #change(): Promise<void> {
    this.#changed ??= Promise.withResolvers<void>();
    return this.#changed.promise;
  }
}

function emptyTally(): Tally {
  return { batches: 0, batchesFailed: 0, points: 0, pointsFailed: 0, lastBatchId: "", refusals: [] };
}

function count(tally: Tally, taken: TakenBatch, batchIndex: number, refusalsMax: number): void {
  const { batchId, kept, refusedTotal, refused, unusable } = taken;
  tally.batches++;
  tally.points += kept;
  tally.pointsFailed += refusedTotal;
  tally.lastBatchId = batchId;
  if (unusable !== undefined) {
    tally.batchesFailed++;
    keep(tally.refusals, [{ batchIndex, batchId, pointIndex: -1, pointId: "", reason: unusable }], refusalsMax);
  } else if (refused.length > 0) {
    const refusals = refused.map(({ index, pointId, reason }) => {
      return { batchIndex, batchId, pointIndex: index, pointId, reason };
    });
    keep(tally.refusals, refusals, refusalsMax);
  }
}

function keep(kept: Refusal[], more: readonly Refusal[], max: number): void {
  for (const refusal of more) if (kept.length < max) kept.push(refusal);
}

/** Until its commit a batch takes its bytes and about as much again in a frame and its record. */
function memoryOf(message: Uint8Array): number {
  return 2 * message.byteLength;
}
