/** Against Debian's real Alertmanager: it takes what we send, and sends to webhooks what we would. */
import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import type { Notification } from "../../../src/alerts/notify/notification.ts";
import { webhookBody } from "../../../src/alerts/receivers/alertmanager-body.ts";
import { fingerprintOf } from "../../../src/alerts/receivers/fingerprint.ts";
import { program, testNeeding } from "../../support/needs.ts";
import { tempDir } from "../../support/server-process.ts";
import { alertOf, NASTY, nastyNotification, notificationOf } from "./notifications.ts";
import { closedPort, Rig, until } from "./rig.ts";

const PROGRAM = "prometheus-alertmanager";
const TRIES = 5;
const missing = program(PROGRAM);
const testWithAlertmanager = testNeeding([missing]);

/** Bodies of the webhooks that Alertmanager called. */
const called: string[] = [];
const hook = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    called.push(await request.text());
    return new Response("ok");
  },
});
let alertmanager: { url: string; stop(): Promise<void> };

beforeAll(async () => {
  if (missing === false) alertmanager = await startAlertmanager();
});

afterAll(async () => {
  if (missing === false) await alertmanager.stop();
  await hook.stop(true);
});

async function startAlertmanager() {
  const directory = tempDir("alertmanager");
  // JSON is YAML too.
  const config = {
    route: { receiver: "hook", group_by: ["alertname"], group_wait: "0s", group_interval: "1s", repeat_interval: "1h" },
    receivers: [{ name: "hook", webhook_configs: [{ url: `http://127.0.0.1:${hook.port}/`, send_resolved: true }] }],
  };
  writeFileSync(`${directory.path}/config.yml`, JSON.stringify(config));
  for (let tries = 1; ; tries++) {
    const address = `127.0.0.1:${await closedPort()}`;
    const flags = {
      "config.file": `${directory.path}/config.yml`,
      "storage.path": directory.path,
      "web.listen-address": address,
      "web.external-url": "https://alertmanager.example.org/am",
      "web.route-prefix": "/",
      "cluster.listen-address": "",
    };
    const command = [PROGRAM, ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)];
    const child = Bun.spawn(command, { stdout: "ignore", stderr: "ignore" });
    const url = `http://${address}`;
    if (await isReady(url, child)) {
      return {
        url,
        async stop() {
          child.kill();
          await child.exited;
          directory[Symbol.dispose]();
        },
      };
    }
    if (tries === TRIES) throw new Error(`${PROGRAM} does not start at ${address}`);
  }
}

async function isReady(url: string, child: { readonly exitCode: number | null }): Promise<boolean> {
  while (child.exitCode === null) {
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (response?.ok === true) return true;
    await Bun.sleep(20);
  }
  return false;
}

interface GottenAlert {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

async function alertsThere(): Promise<GottenAlert[]> {
  return (await fetch(`${alertmanager.url}/api/v2/alerts`)).json() as Promise<GottenAlert[]>;
}

/** Without what our names and places are. */
function likeTheirs(notification: Notification, theirs: string): string {
  const { receiver, groupKey, externalURL } = JSON.parse(theirs) as Record<string, string>;
  const ours = JSON.parse(webhookBody(notification)) as object;
  // Only the values of keys that are there already: their order stays ours.
  const json = JSON.stringify(Object.assign(ours, { receiver, groupKey, externalURL }));
  return `${json.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026")}\n`;
}

testWithAlertmanager(
  "its webhook says of our alert, byte for byte, what ours would; it ends when we say so",
  async () => {
    const nowMs = Date.now();
    const rig = new Rig(nowMs);
    const receiver = await rig.receiver({ alertmanager: { url: `${alertmanager.url}/`, expire_after: "1h" } });
    const labels = { alertname: "warm", severity: "high", device: "cooler <2> & co", site: "nörth" };
    const firing = alertOf({ labels, startsAtMs: nowMs - 60_000, description: 'a "b"\n\tc\\d' });
    const notification = notificationOf({ alerts: [firing], groupLabels: { alertname: "warm" } });
    expect(await rig.deliver(receiver, notification)).toMatchObject({ kind: "delivered" });

    const there = (await alertsThere()).find((alert) => alert.labels["alertname"] === "warm")!;
    expect(there.fingerprint).toBe(fingerprintOf(labels));
    expect(there.labels).toEqual(labels);
    expect([Date.parse(there.startsAt), Date.parse(there.endsAt)]).toEqual([nowMs - 60_000, nowMs + 3_600_000]);
    const ofWarm = () => called.filter((body) => body.includes('"alertname":"warm"'));
    await until(() => ofWarm().length === 1);
    expect(ofWarm()[0]).toBe(likeTheirs(notification, ofWarm()[0]));

    const resolved = { ...firing, status: "resolved" as const, endsAtMs: nowMs - 1_000 };
    const end: Notification = { ...notification, status: "resolved", alerts: [resolved] };
    expect(await rig.deliver(receiver, end)).toMatchObject({ kind: "delivered" });
    await until(() => ofWarm().length === 2);
    expect(ofWarm()[1]).toBe(likeTheirs(end, ofWarm()[1]));
  },
);

testWithAlertmanager("whatever labels hold, it takes all of them", async () => {
  const rig = new Rig(Date.now());
  const receiver = await rig.receiver({ alertmanager: { url: alertmanager.url } });
  const alerts = NASTY.flatMap((text, index) => {
    return nastyNotification(text).alerts.map((alert) => ({
      ...alert,
      labels: { ...alert.labels, alertname: `nasty-${index}` },
    }));
  });
  expect(await rig.deliver(receiver, notificationOf({ alerts }))).toMatchObject({ kind: "delivered", attempts: 1 });
  const devices = new Map((await alertsThere()).map(({ labels }) => [labels["alertname"], labels["device"] ?? ""]));
  expect(NASTY.map((_, index) => devices.get(`nasty-${index}`))).toEqual(NASTY.map((text) => text.toWellFormed()));
});

testWithAlertmanager("what it does not take is said, and final", async () => {
  const rig = new Rig(Date.now());
  const receiver = await rig.receiver({ alertmanager: { url: alertmanager.url } });
  const nothing = notificationOf({ alerts: [alertOf({ labels: {} })] });
  const { kind, attempts, outcome } = await rig.deliver(receiver, nothing);
  expect([kind, attempts]).toEqual(["failed", 1]);
  expect(outcome).toStartWith(`${alertmanager.url} answered 400 Bad Request: `);
  expect(outcome).toContain("at least one label pair required");
});
