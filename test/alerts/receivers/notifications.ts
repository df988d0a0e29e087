import type { NotifiedAlert, Notification } from "../../../src/alerts/notify/notification.ts";

export const NOON_MS = Date.UTC(2026, 0, 31, 12);

export function alertOf(changes: Partial<NotifiedAlert> = {}): NotifiedAlert {
  return {
    id: "a-1",
    rule: "cold-room-warm",
    status: "firing",
    severity: "high",
    title: "Cold room 2 is too warm",
    description: "8.5 °C for 10 minutes.\nDoors are usually the reason.",
    runbook: "https://wiki.example.org/cold-rooms",
    labels: { alertname: "cold-room-warm", severity: "high", device: "cooler-2", site: "north" },
    startsAtMs: NOON_MS,
    endsAtMs: null,
    value: 8.5,
    isAcknowledged: false,
    isStale: false,
    ...changes,
  };
}

export const RESOLVED_ALERT = alertOf({
  id: "a-2",
  status: "resolved",
  severity: "medium",
  title: "Cold room 3 is too warm",
  labels: { alertname: "cold-room-warm", severity: "medium", device: "cooler-3", site: "north" },
  startsAtMs: NOON_MS - 3_600_000 + 250,
  endsAtMs: NOON_MS - 60_000,
  value: 4.1,
  isAcknowledged: true,
});

export function notificationOf(changes: Partial<Notification> = {}): Notification {
  return {
    receiver: "ops",
    groupKey: '{}/{site="north"}:{alertname="cold-room-warm"}',
    groupLabels: { alertname: "cold-room-warm" },
    status: "firing",
    alerts: [alertOf()],
    truncatedAlerts: 0,
    externalUrl: "https://watchpost.example.org",
    isRepeated: false,
    ...changes,
  };
}

/** What people put into names, and worse. */
export const NASTY = [
  "<!channel> <@U123> <https://evil.example|click> & <b>bold</b>",
  "@channel @here [click](https://evil.example) ![x](https://evil.example/x.png)",
  "line\r\nBcc: victim@example.org\r\n\r\nbody",
  "line\nDATA\n.\nMAIL FROM:<x@y>",
  '"><script>alert(1)</script>',
  "a/#",
  "+/+",
  "$SYS/broker",
  "nul\u0000bell\u0007esc\u001b[31mred\u009b0m",
  "\u202ereversed\u2066",
  "lone \ud800 surrogate",
  "\u2028\u2029\u0085",
  "%2F%00",
  "",
] as const;

/** An alert with it in all that can come from outside. */
export function nastyNotification(text: string): Notification {
  const labels = { alertname: "cold-room-warm", severity: "high", device: text, [`tag ${text}`]: text };
  const alert = alertOf({ id: text, title: text, description: text, runbook: `javascript:${text}`, labels });
  return notificationOf({ alerts: [alert], groupLabels: { device: text }, groupKey: text });
}
