/** The chart that a rule is about, for one of its alerts. Pure. */
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import type { Rule } from "../../wire/gen/rules_pb.ts";
import { isGlob } from "../../model/glob.ts";
import type { PlotEpisode, PlotThreshold, Severity } from "../charts/plot-model.ts";
import { msOf } from "../format.ts";
import type { ChartQuery, ChartRange } from "./chart-query.ts";

const AROUND_MIN_MS = 600_000;
const LAST_MIN_MS = 1_800_000;
/** Windows whose result is of the metric's own size. */
const OF_OWN_SIZE: ReadonlySet<string> = new Set(["avg", "min", "max", "p95"]);

interface Sides {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}

/** Undefined: it is about no metric. `nowMs`: when somebody began to look. */
export function chartOf(alert: Alert, rule: Rule | undefined, nowMs: number): ChartQuery | undefined {
  const ofRule = rule?.metric ?? "";
  const metric = alert.context["metric"] ?? (isGlob(ofRule) ? "" : ofRule);
  if (metric === "") return undefined;
  const own = rule?.labels ?? {};
  const filters = Object.entries(alert.labels).filter(
    // What has none cannot be asked for by that: a source, of whoever sends without one.
    ([name, value]) => name !== "metric" && value !== "" && !Object.hasOwn(own, name),
  );
  return {
    metric,
    filters: Object.fromEntries(filters.map(([name, value]) => [name, exact(value)])),
    range: rangeOf(alert, nowMs),
  };
}

/** As much before it as it lasted, and after it. */
export function rangeOf(alert: Alert, nowMs: number): ChartRange {
  const fromMs = msOf(alert.since) ?? msOf(alert.createdAt) ?? nowMs;
  const toMs = msOf(alert.clearedAt);
  const aroundMs = Math.max(AROUND_MIN_MS, (toMs ?? nowMs) - fromMs);
  if (toMs === undefined) return { lastMs: Math.max(LAST_MIN_MS, nowMs - fromMs + aroundMs) };
  return { fromMs: fromMs - aroundMs, toMs: Math.min(nowMs, toMs + aroundMs) };
}

/** Where the lines of its condition lie on a chart of the metric; none where it compares something else. */
export function thresholdsOf(rule: Rule | undefined): PlotThreshold[] {
  const condition = rule?.condition;
  if (condition === undefined) return [];
  const severity = (rule!.severity || "medium") as Severity;
  const { threshold, ladder, range, window, nOfM } = condition;
  const sides = ({ above, below }: Sides, of = "", level = severity) => [
    ...(above === undefined ? [] : [{ value: above, severity: level, label: `${of}above ${above}` }]),
    ...(below === undefined ? [] : [{ value: below, severity: level, label: `${of}below ${below}` }]),
  ];
  if (threshold !== undefined) return sides(threshold);
  if (ladder !== undefined) return ladder.steps.flatMap((step) => sides(step, "", step.severity as Severity));
  if (nOfM !== undefined) return sides(nOfM);
  if (window !== undefined && OF_OWN_SIZE.has(window.function))
    return sides(window, `${window.function} of ${window.over} `);
  if (range === undefined) return [];
  return [range.low, range.high]
    .filter((value) => value !== undefined)
    .map((value) => ({ value, severity, label: range.outside ? `outside of ${value}` : `inside of ${value}` }));
}

/** From when the condition held. */
export function episodeOf(alert: Alert): PlotEpisode {
  const toMs = msOf(alert.clearedAt);
  return {
    fromMs: msOf(alert.since) ?? msOf(alert.createdAt) ?? 0,
    ...(toMs !== undefined && { toMs }),
    severity: (alert.severityMax || alert.severity) as Severity,
    title: alert.title,
    alertId: alert.id,
  };
}

/** Filters are globs, in which nothing can be escaped: a sign of theirs becomes any one character. */
function exact(value: string): string {
  return value.replaceAll(/[*|]/g, "?");
}
