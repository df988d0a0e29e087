/** What people read, the same for all channels. Not escaped: each channel does that in its own way. */
import type { NotifiedAlert, Notification } from "../notify/notification.ts";
import { rankOf, type Severity } from "../severity.ts";
import { singleLine } from "./escape.ts";

export const REPEATED_TEXT =
  "May be here a second time: Watchpost ended while it was being sent, or could not reach its other nodes.";

/** Those that fire before those that are resolved, the gravest first, then the longest. */
export function inOrderOfWeight(alerts: readonly NotifiedAlert[]): NotifiedAlert[] {
  const firstRank = ({ status }: NotifiedAlert) => (status === "firing" ? 0 : 1);
  return alerts.toSorted(
    (a, b) => firstRank(a) - firstRank(b) || rankOf(b.severity) - rankOf(a.severity) || a.startsAtMs - b.startsAtMs,
  );
}

/** Of the alerts that fire; of all where none does. */
export function gravestSeverity({ alerts }: Notification): Severity {
  return inOrderOfWeight(alerts)[0]?.severity ?? "low";
}

/** One line: "[FIRING:3] critical: Cold room 2 too warm, and 2 more". */
export function headlineOf(notification: Notification): string {
  const { alerts, status, truncatedAlerts } = notification;
  const first = inOrderOfWeight(alerts)[0];
  const firing = alerts.filter((alert) => alert.status === "firing").length;
  const tag =
    status === "firing" ? `[FIRING:${firing + truncatedAlerts}] ${gravestSeverity(notification)}:` : "[RESOLVED]";
  const others = alerts.length + truncatedAlerts - 1;
  const title = first === undefined ? "no alert" : titleOf(first);
  return singleLine(`${tag} ${title}${others > 0 ? `, and ${others} more` : ""}`);
}

export function titleOf({ title, rule }: NotifiedAlert): string {
  return singleLine(title) === "" ? rule : title;
}

export type Fact = readonly [name: string, value: string];

/** What is said of an alert beside its title, description and labels, in the order to show it. */
export function factsOf(alert: NotifiedAlert): Fact[] {
  const { status, severity, value, startsAtMs, endsAtMs, isAcknowledged, isStale } = alert;
  const facts: Fact[] = [
    ["status", status],
    ["severity", severity],
  ];
  if (Number.isFinite(value)) facts.push(["value", valueText(value)]);
  facts.push(["since", timeText(startsAtMs)]);
  if (endsAtMs !== null) facts.push(["until", timeText(endsAtMs)]);
  if (isAcknowledged) facts.push(["acknowledged", "yes"]);
  if (isStale) facts.push(["stale", "silent for longer than is usual"]);
  return facts;
}

/** In the order of their names; the severity is one of the facts. */
export function labelsOf({ labels }: NotifiedAlert): Fact[] {
  const names = Object.keys(labels).filter((name) => name !== "severity");
  return names.sort().map((name) => [name, labels[name]]);
}

/** At most nine significant digits: what a float adds behind them says nothing. */
export function valueText(value: number): string {
  return String(Number(value.toPrecision(9)));
}

/** "2026-01-31 08:15:00 UTC". */
export function timeText(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
