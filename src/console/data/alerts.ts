/** All alerts that fire, acknowledged ones among them. */
import { computed } from "@preact/signals";
import type { Alert } from "../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../api.ts";
import { follow } from "../follow.ts";
import { Standing } from "./standing.ts";

export const SEVERITIES: readonly string[] = ["critical", "high", "medium", "low"];

const standing = new Standing<Alert>();
export const alerts = standing.all;
export const areAlertsKnown = standing.isKnown;

/** Gravest first, then the newest. */
export const alertList = computed(() => {
  const rank = ({ severity }: Alert) => SEVERITIES.indexOf(severity);
  const since = ({ createdAt }: Alert) => Number(createdAt?.seconds ?? 0n);
  return [...alerts.value.values()].sort((a, b) => rank(a) - rank(b) || since(b) - since(a));
});

export const alertsBySeverity = computed(() => {
  const counts = new Map<string, number>();
  for (const { severity } of alerts.value.values()) counts.set(severity, (counts.get(severity) ?? 0) + 1);
  return counts;
});

/** Nobody has said yet that they take care of these. */
export const unacknowledged = computed(() => alertList.value.filter(({ acknowledged }) => !acknowledged).length);

let cursor = "";

export function followAlerts(): () => void {
  return follow((options) => {
    if (cursor === "") standing.begin();
    return alertsApi.subscribeAlerts({ includeAcknowledged: true, updates: true, cursor }, options);
  }, hear);
}

function hear(alert: Alert): void {
  if (alert.cursor !== "") cursor = alert.cursor;
  if (alert.snapshotEnd) standing.known();
  else if (alert.id !== "") standing.put(alert.id, alert.removed ? undefined : alert);
}
