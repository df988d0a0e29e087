/** How full batteries are: readings of metrics that say so in their name. Followed while something shows it. */
import { signal } from "@preact/signals";
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import { dashboardApi } from "../api.ts";
import { follow } from "../follow.ts";
import { numberText } from "../format.ts";

export interface Battery {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

const batteries = new Map<string, Battery>();

/** Counts updates. */
export const batteryVersion = signal(0);

export function batteryOf(device: string): Battery | undefined {
  return batteries.get(device);
}

/** Such as "81 %". A metric without a unit tells it by its name where it is a part of a hundred. */
export function batteryText({ metric, value, unit }: Battery): string {
  const shown = unit || (/(pct|percent|soc|level)$/.test(metric) ? "%" : "");
  return `${numberText(shown === "%" ? Math.round(value) : value)} ${shown}`.trimEnd();
}

export function followBatteries(): () => void {
  const subscription = { metricNames: ["*battery*"], updateIntervalMs: 10_000 };
  return follow(
    (options) => dashboardApi.subscribeMetrics(subscription, options),
    ({ metrics }) => {
      if (metrics.length === 0) return;
      for (const value of metrics) take(value);
      batteryVersion.value++;
    },
    { what: "batteries" },
  );
}

/** Of several metrics of a device the first by name. */
function take({ device, metric, value, unit }: MetricValue): void {
  const known = batteries.get(device);
  if (known === undefined || metric <= known.metric) batteries.set(device, { metric, value, unit });
}
