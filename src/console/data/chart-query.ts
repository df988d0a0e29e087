/** What a chart asks for, and how that is asked of the server. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampOfMs } from "../../wire/timestamp.ts";
import { Aggregation, RangeFunction, type QueryRangeRequestSchema } from "../../wire/gen/history_pb.ts";

/** [from, to), or so long before now. */
export type ChartRange = { readonly lastMs: number } | { readonly fromMs: number; readonly toMs: number };

export interface ChartQuery {
  /** Exact name or glob. */
  readonly metric: string;
  /** "source", "device" or any tag, to a glob or alternatives. */
  readonly filters: Readonly<Record<string, string>>;
  readonly range: ChartRange;
  /** How a step becomes one value. Missing: points as they are where the range is short, else the average. */
  readonly function?: FunctionName;
  /** Missing: what the range makes of it. */
  readonly stepMs?: number;
  /** One series for each set of values of these tags. */
  readonly groupBy?: readonly string[];
  readonly aggregation?: AggregationName;
  /** Minimum and maximum of each step; by default of averages. */
  readonly band?: boolean;
}

export type FunctionName = keyof typeof FUNCTIONS;
export type AggregationName = keyof typeof AGGREGATIONS;

export const FUNCTIONS = {
  avg: RangeFunction.AVG,
  last: RangeFunction.LAST,
  first: RangeFunction.FIRST,
  min: RangeFunction.MIN,
  max: RangeFunction.MAX,
  sum: RangeFunction.SUM,
  count: RangeFunction.COUNT,
  stddev: RangeFunction.STDDEV,
  rate: RangeFunction.RATE,
  increase: RangeFunction.INCREASE,
  delta: RangeFunction.DELTA,
  p50: RangeFunction.P50,
  p90: RangeFunction.P90,
  p95: RangeFunction.P95,
  p99: RangeFunction.P99,
} as const;

export const AGGREGATIONS = {
  avg: Aggregation.AVG,
  min: Aggregation.MIN,
  max: Aggregation.MAX,
  sum: Aggregation.SUM,
  count: Aggregation.COUNT,
  p50: Aggregation.P50,
  p95: Aggregation.P95,
  p99: Aggregation.P99,
} as const;

/** A range up to so long shows points as they are. */
const RAW_RANGE_MAX_MS = 3_600_000;
export const SERIES_MAX = 50;
/** Of each series; an hour of a point a second is below it. */
export const RAW_POINTS_MAX = 4_000;
const STEPS_WANTED = 1_000;
/** Groups have few: a step is to have a point of each of their series. */
const GROUP_STEPS_WANTED = 200;
const [SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS] = [1_000, 60_000, 3_600_000, 86_400_000];
const STEPS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR_MS),
  ...[1, 7, 30].map((n) => n * DAY_MS),
];

export interface ChartPlan {
  /** 0: points as they are. */
  readonly stepMs: number;
  readonly hasBand: boolean;
}

export function lengthMsOf(range: ChartRange): number {
  return "lastMs" in range ? range.lastMs : range.toMs - range.fromMs;
}

/** Whether more may come: it has no end, or one that is not there yet. */
export function isLiveRange(range: ChartRange, nowMs: number): boolean {
  return "lastMs" in range || range.toMs > nowMs;
}

export function planOf(query: ChartQuery): ChartPlan {
  const lengthMs = lengthMsOf(query.range);
  const isGrouped = (query.groupBy?.length ?? 0) > 0 || query.aggregation !== undefined;
  const wantsSteps = query.function !== undefined || isGrouped || query.band === true || lengthMs > RAW_RANGE_MAX_MS;
  const stepMs = query.stepMs ?? (wantsSteps ? niceStepMs(lengthMs, isGrouped ? GROUP_STEPS_WANTED : STEPS_WANTED) : 0);
  const isAverage = (query.function ?? "avg") === "avg";
  return { stepMs, hasBand: stepMs > 0 && (query.band ?? (isAverage && !isGrouped)) };
}

/** The shortest that gives no more steps than are wanted, or hardly more. */
export function niceStepMs(lengthMs: number, stepsWanted = STEPS_WANTED): number {
  return STEPS_MS.find((stepMs) => lengthMs / stepMs <= stepsWanted * 1.01) ?? STEPS_MS.at(-1)!;
}

/** `fromMs`: a part of the range alone. `isTop`: the highest series, where there are too many. */
export function requestOf(
  query: ChartQuery,
  plan: ChartPlan,
  func: FunctionName | undefined,
  { fromMs, isTop = false }: { fromMs?: number; isTop?: boolean } = {},
): MessageInitShape<typeof QueryRangeRequestSchema> {
  const { metric, filters, range, groupBy = [], aggregation } = query;
  return {
    ...{ metric, filters: { ...filters }, groupBy: [...groupBy], ...endsOf(range, plan.stepMs, fromMs) },
    ...(isTop ? { top: { count: SERIES_MAX } } : { seriesMax: groupBy.length > 0 || aggregation ? 0 : SERIES_MAX }),
    ...(plan.stepMs > 0 ? { stepMs: BigInt(plan.stepMs) } : { maxPoints: RAW_POINTS_MAX }),
    ...(plan.stepMs > 0 && func !== undefined && { function: FUNCTIONS[func] }),
    ...(aggregation !== undefined && { aggregation: AGGREGATIONS[aggregation] }),
  };
}

function endsOf(range: ChartRange, stepMs: number, fromMs: number | undefined) {
  if ("lastMs" in range) {
    // The step that the range begins in is shown, too.
    if (fromMs === undefined) return { lastMs: BigInt(Math.ceil(range.lastMs + stepMs)) };
    return { from: timestampOfMs(fromMs) };
  }
  const from = Math.max(range.fromMs - stepMs, fromMs ?? -Infinity, 0);
  return { from: timestampOfMs(from), to: timestampOfMs(range.toMs) };
}
