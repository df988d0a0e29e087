/** Alerts of an external Alertmanager, through its API v2: it groups, silences and notifies then. */
import type { NotifiedAlert, Notification } from "../notify/notification.ts";
import { annotationsOf, generatorUrl, timestamp } from "./alertmanager-body.ts";
import { postJson, type HttpTarget } from "./http-post.ts";
import type { Receiver, ReceiverDeps, ReceiverIdentity } from "./receiver.ts";

export interface AlertmanagerConfig extends HttpTarget {
  readonly kind: "alertmanager";
  readonly timeoutMs: number;
  /** For how long an alert fires there without being heard of again. */
  readonly expireAfterMs: number;
}

type Texts = Readonly<Record<string, string>>;

export function alertmanagerReceiver(
  identity: ReceiverIdentity,
  config: AlertmanagerConfig,
  { clock }: ReceiverDeps,
): Receiver {
  return {
    ...identity,
    async send(notification, { signal }) {
      const body = alertsBody(notification, clock.nowMs() + config.expireAfterMs);
      await postJson(config, body, { clock, signal, path: "/api/v2/alerts" });
    },
    async close() {},
  };
}

/**
 * What fires ends at `expiresAtMs` unless it is said again before: so an alert does not outlive the server that would
 * have told of its end.
 */
export function alertsBody(notification: Notification, expiresAtMs: number): string {
  const alerts = notification.alerts.map((alert) => ({
    labels: prometheusLabels(alert.labels),
    annotations: annotationsOf(alert),
    startsAt: timestamp(alert.startsAtMs),
    endsAt: timestamp(alert.endsAtMs ?? expiresAtMs),
    ...linkOf(notification, alert),
  }));
  return JSON.stringify(alerts);
}

function linkOf(notification: Notification, alert: NotifiedAlert): { generatorURL?: string } {
  const url = generatorUrl(notification, alert);
  return url === "" ? {} : { generatorURL: url };
}

/**
 * With names that every version takes, letters, digits and "_": one other name would have the whole alert refused. Two
 * that become the same stay apart by a number, in the order of the names.
 */
export function prometheusLabels(labels: Texts): Texts {
  const named = new Map<string, string>();
  const names = Object.keys(labels).sort();
  // Names that may stay do: "a_b" is not pushed aside by "a.b".
  const ordered = [...names.filter(isPlain), ...names.filter((name) => !isPlain(name))];
  for (const name of ordered) {
    const plain = name.replaceAll(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d|$)/, "_");
    let free = plain;
    for (let n = 2; named.has(free); n++) free = `${plain}_${n}`;
    named.set(free, labels[name]);
  }
  return Object.fromEntries(named);
}

function isPlain(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}
