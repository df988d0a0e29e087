/**
 * A way in for what is no BatchData: rows are gathered in columns, judged and committed as batches are, and their refusals come
 * back by the row's place in the request.
 */
import { invalidField, WatchpostError } from "../../model/errors.ts";
import { BATCH_POINTS_MAX, SOURCE_BYTES_MAX, STREAM_IN_FLIGHT_POINTS_MAX } from "../../model/limits.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { Allowance } from "../../wire/allowance.ts";
import { TIME_MISSING, type SeriesResolver } from "../../wire/decoded-batch.ts";
import type { CallContext } from "../../wire/service.ts";
import type { CommitGroup } from "../committer.ts";
import type { Intake } from "../intake.ts";
import type { LimitedSender, SenderOf } from "../limited-sender.ts";
import type { MemoryBudget } from "../memory-budget.ts";
import type { Slices } from "./slices.ts";

export interface DoorDeps {
  readonly intake: Intake;
  readonly budget: MemoryBudget;
  readonly metrics: Pick<Metrics, "points" | "doorPoints" | "doorLeftOut">;
  readonly senderOf: SenderOf;
  readonly slices: Slices;
  /** Of hashes that a sender must not know. */
  readonly cacheSeed: number;
  isKnownSeries(id: number): boolean;
  /** A request that had something wrong: a sentence for the log. */
  onMalformed(door: string, sentence: string): void;
  /** Something that is fine but no number that is stored. */
  onLeftOut(door: string, what: string): void;
}

/** A point, or what was no point, that is not stored. */
export interface DoorRefusal {
  /** Where it stands in the request: a line, or the position of a point; from 1. */
  readonly place: number;
  readonly reason: string;
}

export interface DoorResult {
  readonly stored: number;
  readonly refusedTotal: number;
  /** The first of them. */
  readonly refusals: readonly DoorRefusal[];
  /** Places of which anything was refused. */
  readonly placesRefused: number;
  /** Some of them would be taken later: their sender has made as many series as it may for now. */
  readonly limited: WatchpostError | undefined;
}

const REFUSALS_MAX = 100;
/** Of rows that are gathered; grows to a batch. */
const ROWS_MIN = 256;

/** Whoever sends a request. */
export type DoorCaller = Pick<CallContext, "principal" | "allowance">;

/** The rows of one request. */
export class DoorRows {
  readonly #deps: DoorDeps;
  readonly #door: string;
  /** Of whoever sends them. */
  readonly resolve: SeriesResolver;
  readonly #sender: LimitedSender | undefined;
  readonly #allowance: Allowance | undefined;
  #seriesIds = new Uint32Array(ROWS_MIN);
  #timesUs = new Float64Array(ROWS_MIN);
  #values = new Float64Array(ROWS_MIN);
  #places = new Uint32Array(ROWS_MIN);
  readonly #reasons = new Map<number, string>();
  readonly #groups = new Set<CommitGroup["done"]>();
  #inFlight = 0;
  readonly #refusals: DoorRefusal[] = [];
  readonly #leftOut = new Map<string, number>();
  #count = 0;
  #stored = 0;
  #refused = 0;
  #placesRefused = 0;
  /** The last there was. */
  #limited: WatchpostError | undefined;
  /** Of which a row was refused last. */
  #lastPlace = 0;

