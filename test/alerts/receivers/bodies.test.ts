/** What is sent, to the letter. */
import { expect, test } from "bun:test";
import { commonOf, timestamp, webhookBody } from "../../../src/alerts/receivers/alertmanager-body.ts";
import { alertsBody, prometheusLabels } from "../../../src/alerts/receivers/alertmanager.ts";
import { mailBody } from "../../../src/alerts/receivers/email-body.ts";
import { fingerprintOf } from "../../../src/alerts/receivers/fingerprint.ts";
import { payloadOf } from "../../../src/alerts/receivers/mqtt.ts";
import { headlineOf } from "../../../src/alerts/receivers/notification-text.ts";
import { eventBody } from "../../../src/alerts/receivers/pagerduty.ts";
import { slackBody } from "../../../src/alerts/receivers/slack.ts";
import { alertOf, NOON_MS, notificationOf, RESOLVED_ALERT } from "./notifications.ts";

const MIXED = notificationOf({ alerts: [RESOLVED_ALERT, alertOf()], truncatedAlerts: 2, isRepeated: true });
const RESOLVED = notificationOf({ status: "resolved", alerts: [RESOLVED_ALERT] });
const NO_NAMES = { channel: undefined, username: undefined };

test("webhook: Alertmanager's version 4, byte for byte", () => {
  const description = "8.5 °C for 10 minutes.\\nDoors are usually the reason.";
  const runbook = '"runbook_url":"https://wiki.example.org/cold-rooms"';
  expect(webhookBody(MIXED).split(/(?<=[{}\]],)/)).toEqual([
    '{"receiver":"ops","status":"firing","alerts":[{"status":"resolved","labels":{"alertname":"cold-room-warm","device":"cooler-3","severity":"medium","site":"north"},',
    `"annotations":{"acknowledged":"true","description":"${description}",${runbook},"summary":"Cold room 3 is too warm","value":"4.1"},`,
    '"startsAt":"2026-01-31T11:00:00.25Z","endsAt":"2026-01-31T11:59:00Z","generatorURL":"https://watchpost.example.org/alerts/a-2","fingerprint":"89490d5252155cee"},',
    '{"status":"firing","labels":{"alertname":"cold-room-warm","device":"cooler-2","severity":"high","site":"north"},',
    `"annotations":{"description":"${description}",${runbook},"summary":"Cold room 2 is too warm","value":"8.5"},`,
    '"startsAt":"2026-01-31T12:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"https://watchpost.example.org/alerts/a-1","fingerprint":"12bdce6f58c68aaa"}],',
    '"groupLabels":{"alertname":"cold-room-warm"},',
    '"commonLabels":{"alertname":"cold-room-warm","site":"north"},',
    `"commonAnnotations":{"description":"${description}",${runbook}},`,
    '"externalURL":"https://watchpost.example.org","version":"4","groupKey":"{}/{site=\\"north\\"}:{alertname=\\"cold-room-warm\\"}","truncatedAlerts":2}\n',
  ]);
});

test("webhook: what Go would escape is escaped, and labels are kept whatever their name", () => {
  const labels = JSON.parse('{"__proto__":"<p>&\\u2028","constructor":"c"}') as Record<string, string>;
  const body = webhookBody(notificationOf({ alerts: [alertOf({ labels, value: NaN })], groupLabels: labels }));
  expect(body).toContain('"groupLabels":{"__proto__":"\\u003cp\\u003e\\u0026\\u2028","constructor":"c"}');
  expect(body).toContain('"commonLabels":{"__proto__":"\\u003cp\\u003e\\u0026\\u2028","constructor":"c"}');
  expect(body).not.toContain('"value"');
});

test("times are written as Go does: fractions without zeros at their end", () => {
  const texts = [0, 1, 10, 100, 250, 1_000, 600_000].map((ms) => timestamp(NOON_MS + ms).slice(11));
  const expected = ["00:00Z", "00:00.001Z", "00:00.01Z", "00:00.1Z", "00:00.25Z", "00:01Z", "10:00Z"];
  expect(texts).toEqual(expected.map((text) => `12:${text}`));
});

test("fingerprints are those of prometheus/common", () => {
  // The hash of nothing is FNV's offset.
  expect(fingerprintOf({})).toBe("cbf29ce484222325");
  expect(fingerprintOf({ b: "2", a: "1" })).toBe(fingerprintOf({ a: "1", b: "2" }));
  expect(fingerprintOf({ ab: "c" })).not.toBe(fingerprintOf({ a: "bc" }));
});

test("common is what all have, with the same value", () => {
  expect(commonOf([])).toEqual({});
  expect(
    commonOf([
      { a: "1", b: "2" },
      { a: "1", b: "3", c: "4" },
    ]),
  ).toEqual({ a: "1" });
  expect(commonOf([{ toString: "x" }, {}])).toEqual({});
});

