/** What a QueryRangeRequest asks for, checked and with the server's bounds applied. */
import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { QUERY_POINTS_MAX, QUERY_READ_SERIES_MAX, QUERY_SERIES_MAX } from "../model/limits.ts";
import type { SeriesMatcher } from "../model/matcher.ts";
import { seriesKey } from "../model/series-key.ts";
import type { Aggregation, Fill, StepFunction, Top } from "../store/store-client.ts";
import {
  Aggregation as WireAggregation,
  Fill as WireFill,
  RangeFunction,
  type QueryRangeRequest,
} from "../wire/gen/history_pb.ts";
import { UNIT_LENGTH_MAX } from "../model/units.ts";
import { requestMatcher } from "./request-matcher.ts";

export interface RangeRequest {
  readonly matcher: SeriesMatcher;
  readonly fromUs: number;
  readonly toUs: number;
  /** 0: raw points. */
  readonly stepUs: number;
  readonly func: StepFunction;
  readonly seriesMax: number;
  readonly pointsMax: number;
  /** Undefined: every series by itself. */
  readonly groupBy: readonly string[] | undefined;
  readonly aggregation: Aggregation;
  readonly fill: Fill;
  readonly maxPoints: number;
  readonly top: Top | undefined;
  readonly timeoutMs: number;
  /** Unix seconds; undefined: all that is known. */
  readonly asOfS: number | undefined;
  /** Of a stream: begins behind this row. */
  readonly after: RangePlace | undefined;
  /** "": as it is stored. */
  readonly unit: string;
}

export interface RangePlace {
  readonly key: string;
  readonly timeUs: number;
}

export interface RangeBounds {
  readonly nowMs: number;
  /** How long a query may take at the most. */
  readonly timeoutMsMax: number;
}

export const TIME_US_END = Number.MAX_SAFE_INTEGER;
const DURATION_MS_MAX = 400 * 86_400_000;
/** ECMAScript dates reach so far. */
const DATE_MS_MAX = 8.64e15;
const TOP_MAX = 10_000;
const GROUP_BY_MAX = 16;

const FUNCTIONS: Readonly<Record<RangeFunction, StepFunction>> = {
  [RangeFunction.UNSPECIFIED]: "avg",
  [RangeFunction.LAST]: "last",
  [RangeFunction.FIRST]: "first",
  [RangeFunction.MIN]: "min",
  [RangeFunction.MAX]: "max",
  [RangeFunction.AVG]: "avg",
  [RangeFunction.SUM]: "sum",
  [RangeFunction.COUNT]: "count",
  [RangeFunction.STDDEV]: "stddev",
  [RangeFunction.RATE]: "rate",
  [RangeFunction.INCREASE]: "increase",
  [RangeFunction.DELTA]: "delta",
  [RangeFunction.P50]: "p50",
  [RangeFunction.P90]: "p90",
  [RangeFunction.P95]: "p95",
  [RangeFunction.P99]: "p99",
};

const AGGREGATIONS: Readonly<Record<WireAggregation, Aggregation>> = {
  [WireAggregation.UNSPECIFIED]: "avg",
  [WireAggregation.AVG]: "avg",
  [WireAggregation.MIN]: "min",
  [WireAggregation.MAX]: "max",
  [WireAggregation.SUM]: "sum",
  [WireAggregation.COUNT]: "count",
  [WireAggregation.P50]: "p50",
  [WireAggregation.P95]: "p95",
  [WireAggregation.P99]: "p99",
};

const FILLS: Readonly<Record<WireFill, Fill>> = {
  [WireFill.UNSPECIFIED]: "none",
  [WireFill.NULL]: "null",
  [WireFill.PREVIOUS]: "previous",
  [WireFill.LINEAR]: "linear",
  [WireFill.ZERO]: "zero",
};

const TOP_BY: Partial<Record<RangeFunction, Top["by"]>> = {
  [RangeFunction.UNSPECIFIED]: "avg",
  [RangeFunction.AVG]: "avg",
  [RangeFunction.MIN]: "min",
  [RangeFunction.MAX]: "max",
  [RangeFunction.SUM]: "sum",
  [RangeFunction.LAST]: "last",
  [RangeFunction.FIRST]: "first",
  [RangeFunction.COUNT]: "count",
};

/** Throws INVALID_ARGUMENT with the field, the value and what is wanted. */
export function rangeRequestOf(request: QueryRangeRequest, { nowMs, timeoutMsMax }: RangeBounds): RangeRequest {
  const matcher = requestMatcher(request);
  const [fromUs, toUs] = rangeUs(request, nowMs);
  const stepMs = Number(request.stepMs);
  if (stepMs < 0 || stepMs > DURATION_MS_MAX)
    throw invalidField("step_ms", stepMs, `0 (raw points) to ${DURATION_MS_MAX}`);
  const isGrouped = request.groupBy.length > 0 || request.aggregation !== WireAggregation.UNSPECIFIED;
  if (stepMs === 0) refuseWithoutStep(request, isGrouped);
  if (request.groupBy.length > GROUP_BY_MAX)
    throw invalidField("group_by", request.groupBy.join(), `at most ${GROUP_BY_MAX} tags`);
  const answersWithFew = isGrouped || request.top !== undefined;
  if (request.maxPoints < 0) throw invalidField("max_points", request.maxPoints, "0 (all) or more");
  return {
    matcher,
    fromUs,
    toUs,
    stepUs: stepMs * 1_000,
    func: known(FUNCTIONS, request.function, "function"),
    seriesMax: bounded("series_max", request.seriesMax, answersWithFew ? QUERY_READ_SERIES_MAX : QUERY_SERIES_MAX),
    pointsMax: bounded("points_max", request.pointsMax, QUERY_POINTS_MAX),
    groupBy: isGrouped ? request.groupBy : undefined,
    aggregation: known(AGGREGATIONS, request.aggregation, "aggregation"),
    fill: known(FILLS, request.fill, "fill"),
    maxPoints: request.maxPoints,
    top: topOf(request),
    timeoutMs: bounded("timeout_ms", Number(request.timeoutMs), timeoutMsMax),
    asOfS: request.asOf === undefined ? undefined : Math.floor(boundUs(request.asOf, "as_of") / 1_000_000),
    after: afterOf(request, stepMs),
    unit: unitIn(request.unit),
  };
}