  /** `door`: its name, for counts. Throws RESOURCE_EXHAUSTED where whoever sends them has sent more than it may. */
  constructor(deps: DoorDeps, door: string, { principal, allowance }: DoorCaller) {
    this.#deps = deps;
    this.#door = door;
    this.#sender = deps.senderOf(principal);
    this.#allowance = allowance;
    this.resolve = deps.intake.resolverFor(this.#sender, allowance, (refusal) => (this.#limited = refusal));
    const refusal = allowance?.refusal("points_per_second");
    if (refusal !== undefined) throw refusal;
  }

  /** Whether a point may be stored, whatever its series; NaN: of no time of its own. One that may not is no reason for a series. */
  isStorable(value: number, timeUs: number): boolean {
    return this.#deps.intake.isStorable(value, timeUs);
  }

  /** Rows of one place come one after the other. `seriesId` 0: there is none, and `reason` says why. */
  add(place: number, seriesId: number, timeUs: number, value: number, reason?: string): void {
    if (this.#count === this.#places.length) this.#makeRoom();
    const row = this.#count++;
    this.#seriesIds[row] = seriesId;
    this.#timesUs[row] = Number.isNaN(timeUs) ? TIME_MISSING : timeUs;
    this.#values[row] = value;
    this.#places[row] = place;
    if (seriesId === 0 && reason !== undefined) this.#reasons.set(row, reason);
  }

  /** Something that is no point at all. */
  refuse(place: number, reason: string): void {
    this.#placesRefused++;
    this.#refuse(place, reason);
  }

  /** Something that is fine but no number that is stored: a text, a stale marker. `what` is one of a few. */
  leaveOut(what: string): void {
    this.#leftOut.set(what, (this.#leftOut.get(what) ?? 0) + 1);
  }

  /** Reads a request in slices: hands over what was gathered, and waits while too much of it is not durable. */
  inSlices(step: () => boolean, signal: AbortSignal): Promise<void> {
    const rest = async () => {
      this.#take();
      if (this.#inFlight <= STREAM_IN_FLIGHT_POINTS_MAX) return;
      await Promise.all(this.#groups);
      this.#groups.clear();
      this.#inFlight = 0;
    };
    return this.#deps.slices.run(step, rest, signal);
  }

  /** Resolves once all that was kept is durable. Rejects with what the log failed with; then everything is to be sent again. */
  async committed(): Promise<DoorResult> {
    this.#take();
    await Promise.all(this.#groups);
    const { points, doorPoints, doorLeftOut } = this.#deps.metrics;
    for (const [what, count] of this.#leftOut) {
      doorLeftOut.inc({ door: this.#door, what }, count);
      this.#deps.onLeftOut(this.#door, what);
    }
    points.inc({ result: "stored" }, this.#stored);
    points.inc({ result: "refused" }, this.#refused);
    doorPoints.inc({ door: this.#door, result: "stored" }, this.#stored);
    doorPoints.inc({ door: this.#door, result: "refused" }, this.#refused);
    const refusals = this.#refusals.sort((a, b) => a.place - b.place);
    const [placesRefused, limited] = [this.#placesRefused, this.#limited];
    return { stored: this.#stored, refusedTotal: this.#refused, placesRefused, refusals, limited };
  }

  #take(): void {
    if (this.#count === 0) return;
    const columns = { seriesIds: this.#seriesIds, timesUs: this.#timesUs, values: this.#values };
    const taken = this.#deps.intake.takeRows(columns, 0, this.#count, (row) => this.#reasons.get(row), {
      sender: this.#sender,
    });
    this.#allowance?.use("points_per_second", this.#count);
    this.#stored += taken.kept;
    this.#inFlight += taken.kept;
    if (taken.group !== undefined) this.#groups.add(taken.group.done);
    for (const { index, reason } of taken.refused) {
      const place = this.#places[index];
      if (place !== this.#lastPlace) this.#placesRefused++;
      this.#lastPlace = place;
      this.#refuse(place, reason);
    }
    this.#reasons.clear();
    this.#count = 0;
  }

  #refuse(place: number, reason: string): void {
    this.#refused++;
    if (this.#refusals.length < REFUSALS_MAX) this.#refusals.push({ place, reason });
  }

  #makeRoom(): void {
    const { length } = this.#places;
    if (length === BATCH_POINTS_MAX) return this.#take();
    const wanted = Math.min(4 * length, BATCH_POINTS_MAX);
    this.#seriesIds = grown(this.#seriesIds, new Uint32Array(wanted));
    this.#timesUs = grown(this.#timesUs, new Float64Array(wanted));
    this.#values = grown(this.#values, new Float64Array(wanted));
    this.#places = grown(this.#places, new Uint32Array(wanted));
  }
}

/**
 * What a request is answered with of which something was refused: INVALID_ARGUMENT, with which its sender gives that up, or where
 * some of it is taken later RESOURCE_EXHAUSTED. Sent again, what is stored changes nothing.
 */
export function refusalOf({ limited }: DoorResult, sentence: string): WatchpostError {
  const retryAfterMs = limited?.retryAfterMs;
  if (retryAfterMs === undefined) return new WatchpostError("INVALID_ARGUMENT", sentence);
  return new WatchpostError("RESOURCE_EXHAUSTED", sentence, { retryAfterMs });
}

/** The parameter `source` of a request, where it is not empty. Throws INVALID_ARGUMENT where it is none: it would be remembered. */
export function sourceGiven({ searchParams }: URL, name = "source"): string | undefined {
  const given = searchParams.get(name) || undefined;
  if (given !== undefined && Buffer.byteLength(given) > SOURCE_BYTES_MAX) {
    throw invalidField(name, `${Buffer.byteLength(given)} bytes`, `at most ${SOURCE_BYTES_MAX} bytes`);
  }
  return given;
}

function grown<A extends Uint32Array | Float64Array>(before: A, after: A): A {
  after.set(before);
  return after;
}

/**
 * What rows of a request read in slices take at most, however long it is: those that are not durable, with what one slice
 * adds, in frames and records.
 */
const ROWS_MEMORY_BYTES_MAX = 16 * 1024 * 1024;

/** Runs with the memory that a request's rows take reserved, `bytes` if it is short. Rejects with RESOURCE_EXHAUSTED where there is none in time. */
export function withRowsMemory<T>(
  deps: DoorDeps,
  bytes: number,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  return withMemory(deps, Math.min(bytes, ROWS_MEMORY_BYTES_MAX), signal, run);
}

/** The same with all of `bytes`. */
export async function withMemory<T>(
  { budget }: DoorDeps,
  bytes: number,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  await budget.reserve(bytes, { signal });
  try {
    return await run();
  } finally {
    budget.release(bytes);
  }
}
