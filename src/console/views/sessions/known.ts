/** What names in messages are links to: devices and alerts as they are now, and the metrics there were a while ago. */
import { signal } from "@preact/signals";
import { dashboardApi } from "../../api.ts";
import { alerts } from "../../data/alerts.ts";
import { devices } from "../../data/devices.ts";
import type { Known } from "../../data/linked-text.ts";

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
    if (!/^[0-9a-f-]+$/i.test(begin)) return undefined;
    const found = [...alerts.peek().keys()].filter((id) => id.startsWith(begin));
    return found.length === 1 ? found[0] : undefined;
  },
};

function readMetrics(): void {
  isAsked = true;
  const read = dashboardApi.listMetrics({ limit: METRICS_MAX });
  read.then(
    (list) => (metrics.value = new Set(list.metrics.map(({ name }) => name))),
    () => (isAsked = false),
  );
}
