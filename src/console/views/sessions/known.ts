/** What names in messages are links to: devices and alerts as they are now, and the metrics there were a while ago. */
import { signal } from "@preact/signals";
import { dashboardApi } from "../../api.ts";
import { alerts } from "../../data/alerts.ts";
import { devices } from "../../data/devices.ts";
import { ALERT_ID_LEAST, type Known } from "../../data/linked-text.ts";

const METRICS_MAX = 1_000;

const metrics = signal<ReadonlySet<string>>(new Set());
let isAsked = false;

export const known: Known = {
  isDevice: (name) => devices.peek().has(name),
  isMetric(name) {
    if (!isAsked) readMetrics();
    return metrics.value.has(name);
  },
  alertId(begin) {
    const alike = alertIds(alerts.peek()).get(begin.slice(0, ALERT_ID_LEAST)) ?? [];
    const found = alike.filter((id) => id.startsWith(begin));
    return found.length === 1 ? found[0] : undefined;
  },
};

/** By their first letters: many words of many messages are looked up among many alerts. */
function alertIds(all: ReadonlyMap<string, unknown>): ReadonlyMap<string, readonly string[]> {
  if (indexed?.all === all) return indexed.byBegin;
  const byBegin = Map.groupBy(all.keys(), (id) => id.slice(0, ALERT_ID_LEAST));
  indexed = { all, byBegin };
  return byBegin;
}

let indexed: { all: ReadonlyMap<string, unknown>; byBegin: ReadonlyMap<string, readonly string[]> } | undefined;

function readMetrics(): void {
  isAsked = true;
  const read = dashboardApi.listMetrics({ limit: METRICS_MAX });
  read.then(
    (list) => (metrics.value = new Set(list.metrics.map(({ name }) => name))),
    () => (isAsked = false),
  );
}