test("Alertmanager's API: what fires ends when it is not said again, and names are ones that it takes", () => {
  const labels = { alertname: "warm", "device.id": "7", device_id: "8", "2nd": "x", größe: "9" };
  const body = alertsBody(notificationOf({ alerts: [alertOf({ labels }), RESOLVED_ALERT] }), NOON_MS + 3_600_000);
  const annotations = {
    description: "8.5 °C for 10 minutes.\nDoors are usually the reason.",
    runbook_url: "https://wiki.example.org/cold-rooms",
  };
  expect(JSON.parse(body)).toEqual([
    {
      labels: { alertname: "warm", device_id: "8", _2nd: "x", device_id_2: "7", gr__e: "9" },
      annotations: { ...annotations, summary: "Cold room 2 is too warm", value: "8.5" },
      startsAt: "2026-01-31T12:00:00Z",
      endsAt: "2026-01-31T13:00:00Z",
      generatorURL: "https://watchpost.example.org/alerts/a-1",
    },
    {
      labels: RESOLVED_ALERT.labels,
      annotations: { ...annotations, summary: "Cold room 3 is too warm", value: "4.1", acknowledged: "true" },
      startsAt: "2026-01-31T11:00:00.25Z",
      endsAt: "2026-01-31T11:59:00Z",
      generatorURL: "https://watchpost.example.org/alerts/a-2",
    },
  ]);
  expect(prometheusLabels({ "": "x" })).toEqual({ _: "x" });
});

test("PagerDuty: trigger and resolve under one key", () => {
  const dedup_key = "d2050b36ba50f0e4979e2d6693401be7c9a486bdc5b202c5c8e45f08089cb432";
  const description = "8.5 °C for 10 minutes.\nDoors are usually the reason.";
  expect(JSON.parse(eventBody(RESOLVED, "KEY"))).toEqual({ routing_key: "KEY", event_action: "resolve", dedup_key });
  expect(JSON.parse(eventBody(MIXED, "KEY"))).toEqual({
    routing_key: "KEY",
    event_action: "trigger",
    dedup_key,
    client: "Watchpost",
    client_url: "https://watchpost.example.org/",
    links: [
      { href: "https://wiki.example.org/cold-rooms", text: "Runbook: cold-room-warm" },
      { href: "https://watchpost.example.org/alerts/a-1", text: "Cold room 2 is too warm" },
      { href: "https://watchpost.example.org/alerts/a-2", text: "Cold room 3 is too warm" },
    ],
    payload: {
      summary: "[FIRING:3] high: Cold room 2 is too warm, and 3 more",
      source: "watchpost",
      severity: "error",
      timestamp: "2026-01-31T11:00:00.25Z",
      class: "cold-room-warm",
      custom_details: {
        num_firing: 1,
        num_resolved: 1,
        num_not_shown: 2,
        note: "May be here a second time: Watchpost ended while it was being sent, or could not reach its other nodes.",
        alerts: [
          {
            title: "Cold room 2 is too warm",
            description,
            status: "firing",
            severity: "high",
            value: "8.5",
            since: "2026-01-31 12:00:00 UTC",
            labels: { alertname: "cold-room-warm", device: "cooler-2", site: "north" },
          },
          {
            title: "Cold room 3 is too warm",
            description,
            status: "resolved",
            severity: "medium",
            value: "4.1",
            since: "2026-01-31 11:00:00 UTC",
            until: "2026-01-31 11:59:00 UTC",
            acknowledged: "yes",
            labels: { alertname: "cold-room-warm", device: "cooler-3", site: "north" },
          },
        ],
      },
    },
  });
});

test("PagerDuty: severities, one device, and limits", () => {
  const payloadOf = (severity: "low" | "medium" | "high" | "critical") =>
    JSON.parse(eventBody(notificationOf({ alerts: [alertOf({ severity })] }), "KEY")).payload;
  const severities = (["low", "medium", "high", "critical"] as const).map((each) => payloadOf(each).severity);
  expect(severities).toEqual(["info", "warning", "error", "critical"]);
  expect(payloadOf("low")).toMatchObject({ source: "cooler-2", component: "cooler-2" });

  const labels = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`label-${i}`, "é".repeat(1_000)]));
  const title = "x".repeat(5_000);
  const alerts = Array.from({ length: 100 }, (_, i) => alertOf({ id: `a-${i}`, title, labels }));
  const body = eventBody(notificationOf({ alerts }), "KEY");
  expect(Buffer.byteLength(body)).toBeLessThan(512_000);
  const { summary, custom_details } = JSON.parse(body).payload;
  expect(summary).toHaveLength(1_024);
  expect(custom_details).toMatchObject({ num_firing: 100, num_not_shown: 95 });
  expect(custom_details.alerts).toHaveLength(5);
});

