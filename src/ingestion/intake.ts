/** From a batch to the open frame: decode into it, judge, add. One for all ways in. */
import type { Clock } from "../model/clock.ts";
import { truncated, type WatchpostError } from "../model/errors.ts";
import type { IncomingPoint } from "../model/incoming-point.ts";
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import type { SensorSchemas } from "../model/sensor-schemas.ts";
import type { BatchDecoder } from "../wire/decode-batch.ts";
import type { Allowance } from "../wire/allowance.ts";
import { TIME_MISSING, type SeriesResolver } from "../wire/decoded-batch.ts";
import type { ArrivalStamps } from "./arrival-stamps.ts";
import type { CommitGroup, Committer } from "./committer.ts";
import type { LimitedSender } from "./limited-sender.ts";
import { resolverWithin } from "./resolve-series.ts";
import {
  isStorable,
  judgeBatch,
  TIME_US_MAX,
  type JudgedBatch,
  type JudgedRows,
  type PointRules,
  type RefusalKind,
  type RefusedRow,
} from "./validate.ts";

export interface IntakeDeps {
  readonly decoder: BatchDecoder;
  readonly resolve: SeriesResolver;
  readonly committer: Committer;
  readonly stamps: ArrivalStamps;
  readonly clock: Clock;
  readonly schemas: SensorSchemas;
  /** How far ahead of the wall clock a point may be. */
  readonly futureMaxMs: number;
  /** Older points are not kept. Infinity: all are. */
  readonly rawAgeLimitMs: number;
  /** While it is not, points of any time are taken. */
  isClockTrusted(): boolean;
  /** So many points are not going to be stored. */
  onRefused(kind: RefusalKind | "unreadable_batch", points: number): void;
}

export interface TakenBatch {
  /** As sent, shortened. */
  readonly batchId: string;
  /** Points that will be durable once `group` is done. */
  readonly kept: number;
  readonly refusedTotal: number;
  /** The first refused points. */
  readonly refused: readonly RefusedRow[];
  /** Why the batch was refused as a whole. */
  readonly unusable: string | undefined;
  /** Undefined where nothing was kept. */
  readonly group: CommitGroup | undefined;
}

export interface BatchSender {
  /** undefined: it may send all there are. */
  readonly sender?: LimitedSender | undefined;
  /** As {@link Intake.resolverFor} makes it. */
  readonly resolve?: SeriesResolver;
}

