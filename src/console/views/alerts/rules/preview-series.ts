/** What a rule compares with its limits, as lines: what is asked for, and what is made of the answer. Pure. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  MatchOperator,
  RangeFunction,
  type MatcherSchema,
  type QueryRangeRequestSchema,
  type SeriesRange,
} from "../../../../wire/gen/history_pb.ts";
import type { Rule, RuleEpisode } from "../../../../wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../../../wire/timestamp.ts";
import type { PlotRange, PlotSeries, PlotThreshold, Severity } from "../../../charts/plot-model.ts";
import { seriesNameOf } from "../../../data/series-name.ts";
import { niceStepMs } from "../../../data/chart-query.ts";
import { durationOf } from "../../../data/typed-duration.ts";

export interface Preview {
  readonly request: MessageInitShape<typeof QueryRangeRequestSchema>;
  /** What the lines are: "", or "avg over 15m". */
  readonly what: string;
  /** What the values of a series become: as many. */
  made(timesMs: readonly number[], values: readonly number[]): readonly number[];
}

/** Lines that can be told apart; those that matter most are picked. */
export const SERIES_MAX = 12;
const DEVICES_MAX = 30;
const OPERATORS: Readonly<Record<string, MatchOperator>> = {
  "=": MatchOperator.GLOB,
  "!=": MatchOperator.NOT_GLOB,
  "=~": MatchOperator.REGEX,
  "!~": MatchOperator.NOT_REGEX,
};
const FUNCTIONS: Readonly<Record<string, RangeFunction>> = {
  avg: RangeFunction.AVG,
  min: RangeFunction.MIN,
  max: RangeFunction.MAX,
  sum: RangeFunction.SUM,
  count: RangeFunction.COUNT,
  p95: RangeFunction.P95,
};

/** Undefined: it goes by no metric. `episodes`: what fired is what the lines are of. */
export function previewOf(rule: Rule, range: PlotRange, episodes: readonly RuleEpisode[]): Preview | undefined {
  const { metric, condition } = rule;
  if (metric === "" || condition === undefined) return undefined;
  // Of a device that is missing no metric tells more than another.
  if (condition.absence !== undefined && metric === "*") return undefined;
  const { window, rate } = condition;
  const stepMs = niceStepMs(range.toMs - range.fromMs);
  const overMs = durationOf(window?.over ?? rate?.over ?? "");
  const base = {
    ...{ metric, matchers: [...matchersOf(rule.where), ...firedMatchers(episodes)] },
    ...{ from: timestampOfMs(range.fromMs), to: timestampOfMs(range.toMs) },
    top: { count: SERIES_MAX, lowest: isBelow(rule), by: isBelow(rule) ? RangeFunction.MIN : RangeFunction.MAX },
  };
  const as = (step: number, func: RangeFunction, what: string, made: Preview["made"]): Preview => ({
    request: { ...base, stepMs: BigInt(step), function: func },
    what,
    made,
  });
  const asItIs: Preview["made"] = (_times, values) => values;
  if (window !== undefined && overMs !== undefined) {
    const func = FUNCTIONS[window.function] ?? RangeFunction.AVG;
    const what = `${window.function} over ${window.over}`;
    if (window.function === "p95" || overMs <= stepMs) return as(Math.max(overMs, stepMs), func, what, asItIs);
    return as(stepMs, func, what, (times, values) => rolled(times, values, overMs, window.function));
  }
  if (rate !== undefined && overMs !== undefined)
    return as(stepMs, RangeFunction.LAST, `change per second over ${rate.over}`, (times, values) =>
      changes(times, values, Math.max(overMs, 2 * stepMs)),
    );
  const extreme = isBelow(rule) ? RangeFunction.MIN : RangeFunction.MAX;
  return as(stepMs, thresholdsOf(rule).length > 0 ? extreme : RangeFunction.AVG, "", asItIs);
}

export function lineOf(range: SeriesRange, { made }: Preview): PlotSeries {
  const { timesMs, values } = range;
  const { key, label, unit } = seriesNameOf(range);
  return { key, label, unit, timesMs, values: made(timesMs, values) };
}

/** Of windows of steps that end with each step. */
export function rolled(times: readonly number[], values: readonly number[], overMs: number, func: string): number[] {
  let from = 0;
  return values.map((_, i) => {
    while (times[i] - times[from] >= overMs) from++;
    const window = values.slice(from, i + 1);
    if (func === "min") return Math.min(...window);
    if (func === "max") return Math.max(...window);
    const sum = window.reduce((total, value) => total + value, 0);
    return func === "avg" ? sum / window.length : sum;
  });
}

/** Per second, from the oldest of the last `overMs` to each; NaN while these are less than half of it apart. */
export function changes(times: readonly number[], values: readonly number[], overMs: number): number[] {
  let from = 0;
  return values.map((value, i) => {
    while (times[i] - times[from] > overMs) from++;
    const spanMs = times[i] - times[from];
    return spanMs < overMs / 2 ? NaN : ((value - values[from]) / spanMs) * 1_000;
  });
}

/** The limits of a rule, as lines of a chart. */
export function thresholdsOf({ condition, severity }: Rule): PlotThreshold[] {
  const { threshold, ladder, range, window, rate, nOfM } = condition ?? {};
  const one = (value: number | undefined, of: string, label: string): PlotThreshold[] =>
    value === undefined ? [] : [{ value, severity: (of || "medium") as Severity, label }];
  if (range !== undefined)
    return [...one(range.low, severity, `from ${range.low}`), ...one(range.high, severity, `to ${range.high}`)];
  if (ladder !== undefined)
    return ladder.steps.flatMap((step) => one(step.above ?? step.below, step.severity, step.severity));
  const { above, below } = threshold ?? window ?? rate ?? nOfM ?? {};
  return one(above ?? below, severity, `${above === undefined ? "below" : "above"} ${above ?? below}`);
}

/** Conditions of a rule as a query has them; those that are none are left to the server to tell of. */
export function matchersOf(where: readonly string[]): MessageInitShape<typeof MatcherSchema>[] {
  return where.flatMap((text) => {
    const [, key, operator, value] = /^\s*([^=!~]+)(=~|!=|!~|=)(.*?)\s*$/s.exec(text) ?? [];
    if (key === undefined) return [];
    const isEmpty = value === "" && !operator.endsWith("~");
    const exact = operator === "=" ? MatchOperator.EQUAL : MatchOperator.NOT_EQUAL;
    return [{ key: key.trim(), operator: isEmpty ? exact : OPERATORS[operator], value }];
  });
}

function firedMatchers(episodes: readonly RuleEpisode[]): MessageInitShape<typeof MatcherSchema>[] {
  const devices = [...new Set(episodes.map(({ labels }) => labels["device"] ?? ""))];
  // Others could not be named in a glob.
  const areNames = devices.every((device) => device !== "" && !/[*?|]/.test(device));
  if (devices.length === 0 || devices.length > DEVICES_MAX || !areNames) return [];
  return [{ key: "device", operator: MatchOperator.GLOB, value: devices.join("|") }];
}

function isBelow({ condition }: Rule): boolean {
  const { threshold, ladder, window, rate, nOfM } = condition ?? {};
  return (threshold ?? window ?? rate ?? nOfM ?? ladder?.steps[0])?.below !== undefined;
}