test("Slack: one attachment with a colour, a title and the alerts", () => {
  const fact = "status: firing · severity: high · value: 8.5 · since: 2026-01-31 12:00:00 UTC";
  const labels = "alertname: cold-room-warm · device: cooler-2 · site: north";
  expect(JSON.parse(slackBody(notificationOf(), { channel: "#ops", username: "Watchpost" }))).toEqual({
    channel: "#ops",
    username: "Watchpost",
    attachments: [
      {
        color: "#e8590c",
        fallback: "[FIRING:1] high: Cold room 2 is too warm",
        title: "[FIRING:1] high: Cold room 2 is too warm",
        title_link: "https://watchpost.example.org/",
        text: [
          "*Cold room 2 is too warm*",
          "8.5 °C for 10 minutes.",
          "Doors are usually the reason.",
          `${fact} · ${labels}`,
          "<https://watchpost.example.org/alerts/a-1|Alert> · <https://wiki.example.org/cold-rooms|Runbook>",
        ].join("\n"),
        mrkdwn_in: ["text"],
      },
    ],
  });
  expect(JSON.parse(slackBody(RESOLVED, NO_NAMES)).attachments[0]).toMatchObject({
    color: "#2e9e5b",
    title: "[RESOLVED] Cold room 3 is too warm",
  });
});

test("Slack: a storm is ten alerts and a number", () => {
  const alerts = Array.from({ length: 30 }, (_, i) => alertOf({ id: `a-${i}`, description: "x".repeat(10_000) }));
  const { text, title } = JSON.parse(slackBody(notificationOf({ alerts, truncatedAlerts: 70 }), NO_NAMES))
    .attachments[0];
  expect(title).toBe("[FIRING:100] high: Cold room 2 is too warm, and 99 more");
  expect(text).toEndWith("… and 90 more");
  expect(text.length).toBeLessThan(15_000);
});

test("mail: subject, text and HTML say the same", () => {
  const { subject, text, html } = mailBody(MIXED);
  expect(subject).toBe("[FIRING:3] high: Cold room 2 is too warm, and 3 more");
  expect(text).toBe(`Cold room 2 is too warm
8.5 °C for 10 minutes.
Doors are usually the reason.
  status: firing
  severity: high
  value: 8.5
  since: 2026-01-31 12:00:00 UTC
  alertname: cold-room-warm
  device: cooler-2
  site: north
  Alert: https://watchpost.example.org/alerts/a-1
  Runbook: https://wiki.example.org/cold-rooms

Cold room 3 is too warm
8.5 °C for 10 minutes.
Doors are usually the reason.
  status: resolved
  severity: medium
  value: 4.1
  since: 2026-01-31 11:00:00 UTC
  until: 2026-01-31 11:59:00 UTC
  acknowledged: yes
  alertname: cold-room-warm
  device: cooler-3
  site: north
  Alert: https://watchpost.example.org/alerts/a-2
  Runbook: https://wiki.example.org/cold-rooms

… and 2 more

May be here a second time: Watchpost ended while it was being sent, or could not reach its other nodes.
`);
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [name, value = name] = line.trim().split(/: (?=\S)/);
    expect(html).toContain(value);
  }
  expect(html).toContain('<a href="https://wiki.example.org/cold-rooms">');
});

test("headlines: the gravest of those that fire comes first, a title that says nothing is the rule", () => {
  const critical = alertOf({ severity: "critical", title: "Freezer thaws" });
  const over = alertOf({ status: "resolved", severity: "critical", endsAtMs: NOON_MS, title: "Over" });
  expect(headlineOf(notificationOf({ alerts: [over, alertOf(), critical] }))).toBe(
    "[FIRING:2] critical: Freezer thaws, and 2 more",
  );
  expect(headlineOf(notificationOf({ alerts: [alertOf({ title: " \u2028\n" })] }))).toBe(
    "[FIRING:1] high: cold-room-warm",
  );
});

test("MQTT: what does not fit is counted, the gravest alerts are kept", () => {
  const many = Array.from({ length: 1_000 }, (_, i) => alertOf({ id: `a-${i}`, startsAtMs: NOON_MS + i }));
  const grave = alertOf({ id: "grave", severity: "critical", startsAtMs: NOON_MS + 5_000 });
  const payload = payloadOf(notificationOf({ alerts: [...many, grave], truncatedAlerts: 9 }));
  expect(payload.length).toBeLessThan(128 * 1024);
  const { alerts, truncatedAlerts } = JSON.parse(payload);
  expect(alerts.length).toBeGreaterThan(100);
  expect(alerts.length + truncatedAlerts).toBe(1_010);
  expect(alerts[0].generatorURL).toEndWith("/grave");
  expect(payloadOf(MIXED)).toBe(webhookBody(MIXED));
});