export interface Columns {
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

const BATCH_ID_SHOWN_MAX = 128;
const NONE: readonly RefusedRow[] = [];

export class Intake {
  readonly #deps: IntakeDeps;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** Finds series for a sender, and makes those that it may make; `onLimited` hears of those that it may make later only. */
  resolverFor(
    sender: LimitedSender | undefined,
    allowance: Allowance | undefined,
    onLimited: (refusal: WatchpostError) => void = () => {},
  ): SeriesResolver {
    return resolverWithin(sender?.resolve ?? this.#deps.resolve, allowance, onLimited);
  }

  /** Takes one BatchData message. Throws what the log failed with while nothing can be committed. */
  take(message: Uint8Array, refusedMax: number, { sender, resolve }: BatchSender = {}): TakenBatch {
    const { decoder, committer } = this.#deps;
    const times = this.#rules(sender);
    // A point that is going to be refused is no reason for a series.
    const mayDefine = (value: number, timeUs: number) =>
      isStorable(value, timeUs === timeUs ? timeUs : times.latestUs, times);
    const batch = decoder.decode(message, committer.room(), mayDefine, resolve);
    const batchId = truncated(batch.batchId, BATCH_ID_SHOWN_MAX);
    if (batch.kind === "unusable") {
      const { points: refusedTotal, reason: unusable } = batch;
      this.#deps.onRefused("unreadable_batch", refusedTotal);
      return { batchId, kept: 0, refusedTotal, refused: NONE, unusable, group: undefined };
    }
    const { kept, refusedTotal, refused } = this.#judge(batch, times, refusedMax);
    const group = kept > 0 ? committer.add(kept) : undefined;
    return { batchId, kept, refusedTotal, refused, unusable: undefined, group };
  }

  /** Whether a point may be stored, whatever its series; NaN: it has no time of its own. */
  isStorable(value: number, timeUs: number): boolean {
    const rules = this.#rules();
    return isStorable(value, Number.isNaN(timeUs) ? rules.latestUs : timeUs, rules);
  }

  /**
   * The same of rows [from, to) of columns, at most BATCH_POINTS_MAX, whose series are known; 0: `reasonOf` says why there is
   * none. `refused` are all of them, by their place in the columns. `latestUs`: points later than that are refused; left out:
   * those that are further ahead of the wall clock than they may be. Without a `sender` they may be of any series.
   */
  takeRows(
    columns: Columns,
    from: number,
    to: number,
    reasonOf: (row: number) => string | undefined,
    { latestUs, sender }: { readonly latestUs?: number; readonly sender?: LimitedSender | undefined } = {},
  ): TakenBatch {
    const { committer } = this.#deps;
    const count = to - from;
    if (count > BATCH_POINTS_MAX) throw new RangeError(`${count} points at once`);
    const rows = committer.room();
    rows.seriesIds.set(columns.seriesIds.subarray(from, to), rows.at);
    rows.timesUs.set(columns.timesUs.subarray(from, to), rows.at);
    rows.values.set(columns.values.subarray(from, to), rows.at);
    const reasons = { get: (i: number) => (columns.seriesIds[from + i] === 0 ? reasonOf(from + i) : undefined) };
    const rules = latestUs === undefined ? this.#rules(sender) : { ...this.#rules(sender), latestUs };
    const judged = this.#judge({ ...rows, count, reasons, pointId: () => "" }, rules, count);
    const group = judged.kept > 0 ? committer.add(judged.kept) : undefined;
    const refused = judged.refused.map((row) => ({ ...row, index: from + row.index }));
    return { batchId: "", kept: judged.kept, refusedTotal: judged.refusedTotal, refused, unusable: undefined, group };
  }

  /** The same of points that came another way, at most BATCH_POINTS_MAX of them. */
  takePoints(points: readonly IncomingPoint[], refusedMax: number): TakenBatch {
    const { committer, resolve } = this.#deps;
    if (points.length > BATCH_POINTS_MAX) throw new RangeError(`${points.length} points at once`);
    const rules = this.#rules();
    const rows = committer.room();
    const reasons = new Map<number, string>();
    points.forEach(({ metric, source, tags, timeUs, value }, i) => {
      const time = Number.isNaN(timeUs) ? TIME_MISSING : Math.trunc(timeUs);
      const isWanted = isStorable(value, Number.isNaN(time) ? rules.latestUs : time, rules);
      const found = isWanted ? resolve(metric, source, tags) : 0;
      if (typeof found === "string") reasons.set(i, found);
      rows.seriesIds[rows.at + i] = typeof found === "string" ? 0 : found;
      rows.timesUs[rows.at + i] = time;
      rows.values[rows.at + i] = value;
    });
    const batch = { ...rows, count: points.length, reasons, pointId: () => "" };
    const { kept, refusedTotal, refused } = this.#judge(batch, rules, refusedMax);
    const group = kept > 0 ? committer.add(kept) : undefined;
    return { batchId: "", kept, refusedTotal, refused, unusable: undefined, group };
  }

  /** Points of senders may be as late as that. */
  get latestUs(): number {
    const { clock, futureMaxMs, isClockTrusted } = this.#deps;
    return isClockTrusted() ? Math.min((clock.nowMs() + futureMaxMs) * 1_000, TIME_US_MAX) : TIME_US_MAX;
  }

  #judge(rows: JudgedRows, rules: PointRules, refusedMax: number): JudgedBatch {
    const judged = judgeBatch(rows, rules, refusedMax);
    for (const [kind, points] of judged.refusedOf) this.#deps.onRefused(kind, points);
    return judged;
  }

  #rules(sender?: LimitedSender): PointRules {
    const { stamps, schemas } = this.#deps;
    const arrivalStampUs = (seriesId: number) => stamps.next(seriesId);
    return {
      earliestUs: this.#earliestUs(),
      latestUs: this.latestUs,
      arrivalStampUs,
      schemas,
      sender,
    };
  }

  #earliestUs(): number {
    const { clock, rawAgeLimitMs, isClockTrusted } = this.#deps;
    return isClockTrusted() ? Math.max((clock.nowMs() - rawAgeLimitMs) * 1_000, 0) : 0;
  }
}
