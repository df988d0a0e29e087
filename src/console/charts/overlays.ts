import { useEffect, useMemo } from "preact/hooks";
import { episodesOn } from "../data/alert-episodes.ts";
import type { ChartQuery } from "../data/chart-query.ts";
import { serverNowMs } from "../now.ts";
import { timeText } from "../format.ts";
import { limitsOn } from "../data/metric-limits.ts";
import { alertsByMetric, alertsKnownFromMs, areRulesCut, rules, wantOverlays } from "../data/overlays.ts";
import type { PlotEpisode, PlotThreshold } from "./plot-model.ts";

const BEGIN_STEP_MS = 3_600_000;

export interface Overlays {
  readonly thresholds: readonly PlotThreshold[];
  readonly episodes: readonly PlotEpisode[];
  /** What of them is not drawn. */
  readonly notes: readonly string[];
}

/** Limits of rules on what a chart shows, and when alerts on it fired; the same arrays until these change. */
export function useOverlays(query: ChartQuery, fromMs: number): Overlays {
  useEffect(() => wantOverlays(fromMs), [Math.floor(fromMs / BEGIN_STEP_MS)]);
  const { metric, filters, aggregation } = query;
  const key = JSON.stringify([metric, filters, query.function, aggregation]);
  const thresholds = useMemo(() => limitsOn(rules.value, query), [rules.value, key]);
  const episodes = useMemo(() => episodesOn(alertsByMetric.value, query), [alertsByMetric.value, key]);
  const knownFromMs = alertsKnownFromMs.value;
  const notes = [
    ...(fromMs < knownFromMs
      ? [`Alerts that fired before ${timeText(knownFromMs, serverNowMs())} are not shaded: there are many`]
      : []),
    ...(areRulesCut.value ? ["Limits are those of the first 1,000 rules"] : []),
  ];
  return { thresholds, episodes, notes };
}
