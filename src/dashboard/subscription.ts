/** What a MetricSubscription asks for, checked and with the server's bounds applied. */
import type { Scope } from "../model/access.ts";
import { invalidField } from "../model/errors.ts";
import { compileMatcher, type SeriesMatcher } from "../model/matcher.ts";
import { UpdateMode, type MetricSubscription } from "../wire/gen/dashboard_pb.ts";
import { Aggregation } from "../wire/gen/history_pb.ts";

export interface LiveOptions {
  readonly intervalMsMin: number;
  readonly intervalMsMax: number;
  /** On-change: how long changes are gathered after a push. */
  readonly onChangeHoldMs: number;
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  readonly subscriptionsMax: number;
  readonly seriesMax: number;
}

export interface FeedSpec {
  /** Equal for subscriptions that get the same updates. */
  readonly key: string;
  readonly matcher: SeriesMatcher;
  /** Of whoever subscribes. */
  readonly scope: Scope;
  readonly onChange: boolean;
  /** Between two updates; on-change: after a push. */
  readonly intervalMs: number;
  readonly windowStats: boolean;
  /** Undefined: every series by itself. */
  readonly groupBy: readonly string[] | undefined;
  /** What becomes a group's value. */
  readonly aggregation: Aggregation;
  /** 0: from each series' own gaps. */
  readonly staleAfterMs: number;
}

const NAMES_MAX = 1_000;
const FILTERS_MAX = 64;
const GROUP_BY_MAX = 16;
const STALE_AFTER_MS_MAX = 400 * 86_400_000;

/** Throws INVALID_ARGUMENT with the field, the value and what is wanted. */
export function feedSpecOf(request: MetricSubscription, scope: Scope, options: LiveOptions): FeedSpec {
  const { metricNames, filters, mode, windowStats, groupBy, aggregations } = request;
  if (metricNames.length > NAMES_MAX)
    throw invalidField("metric_names", `${metricNames.length} names`, `at most ${NAMES_MAX}`);
  if (Object.keys(filters).length > FILTERS_MAX) throw invalidField("filters", "too many", `at most ${FILTERS_MAX}`);
  if (groupBy.length > GROUP_BY_MAX) throw invalidField("group_by", groupBy.join(), `at most ${GROUP_BY_MAX} tags`);
  if (UpdateMode[mode] === undefined) throw invalidField("mode", mode, "UPDATE_MODE_INTERVAL or UPDATE_MODE_ON_CHANGE");
  for (const aggregation of aggregations) {
    if (Aggregation[aggregation] === undefined) throw invalidField("aggregations", aggregation, "a known aggregation");
  }
  const grouped = groupBy.length > 0 || aggregations.length > 0;
  if (windowStats && grouped) {
    throw invalidField("window_stats", true, "it false with group_by or aggregations: a group has no windows");
  }
  const staleAfterMs = Number(request.staleAfterMs);
  if (staleAfterMs < 0 || staleAfterMs > STALE_AFTER_MS_MAX) {
    throw invalidField("stale_after_ms", staleAfterMs, `0 to ${STALE_AFTER_MS_MAX}`);
  }
  if (request.updateIntervalMs < 0) throw invalidField("update_interval_ms", request.updateIntervalMs, "0 or more");
  if (request.coalesceMs < 0) throw invalidField("coalesce_ms", request.coalesceMs, "0 or more");
  const matcher = compileMatcher(metricNames, filters);
  const onChange = mode === UpdateMode.ON_CHANGE;
  const intervalMs = onChange
    ? clamp(request.coalesceMs || options.onChangeHoldMs, 1, options.intervalMsMax)
    : clamp(request.updateIntervalMs, options.intervalMsMin, options.intervalMsMax);
  const aggregation = aggregations[0] || Aggregation.AVG;
  const names = [...new Set(metricNames)].sort();
  const filterEntries = Object.entries(filters).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [
    names,
    filterEntries,
    onChange,
    intervalMs,
    windowStats,
    grouped && groupBy,
    aggregation,
    staleAfterMs,
    scope.key,
  ];
  return {
    key: JSON.stringify(parts),
    matcher,
    scope,
    onChange,
    intervalMs,
    windowStats,
    groupBy: grouped ? groupBy : undefined,
    aggregation,
    staleAfterMs,
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