function unitIn(unit: string): string {
  if (unit.length <= UNIT_LENGTH_MAX) return unit;
  throw invalidField("unit", unit, `at most ${UNIT_LENGTH_MAX} characters`);
}

function rangeUs(request: QueryRangeRequest, nowMs: number): [fromUs: number, toUs: number] {
  const lastMs = Number(request.lastMs);
  if (lastMs < 0 || lastMs > 100 * DURATION_MS_MAX) throw invalidField("last_ms", lastMs, "0 or more");
  const isRelative = lastMs > 0;
  if (isRelative && request.from !== undefined) throw invalidField("last_ms", lastMs, "either last_ms or from");
  const toUs = request.to !== undefined ? boundUs(request.to, "to") : isRelative ? nowMs * 1_000 : TIME_US_END;
  if (isRelative) return [Math.max(0, toUs - lastMs * 1_000), toUs];
  const fromUs = request.from === undefined ? 0 : boundUs(request.from, "from");
  if (fromUs >= toUs) throw invalidField("from", isoOf(fromUs), `a time before to, which is ${isoOf(toUs)}`);
  return [fromUs, toUs];
}

function refuseWithoutStep({ fill, aggregation, groupBy }: QueryRangeRequest, isGrouped: boolean): void {
  const wanted = "a step_ms with it: raw points have no common times";
  if (isGrouped)
    throw invalidField(groupBy.length > 0 ? "group_by" : "aggregation", groupBy.join() || aggregation, wanted);
  if (fill !== WireFill.UNSPECIFIED) throw invalidField("fill", WireFill[fill] ?? fill, wanted);
}

function afterOf({ after, maxPoints, top }: QueryRangeRequest, stepMs: number): RangePlace | undefined {
  if (after === undefined) return undefined;
  const { metric, source, tags, time } = after;
  // What else decides which rows an answer has would decide otherwise about the rest of them.
  if (stepMs > 0 || maxPoints > 0 || top !== undefined)
    throw invalidField("after", metric, "no step_ms, max_points or top with it: it is a place among raw points");
  if (time === undefined) throw invalidField("after.time", "missing", "the time of a point");
  return { key: seriesKey(metric, source, Object.entries(tags)), timeUs: boundUs(time, "after.time") };
}

function topOf({ top }: QueryRangeRequest): Top | undefined {
  if (top === undefined) return undefined;
  if (top.count < 1 || top.count > TOP_MAX) throw invalidField("top.count", top.count, `1 to ${TOP_MAX}`);
  const by = TOP_BY[top.by];
  if (by === undefined)
    throw invalidField("top.by", RangeFunction[top.by] ?? top.by, "AVG, MIN, MAX, SUM, LAST, FIRST or COUNT");
  return { count: top.count, by, lowest: top.lowest };
}

function known<K extends number, V>(all: Readonly<Record<K, V>>, given: K, field: string): V {
  const value: V | undefined = all[given];
  if (value === undefined) throw invalidField(field, given, `a known ${field}`);
  return value;
}

function boundUs(time: Timestamp, field: string): number {
  const timeUs = Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1_000);
  if (time.nanos < 0 || time.nanos > 999_999_999) throw invalidField(`${field}.nanos`, time.nanos, "0 to 999,999,999");
  if (timeUs < 0 || timeUs > TIME_US_END) throw invalidField(field, textOf(time), "1970 to 2255");
  return timeUs;
}

function bounded(field: string, value: number, max: number): number {
  if (value < 0 || value > max) throw invalidField(field, value, `0 (the server's limit) to ${max}`);
  return value === 0 ? max : value;
}

function textOf(time: Timestamp): string {
  const ms = Math.floor(timestampMs(time));
  return Math.abs(ms) > DATE_MS_MAX ? `${time.seconds} s since 1970` : new Date(ms).toISOString();
}

function isoOf(timeUs: number): string {
  return new Date(Math.min(timeUs / 1_000, DATE_MS_MAX)).toISOString();
}

/** RESOURCE_EXHAUSTED where more series match than may be asked at once. */
export function checkSeries(count: number, seriesMax: number): void {
  if (count <= seriesMax) return;
  const message = `${count} series match, the limit is ${seriesMax}; narrow metric or filters`;
  throw new WatchpostError("RESOURCE_EXHAUSTED", message);
}
