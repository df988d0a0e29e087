/** Limits that alert rules set for what a chart shows, as far as they are values. Pure. */
import { compileGlob, isGlob } from "../../model/glob.ts";
import type { Rule } from "../../wire/gen/rules_pb.ts";
import type { PlotThreshold, Severity } from "../charts/plot-model.ts";
import type { ChartQuery, FunctionName } from "./chart-query.ts";

const LIMITS_MAX = 8;
/** Whose values can be compared with those that rules look at. */
const LIKE_VALUES: readonly (FunctionName | undefined)[] = [
  ...([undefined, "avg", "last", "first", "min", "max"] as const),
  ...(["p50", "p90", "p95", "p99"] as const),
];
const SEVERITIES: readonly string[] = ["low", "medium", "high", "critical"];

interface Limit {
  readonly value: number;
  readonly sign: "<" | ">";
  readonly severity: string;
}

/** Of rules that cannot mean any of its series nothing; of equal ones one; at most {@link LIMITS_MAX}, gravest first. */
export function limitsOn(rules: readonly Rule[], query: ChartQuery): PlotThreshold[] {
  const isSummed = query.aggregation === "sum" || query.aggregation === "count";
  if (!LIKE_VALUES.includes(query.function) || isSummed) return [];
  const found = new Map<string, PlotThreshold>();
  for (const rule of rules) {
    if (rule.disabled || !couldMean(rule, query)) continue;
    for (const { value, sign, severity } of limitsOf(rule)) {
      const key = `${value} ${sign} ${severity}`;
      if (!found.has(key))
        found.set(key, { value, severity: severityOf(severity), label: `${rule.name} ${sign} ${value}` });
    }
  }
  return [...found.values()]
    .sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity))
    .slice(0, LIMITS_MAX);
}

function limitsOf({ condition, severity }: Rule): Limit[] {
  if (condition === undefined) return [];
  const { threshold, ladder, range, window, nOfM } = condition;
  const sides = (above: number | undefined, below: number | undefined, of = severity): Limit[] => [
    ...(above === undefined ? [] : [{ value: above, sign: ">" as const, severity: of }]),
    ...(below === undefined ? [] : [{ value: below, sign: "<" as const, severity: of }]),
  ];
  // Sums and counts of a window are other values than those that are shown.
  const isLike = window !== undefined && LIKE_VALUES.includes(window.function as FunctionName);
  return [
    ...(threshold === undefined ? [] : sides(threshold.above, threshold.below)),
    ...(ladder?.steps ?? []).flatMap((step) => sides(step.above, step.below, step.severity)),
    ...(range === undefined ? [] : range.outside ? sides(range.high, range.low) : sides(range.low, range.high)),
    ...(isLike ? sides(window.above, window.below) : []),
    ...(nOfM === undefined ? [] : sides(nOfM.above, nOfM.below)),
  ];
}

/** Unless its metric is another one, or a condition names another device, source or tag than the chart's filters. */
function couldMean({ metric, where }: Rule, query: ChartQuery): boolean {
  const isSame = isGlob(query.metric)
    ? !isGlob(metric) && compileGlob(query.metric)(metric)
    : compileGlob(metric)(query.metric);
  return isSame && where.every((condition) => !contradicts(condition, query.filters));
}

function contradicts(condition: string, filters: Readonly<Record<string, string>>): boolean {
  const [, key, operator, value] = /^([^!=~]+)(!=|=~|!~|=)(.*)$/s.exec(condition) ?? [];
  const wanted = filters[key?.trim() ?? ""];
  if (wanted === undefined || isGlob(wanted)) return false;
  if (operator === "=") return !compileGlob(value.trim())(wanted);
  return operator === "!=" && compileGlob(value.trim())(wanted);
}

function severityOf(severity: string): Severity {
  return SEVERITIES.includes(severity) ? (severity as Severity) : "medium";
}
