/** The JSON that Alertmanager sends to webhooks, version 4, down to the order of its keys: what many programs take. */
import type { NotifiedAlert, Notification } from "../notify/notification.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { valueText } from "./notification-text.ts";

type Texts = Readonly<Record<string, string>>;

/** Go's zero time. */
const NEVER = "0001-01-01T00:00:00Z";

export function webhookBody(notification: Notification): string {
  const { receiver, status, alerts, groupLabels, externalUrl, groupKey, truncatedAlerts } = notification;
  return goJson({
    receiver,
    status,
    alerts: alerts.map((alert) => ({
      status: alert.status,
      labels: inOrder(alert.labels),
      annotations: inOrder(annotationsOf(alert)),
      startsAt: timestamp(alert.startsAtMs),
      endsAt: alert.endsAtMs === null ? NEVER : timestamp(alert.endsAtMs),
      generatorURL: generatorUrl(notification, alert),
      fingerprint: fingerprintOf(alert.labels),
    })),
    groupLabels: inOrder(groupLabels),
    commonLabels: inOrder(commonOf(alerts.map(({ labels }) => labels))),
    commonAnnotations: inOrder(commonOf(alerts.map(annotationsOf))),
    externalURL: externalUrl,
    version: "4",
    groupKey,
    truncatedAlerts,
  });
}

/** Under the names that Prometheus rules have made customary, and what only Watchpost knows. */
export function annotationsOf(alert: NotifiedAlert): Texts {
  const { title, description, runbook, value, isAcknowledged, isStale } = alert;
  const all: Texts = {
    summary: title,
    description,
    runbook_url: runbook,
    value: Number.isFinite(value) ? valueText(value) : "",
    acknowledged: isAcknowledged ? "true" : "",
    stale: isStale ? "true" : "",
  };
  return Object.fromEntries(Object.entries(all).filter(([, text]) => text !== ""));
}

/** Where people see the alert; "": not known. */
export function generatorUrl({ externalUrl }: Notification, { id }: NotifiedAlert): string {
  return externalUrl === "" ? "" : `${externalUrl.replace(/\/+$/, "")}/alerts/${encodeURIComponent(id.toWellFormed())}`;
}

/** RFC 3339 as Go writes it: without zeros at the end of the fraction. */
export function timestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.?0*Z$/, "Z");
}

/** What all have, with the same value. */
export function commonOf(all: readonly Texts[]): Texts {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) =>
      others.every((each) => Object.hasOwn(each, name) && each[name] === value),
    ),
  );
}

function inOrder(texts: Texts): Texts {
  return Object.fromEntries(
    Object.keys(texts)
      .sort()
      .map((name) => [name, texts[name]]),
  );
}

/** As Go's encoder writes it, with what could end a script element escaped, and a line's end. */
function goJson(value: unknown): string {
  const json = JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${json}\n`;
}
