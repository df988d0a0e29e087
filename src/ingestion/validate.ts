import { FITS, REFUSED, type SensorSchemas } from "../model/sensor-schemas.ts";
import { TIME_INVALID, type DecodedBatch } from "../wire/decoded-batch.ts";
import type { LimitedSender } from "./limited-sender.ts";
import { isOfTooManyNew } from "./resolve-series.ts";

/** The latest time that a double holds to the microsecond: in the year 2255. */
export const TIME_US_MAX = Number.MAX_SAFE_INTEGER;

export interface TimeRules {
  /** Points before this are refused: they would not be kept. Unix microseconds, at least 0. */
  readonly earliestUs: number;
  /** Points later than this are refused. Unix microseconds, at most {@link TIME_US_MAX}. */
  readonly latestUs: number;
}

export interface PointRules extends TimeRules {
  readonly schemas: SensorSchemas;
  /** undefined: whoever sends may send all there are. */
  readonly sender: LimitedSender | undefined;
  /** The time for a point that brings none. */
  arrivalStampUs(seriesId: number): number;
}

/** Kinds of reasons, to be counted. */
export type RefusalKind =
  | "not_finite"
  | "bad_timestamp"
  | "too_old"
  | "too_far_ahead"
  | "bad_series"
  | "too_many_new_series"
  | "out_of_range"
  | "out_of_scope";

export interface RefusedRow {
  /** Position in the batch as sent. */
  readonly index: number;
  readonly pointId: string;
  readonly reason: string;
}

/** What is judged of a batch, whichever way it came. */
export type JudgedRows = Pick<DecodedBatch, "at" | "seriesIds" | "timesUs" | "values" | "count" | "pointId"> & {
  readonly reasons: Pick<ReadonlyMap<number, string>, "get">;
};

export interface JudgedBatch {
  /** Rows kept: the first `kept` of the batch's rows, in order. */
  readonly kept: number;
  readonly refusedTotal: number;
  /** The first refused rows, at most `refusedMax`. */
  readonly refused: RefusedRow[];
  /** All of them, by kind. */
  readonly refusedOf: ReadonlyMap<RefusalKind, number>;
}

const NONE_REFUSED: ReadonlyMap<RefusalKind, number> = new Map();

/**
 * Judges every point by itself: one that may not be stored costs only itself. Moves the rows that may to the front of
 * the batch's rows and fills in missing times.
 */
export function judgeBatch(batch: JudgedRows, rules: PointRules, refusedMax: number): JudgedBatch {
  const { count, at, seriesIds, timesUs, values } = batch;
  const { sender } = rules;
  const sees = sender?.sees;
  const schemas = rules.schemas.areHeld ? rules.schemas : undefined;
  const refused: RefusedRow[] = [];
  let refusedOf: Map<RefusalKind, number> | undefined;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const seriesId = seriesIds[at + i]!;
    const value = values[at + i]!;
    let timeUs = timesUs[at + i]!;
    if (timeUs !== timeUs) timeUs = rules.arrivalStampUs(seriesId);
    const isGood = seriesId !== 0 && isStorable(value, timeUs, rules);
    const isStored = isGood && (sees === undefined || sees(seriesId));
    const judged = isStored && schemas !== undefined ? schemas.judge(seriesId, value) : FITS;
    if (judged !== FITS) schemas!.noteOutside(seriesId);
    if (isStored && judged !== REFUSED) {
      seriesIds[at + kept] = seriesId;
      timesUs[at + kept] = timeUs;
      values[at + kept] = value;
      kept++;
      continue;
    }
    // The names of a point that is no good are not looked at.
    const isNamed = seriesId !== 0 || !isStorable(value, timeUs, rules);
    const said = batch.reasons.get(i);
    const isOut = isGood ? !isStored : !isNamed && said !== undefined && sender?.isRefusal(said) === true;
    const ofPoint = isNamed ? kindOf(value, timeUs, rules) : kindOfNames(said);
    const kind = isOut ? "out_of_scope" : judged === REFUSED ? "out_of_range" : ofPoint;
    refusedOf ??= new Map();
    refusedOf.set(kind, (refusedOf.get(kind) ?? 0) + 1);
    if (refused.length >= refusedMax) continue;
    const reason =
      judged === REFUSED
        ? schemas!.refusalOf(seriesId, value)
        : isGood
          ? sender!.refusalOf(seriesId)
          : (said ?? refusalOf(value, timeUs, rules));
    refused.push({ index: i, pointId: batch.pointId(i), reason });
  }
  return { kept, refusedTotal: count - kept, refused, refusedOf: refusedOf ?? NONE_REFUSED };
}

/** Whether a point may be stored, whatever its series. */
export function isStorable(value: number, timeUs: number, { earliestUs, latestUs }: TimeRules): boolean {
  // value - value is 0 for finite values only.
  return timeUs >= earliestUs && timeUs <= latestUs && value - value === 0;
}

/** Of a point that has no series. */
function kindOfNames(said: string | undefined): RefusalKind {
  return said !== undefined && isOfTooManyNew(said) ? "too_many_new_series" : "bad_series";
}

function kindOf(value: number, timeUs: number, { earliestUs }: TimeRules): RefusalKind {
  if (!Number.isFinite(value)) return "not_finite";
  if (timeUs === TIME_INVALID) return "bad_timestamp";
  return timeUs < earliestUs ? "too_old" : "too_far_ahead";
}

function refusalOf(value: number, timeUs: number, { earliestUs, latestUs }: TimeRules): string {
  if (!Number.isFinite(value)) return `value is ${value}; wanted a finite number`;
  if (timeUs === TIME_INVALID) return "timestamp's nanos are out of range; wanted 0 to 999,999,999";
  if (timeUs < 0) return `timestamp is ${isoOf(timeUs)}; wanted 1970 or later`;
  if (timeUs < earliestUs) {
    return `timestamp is ${isoOf(timeUs)}, older than retention.raw allows; wanted ${isoOf(earliestUs)} or later`;
  }
  return `timestamp is ${isoOf(timeUs)}, which is too far in the future; wanted at most ${isoOf(latestUs)}`;
}

function isoOf(timeUs: number): string {
  const date = new Date(timeUs / 1_000);
  return Number.isNaN(date.getTime()) ? `${timeUs / 1_000_000} s since 1970` : date.toISOString();
}
