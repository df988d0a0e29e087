/** When alerts on what a chart shows were firing. Pure. */
import { compileGlob, isGlob } from "../../model/glob.ts";
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import type { PlotEpisode, Severity } from "../charts/plot-model.ts";
import { msOf } from "../format.ts";
import type { ChartQuery } from "./chart-query.ts";

const EPISODES_MAX = 500;
const SEVERITIES: readonly string[] = ["low", "medium", "high", "critical"];

/** `alerts`: by metric ("": none). The first to fire first. Alerts without a metric are on charts of their device. */
export function episodesOn(
  alerts: ReadonlyMap<string, readonly Alert[]>,
  { metric, filters }: Pick<ChartQuery, "metric" | "filters">,
): PlotEpisode[] {
  const wanted = Object.entries(filters).map(([key, glob]) => [key, compileGlob(glob)] as const);
  const episodes: PlotEpisode[] = [];
  const about = isGlob(metric)
    ? [...alerts.keys()].filter((name) => name !== "" && compileGlob(metric)(name))
    : [metric];
  if (filters["device"] !== undefined) about.push("");
  for (const { id, title, context, severityMax, severity, createdAt, since, clearedAt } of about.flatMap(
    (name) => alerts.get(name) ?? [],
  )) {
    const fromMs = msOf(since ?? createdAt);
    if (fromMs === undefined) continue;
    if (!wanted.every(([key, matches]) => context[key] === undefined || matches(context[key]))) continue;
    const toMs = msOf(clearedAt);
    const gravest = severityMax || severity;
    episodes.push({
      ...{ fromMs, title, alertId: id, severity: SEVERITIES.includes(gravest) ? (gravest as Severity) : "medium" },
      ...(toMs !== undefined && { toMs }),
    });
  }
  return episodes.sort((a, b) => a.fromMs - b.fromMs).slice(-EPISODES_MAX);
}
