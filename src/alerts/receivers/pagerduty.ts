/** PagerDuty's Events API v2: one incident for a group, opened and closed under one key. */
import type { NotifiedAlert, Notification } from "../notify/notification.ts";
import type { Severity } from "../severity.ts";
import { commonOf, generatorUrl, timestamp } from "./alertmanager-body.ts";
import { pageUrl, plainText, singleLine } from "./escape.ts";
import { fitting } from "./fitting.ts";
import { postJson, type HttpTarget } from "./http-post.ts";
import {
  factsOf,
  gravestSeverity,
  headlineOf,
  inOrderOfWeight,
  labelsOf,
  REPEATED_TEXT,
  titleOf,
} from "./notification-text.ts";
import type { Receiver, ReceiverDeps, ReceiverIdentity } from "./receiver.ts";
import type { Secret } from "./secret.ts";

export interface PagerDutyConfig extends HttpTarget {
  readonly kind: "pagerduty";
  readonly timeoutMs: number;
  readonly routingKey: Secret;
}

/** Limits of the API: an event has 512 kB, a summary 1,024 characters. */
const EVENT_BYTES_MAX = 500_000;
const SUMMARY_LENGTH_MAX = 1_024;
const ALERTS_SHOWN_MAX = 20;
const LINKS_MAX = 10;
const TEXT_LENGTH_MAX = 2_000;

const SEVERITIES: Readonly<Record<Severity, string>> = {
  critical: "critical",
  high: "error",
  medium: "warning",
  low: "info",
};

export function pagerDutyReceiver(
  identity: ReceiverIdentity,
  config: PagerDutyConfig,
  { clock }: ReceiverDeps,
): Receiver {
  return {
    ...identity,
    async send(notification, { signal }) {
      const routingKey = await config.routingKey.reveal();
      await postJson(config, eventBody(notification, routingKey), { clock, signal, secrets: [routingKey] });
    },
    async close() {},
  };
}

export function eventBody(notification: Notification, routingKey: string): string {
  const { groupKey, status } = notification;
  // Group keys are longer than the 255 characters that may be sent.
  const dedupKey = new Bun.CryptoHasher("sha256").update(groupKey).digest("hex");
  const event = { routing_key: routingKey, event_action: "resolve", dedup_key: dedupKey };
  if (status === "resolved") return JSON.stringify(event);
  const shownMax = Math.min(notification.alerts.length, ALERTS_SHOWN_MAX);
  return fitting(shownMax, EVENT_BYTES_MAX, (shown) =>
    JSON.stringify({ ...event, event_action: "trigger", ...triggerParts(notification, shown) }),
  );
}

function triggerParts(notification: Notification, shown: number) {
  const { alerts, externalUrl } = notification;
  const url = pageUrl(externalUrl);
  const ordered = inOrderOfWeight(alerts);
  const common = commonOf(alerts.map(({ labels }) => labels));
  return {
    client: "Watchpost",
    ...(url === undefined ? {} : { client_url: url }),
    links: linksOf(notification, ordered.slice(0, shown)),
    payload: {
      summary: headlineOf(notification).slice(0, SUMMARY_LENGTH_MAX).toWellFormed(),
      source: singleLine(common["device"] ?? common["source"] ?? "watchpost"),
      severity: SEVERITIES[gravestSeverity(notification)],
      ...(alerts.length === 0 ? {} : { timestamp: timestamp(firstStart(alerts)) }),
      ...(common["device"] === undefined ? {} : { component: singleLine(common["device"]) }),
      ...(common["alertname"] === undefined ? {} : { class: singleLine(common["alertname"]) }),
      custom_details: detailsOf(notification, ordered, shown),
    },
  };
}

function detailsOf({ alerts, truncatedAlerts, isRepeated }: Notification, ordered: NotifiedAlert[], shown: number) {
  const firing = alerts.filter(({ status }) => status === "firing").length;
  return {
    num_firing: firing,
    num_resolved: alerts.length - firing,
    num_not_shown: alerts.length - shown + truncatedAlerts,
    ...(isRepeated ? { note: REPEATED_TEXT } : {}),
    alerts: ordered.slice(0, shown).map((alert) => ({
      title: singleLine(titleOf(alert)),
      description: plainText(alert.description).slice(0, TEXT_LENGTH_MAX).toWellFormed(),
      ...Object.fromEntries(factsOf(alert)),
      labels: Object.fromEntries(labelsOf(alert).map(([name, value]) => [singleLine(name), singleLine(value)])),
    })),
  };
}

function linksOf(notification: Notification, alerts: readonly NotifiedAlert[]): { href: string; text: string }[] {
  const links = new Map<string, string>();
  for (const alert of alerts) {
    const runbook = pageUrl(alert.runbook);
    if (runbook !== undefined) links.set(runbook, `Runbook: ${alert.rule}`);
    const page = pageUrl(generatorUrl(notification, alert));
    if (page !== undefined) links.set(page, titleOf(alert));
  }
  return [...links].slice(0, LINKS_MAX).map(([href, text]) => ({ href, text: singleLine(text) }));
}

function firstStart(alerts: readonly NotifiedAlert[]): number {
  return alerts.reduce((first, { startsAtMs }) => Math.min(first, startsAtMs), Infinity);
}
