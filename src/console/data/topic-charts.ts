/** What a session is about, as charts and alerts. Pure. */
import { globOfName } from "../../model/glob.ts";
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import type { SessionTopic } from "../../wire/gen/collaboration_pb.ts";

export interface TopicChart {
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
}

/** One a metric. `ofDevices`: the metrics that its devices have, for a topic that names none. */
export function chartsOfTopic({ metrics, devices }: SessionTopic, ofDevices: readonly string[]): TopicChart[] {
  const filters = devices.length === 0 ? {} : filtersOf(devices);
  return (metrics.length > 0 ? metrics : ofDevices).map((metric) => ({ metric, filters }));
}

/** Of series of devices. */
export function filtersOf(devices: readonly string[]): Readonly<Record<string, string>> {
  return { device: devices.map(globOfName).join("|") };
}

export function isAbout({ alertIds, incidentIds, devices, metrics }: SessionTopic, alert: Alert): boolean {
  const { id, incidentId, context } = alert;
  if (alertIds.includes(id) || incidentIds.includes(incidentId)) return true;
  const isDevice = devices.includes(context["device"] ?? "");
  const isMetric = metrics.includes(context["metric"] ?? "");
  return devices.length > 0 && metrics.length > 0 ? isDevice && isMetric : isDevice || isMetric;
}

/** What alerts were about: one a metric and device. */
export function chartsOfAlerts(alerts: readonly Pick<Alert, "context">[]): TopicChart[] {
  const charts = alerts.flatMap(({ context: { metric = "", device = "", source = "" } }): TopicChart[] => {
    if (metric === "") return [];
    const filters = device !== "" ? filtersOf([device]) : source !== "" ? { source: globOfName(source) } : {};
    return [{ metric: globOfName(metric), filters }];
  });
  return [...new Map(charts.map((chart) => [JSON.stringify(chart), chart])).values()];
}
