/**
 * What was received and is not stored yet, in order. What gathered in a turn of the event loop, or while the call before was
 * being committed, is one call of TakePoints; one call at a time, so that later values of a series come after earlier ones also
 * where a call has to be repeated. What cannot be stored now is tried again until it can, or `close` ends it. What can never be is
 * found by halving what was taken together, and counts as refused: a single message must not hold back all that are behind it.
 */
import { backoffMs } from "../../model/backoff.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { IncomingPoint, PointsTaken, RefusedPoint, TakePoints } from "../../model/incoming-point.ts";
import { BATCH_POINTS_MAX, STREAM_IN_FLIGHT_BYTES_MAX, STREAM_IN_FLIGHT_POINTS_MAX } from "../../model/limits.ts";

export interface Received {
  readonly points: readonly IncomingPoint[];
  /** As received, topic included: texts of it may be in its points and events. */
  readonly bytes: number;
  /** Of the pattern that took it. */
  readonly topic: number;
  /** What else is to be durable, begun once its points are. Must not reject. */
  settle?(): Promise<unknown>;
  /** All of it is durable. */
  onStored(): void;
}

export interface Stored {
  readonly received: readonly Received[];
  readonly taken: PointsTaken;
}

export interface InboxDeps {
  readonly takePoints: TakePoints;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  /** Runs once this turn of the event loop is over. */
  defer(run: () => void): void;
  /** In order. `onStored` of each is called after it. */
  onStored(stored: Stored): void;
  /** A call failed and is tried again. */
  onHeldBack(error: Error, delayMs: number): void;
  /** There is room again. */
  onRoom(): void;
}

export interface InboxLimits {
  readonly messagesMax: number;
}

const RETRY = { firstMs: 100, maxMs: 10_000 };

export class Inbox {
  readonly #deps: InboxDeps;
  readonly #limits: InboxLimits;
  readonly #closing = new AbortController();
  readonly #abandoned = Promise.withResolvers<void>();
  #waiting: Received[] = [];
  #points = 0;
  #bytes = 0;
  /** Messages of one call. */
  #atOnce = Infinity;
  #inFlight = 0;
  #isDeferred = false;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(limits: InboxLimits, deps: InboxDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  /** Messages received and not stored. */
  get messages(): number {
    return this.#waiting.length + this.#inFlight;
  }

  get isFull(): boolean {
    if (this.messages >= this.#limits.messagesMax) return true;
    return this.#points >= STREAM_IN_FLIGHT_POINTS_MAX || this.#bytes >= STREAM_IN_FLIGHT_BYTES_MAX;
  }

  /** Whoever adds to a full one holds its sender back first. */
  add(received: Received): void {
    this.#waiting.push(received);
    this.#points += received.points.length;
    this.#bytes += received.bytes;
    if (this.#isDeferred || this.#running !== undefined) return;
    this.#isDeferred = true;
    this.#deps.defer(() => {
      this.#isDeferred = false;
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    });
  }

  /** Resolves once nothing is left, or after `graceMs`; what is left then is not stored, and nobody is told that it is. */
  async close(graceMs: number): Promise<void> {
    const cancelTimer = this.#deps.clock.after(graceMs, () => this.#abandon());
    while (this.messages > 0 && !this.#closing.signal.aborted) {
      const turn = this.#running ?? new Promise<void>((next) => this.#deps.defer(next));
      await Promise.race([turn, this.#abandoned.promise]);
    }
    cancelTimer();
    this.#abandon();
  }

  #abandon(): void {
    this.#closing.abort();
    this.#abandoned.resolve();
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) {
      const wasFull = this.isFull;
      const batch = this.#nextBatch();
      this.#inFlight = batch.length;
      const points = batch.flatMap((received) => received.points as IncomingPoint[]);
      let taken: PointsTaken | undefined;
      try {
        taken = await this.#takeAll(points);
        this.#atOnce *= 2;
      } catch (error) {
        if (batch.length > 1) {
          this.#waiting = [...batch, ...this.#waiting];
          this.#inFlight = 0;
          this.#atOnce = batch.length >>> 1;
          continue;
        }
        taken = { kept: 0, refusedTotal: points.length, refused: [{ index: 0, reason: messageOf(error) }] };
      }
      if (taken === undefined || !(await this.#settled(batch))) return;
      this.#inFlight = 0;
      this.#points -= points.length;
      for (const { bytes } of batch) this.#bytes -= bytes;
      this.#deps.onStored({ received: batch, taken });
      for (const received of batch) received.onStored();
      if (wasFull || !this.isFull) this.#deps.onRoom();
    }
  }

  #nextBatch(): Received[] {
    let points = 0;
    let end = 0;
    for (const received of this.#waiting) {
      points += received.points.length;
      if (end === this.#atOnce || (points > BATCH_POINTS_MAX && end > 0)) break;
      end++;
    }
    if (end === this.#waiting.length) {
      const all = this.#waiting;
      this.#waiting = [];
      return all;
    }
    return this.#waiting.splice(0, end);
  }

  /** False: closed before it was. */
  async #settled(batch: readonly Received[]): Promise<boolean> {
    const settling = batch.map((received) => received.settle?.()).filter((each) => each !== undefined);
    if (settling.length > 0) await Promise.race([Promise.all(settling), this.#abandoned.promise]);
    return !this.#closing.signal.aborted;
  }

  /** A single message may hold more than one call takes. */
  async #takeAll(points: readonly IncomingPoint[]): Promise<PointsTaken | undefined> {
    if (points.length <= BATCH_POINTS_MAX) return this.#take(points);
    let [kept, refusedTotal] = [0, 0];
    const refused: RefusedPoint[] = [];
    for (let from = 0; from < points.length; from += BATCH_POINTS_MAX) {
      const taken = await this.#take(points.slice(from, from + BATCH_POINTS_MAX));
      if (taken === undefined) return undefined;
      kept += taken.kept;
      refusedTotal += taken.refusedTotal;
      // The first of all: where some are not told, none behind them are.
      if (refused.length === refusedTotal - taken.refusedTotal) {
        refused.push(...taken.refused.map(({ index, reason }) => ({ index: from + index, reason })));
      }
    }
    return { kept, refusedTotal, refused };
  }

  /** Undefined: closed before it was stored. Throws where it never can be. */
  async #take(points: readonly IncomingPoint[]): Promise<PointsTaken | undefined> {
    const { takePoints, clock, random, onHeldBack } = this.#deps;
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt++) {
      try {
        return await takePoints(points, { signal });
      } catch (error) {
        if (signal.aborted) return undefined;
        if (isNeverTaken(error)) throw error;
        const askedMs = error instanceof WatchpostError ? (error.retryAfterMs ?? 0) : 0;
        const delayMs = Math.max(backoffMs(attempt, random(), RETRY), askedMs);
        onHeldBack(error instanceof Error ? error : new Error(messageOf(error)), delayMs);
        await new Promise<void>((resolve) => {
          const cancel = clock.after(delayMs, resolve);
          this.#wake = () => {
            cancel();
            resolve();
          };
        });
        this.#wake = undefined;
        if (signal.aborted) return undefined;
      }
    }
  }
}

/** However often it is tried. A full disk, no memory, or a log that is opened again pass. */
function isNeverTaken(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof WatchpostError && error.status === "INVALID_ARGUMENT");
}
