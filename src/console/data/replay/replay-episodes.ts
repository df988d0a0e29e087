/** What is shaded on a chart that is replayed. Pure. */
import type { PlotEpisode, Severity } from "../../charts/plot-model.ts";
import type { Alert } from "../../../wire/gen/alerts_pb.ts";
import { msOf } from "../../format.ts";

interface ChartOf {
  readonly metric: string;
  /** Of the lines that are drawn. */
  readonly devices: ReadonlySet<string>;
}

/** Of the alerts that had fired by then those that are about the chart, no further than until then: what came later is not known yet. */
export function episodesAt(atMs: number, alerts: Iterable<Alert>, { metric, devices }: ChartOf): PlotEpisode[] {
  return [...alerts].flatMap((alert): PlotEpisode[] => {
    const { id, title, severity, createdAt, clearedAt, context } = alert;
    const { metric: ofMetric = "", device = "" } = context;
    const isHere = ofMetric === metric || (ofMetric === "" && devices.has(device));
    if (!isHere || (device !== "" && !devices.has(device))) return [];
    const fromMs = msOf(createdAt) ?? 0;
    const toMs = Math.max(fromMs, Math.min(msOf(clearedAt) ?? atMs, atMs));
    return [{ fromMs, toMs, severity: severity as Severity, title, alertId: id }];
  });
}
