/** Receivers and policies as they are told of, tested and asked about, through the whole of alerts. */
import { afterEach, expect, spyOn, test } from "bun:test";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { TEST_INTERVAL_MS, TESTS_MAX, TESTS_WITHIN_MS } from "../../src/alerts/receivers/test-limit.ts";
import { Alerts, type Silence } from "../../src/wire/gen/alerts_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { call, rest } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";

const { listPolicies, listReceivers, previewRouting, putSilence, testReceiver } = Alerts.method;
const SECRETS = ["T0KEN-of-slack", "hmac-key", "routing-key-77", "mail-password", "header-token", "broker-password"];

const SECRETS_OF: Readonly<Record<string, string>> = {
  "hooks.test": SECRETS[0],
  "pager.test": SECRETS[2],
  "mes.test": `${SECRETS[1]} or ${SECRETS[4]}`,
};

const SECTIONS = {
  external_url: "https://watch.example.org",
  route: {
    receiver: "ops",
    group_by: ["site"],
    routes: [
      { matchers: ['severity="critical"'], receiver: "on-call", continue: true },
      { matchers: ["team=~press.*"], receiver: "presses", repeat_interval: "12h", group_by: ["..."] },
    ],
  },
  receivers: [
    { name: "ops", slack: { url: `https://hooks.test/services/${SECRETS[0]}`, channel: "#ops" } },
    { name: "on-call", pagerduty: { url: "http://pager.test/enqueue", routing_key: SECRETS[2] } },
    {
      name: "presses",
      send_resolved: false,
      webhook: [
        { url: "http://mes.test/alerts", secret: SECRETS[1], headers: { authorization: SECRETS[4] } },
        { url: "http://mes-2.test/" },
      ],
      email: {
        ...{ host: "mail.test", user: "watch", password: SECRETS[3] },
        ...{ from: "watch@example.org", to: "press@example.org" },
      },
      mqtt: { url: `mqtt://watch:${SECRETS[5]}@broker.test:1883`, topic: "alerts/{site}" },
    },
    { name: "nowhere" },
  ],
  inhibit_rules: [
    { source_matchers: ["alertname=line-down"], target_matchers: ["severity!=critical"], equal: ["line"] },
  ],
  schedules: [
    {
      ...{ name: "press-duty", zone: "UTC", rotation: "daily", start: "2026-11-01", handoff: "08:00" },
      participants: ["ops", "on-call"],
    },
  ],
  escalations: [
    {
      name: "plant",
      steps: [
        { after: "0s", notify: "press-duty" },
        { after: "15m", notify: ["press-duty", "on-call"], raise_severity: "critical" },
      ],
    },
  ],
};

const rigs: AlertsRig[] = [];

async function openRig(sections: object = SECTIONS): Promise<AlertsRig> {
  const rig = new AlertsRig();
  rig.file = { rules: [], notify: notifySetupOf(sections, {}) };
  rigs.push(rig);
  await rig.open();
  return rig;
}

interface Sent {
  readonly url: string;
  readonly body: string;
}

/** Takes what is posted; answers with what `answer` says for its host. */
function network(answer: (host: string) => Response = () => new Response("ok")): Disposable & { sent: Sent[] } {
  const sent: Sent[] = [];
  const take = async (url: string | URL, init?: { body?: unknown }) => {
    sent.push({ url: String(url), body: String(init?.body) });
    return answer(new URL(url).host);
  };
  const spy = spyOn(globalThis, "fetch").mockImplementation(take as typeof fetch);
  return { sent, [Symbol.dispose]: () => spy.mockRestore() };
}

function withoutBigints(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

test("receivers say where they go, and no secret is in anything that is told of them", async () => {
  const rig = await openRig();
  // Servers like to say back what they were sent.
  using _ = network((host) => new Response(`no: ${SECRETS_OF[host]} is not known`, { status: 400 }));
  for (const receiver of ["ops", "on-call"]) await call(rig, testReceiver, { receiver });
  const { channels: tested } = await call(rig, testReceiver, { receiver: "presses", channel: "webhook" });
  expect(tested[0].outcome).toContain("<secret>");
  const { receivers } = await call(rig, listReceivers, {});
  expect(
    receivers.map(({ name, channels }) => [name, ...channels.map(({ name: own, target }) => `${own} ${target}`)]),
  ).toEqual([
    ["ops", "slack #ops at https://hooks.test/<secret>"],
    ["on-call", "pagerduty http://pager.test/<secret>"],
    [
      "presses",
      "webhook http://mes.test/<secret>",
      "webhook-2 http://mes-2.test",
      "email press@example.org",
      "mqtt alerts/{site} at mqtt://broker.test:1883/<secret>",
    ],
    ["nowhere"],
  ]);
  const told = [...receivers, ...tested].flatMap((each) => JSON.stringify(each, withoutBigints));
  expect(told.join("\n")).toContain("is not known");
  for (const text of [...told, ...rig.journal.entries.map(({ payload }) => payload), ...rig.trouble]) {
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  }
});

test("a test says that it is one, is sent once, and tells what the other side says", async () => {
  const rig = await openRig();
  using net = network((host) => new Response("over capacity", { status: host === "mes.test" ? 503 : 200 }));
  const { channels } = await call(rig, testReceiver, { receiver: "presses", channel: "webhook", userId: "Ada" });
  expect(channels).toMatchObject([{ channel: "webhook", sent: false }]);
  expect(channels[0].outcome).toContain("503");
  expect(net.sent).toHaveLength(1);
  const [{ status, alerts }] = net.sent.map(({ body }) => JSON.parse(body) as { status: string; alerts: never[] });
  expect(status).toBe("firing");
  expect(alerts).toMatchObject([
    {
      labels: { alertname: "watchpost-test", severity: "low", test: "true" },
      annotations: { summary: "This is a test of Watchpost: nothing is wrong" },
    },
  ]);
  expect(net.sent[0].body).toContain("Ada asked");
  const [{ channels: listed, attempts }] = (await call(rig, listReceivers, { name: "presses" })).receivers;
  expect(listed[0]).toMatchObject({ failuresInRow: 1, underWay: 0 });
  expect(listed[0].lastFailure).toContain("503");
  expect(listed[0].lastFailedAt).toMatchObject(timestampOfMs(START_MS));
  expect(listed[0].lastDeliveredAt).toBeUndefined();
  expect(attempts).toMatchObject([{ channel: "webhook", delivered: false, reason: "test", alertsTotal: 0n }]);
  expect(rig.journal.entries.filter(({ kind }) => kind === "delivery").map(({ actor }) => actor)).toEqual(["Ada"]);
});

test("what the other side would keep open is over right after a test", async () => {
  const rig = await openRig();
  using net = network();
  expect((await call(rig, testReceiver, { receiver: "on-call" })).channels).toMatchObject([{ sent: true }]);
  const events = net.sent.map(({ body }) => JSON.parse(body) as { event_action: string; dedup_key: string });
  expect(events.map((event) => event.event_action)).toEqual(["trigger", "resolve"]);
  expect(events[0].dedup_key).toBe(events[1].dedup_key);
});

test("tests are refused by name, and where they come too often", async () => {
  const rig = await openRig();
  using net = network();
  const ask = (receiver: string, channel = "") => call(rig, testReceiver, { receiver, channel });
  await expect(ask("opps")).rejects.toThrow('there is no receiver "opps"; did you mean ops?');
  await expect(ask("nowhere")).rejects.toThrow("has no channels");
  await expect(ask("ops", "email")).rejects.toThrow('has no channel "email"; it has slack');
  await expect(ask("o".repeat(100_000))).rejects.toThrow("at most 256 characters");
  expect(net.sent).toHaveLength(0);
  await ask("ops");
  await expect(ask("ops")).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: TEST_INTERVAL_MS });
  for (let i = 1; i < TESTS_MAX; i++) {
    await rig.advance(i % 2 === 0 ? 0 : TEST_INTERVAL_MS);
    await ask(i % 2 === 0 ? "on-call" : "ops");
  }
  await rig.advance(TEST_INTERVAL_MS);
  await expect(ask("ops")).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  await rig.advance(TESTS_WITHIN_MS);
  expect((await ask("ops")).channels).toMatchObject([{ sent: true }]);
});

test("a test that its caller leaves ends, and so does one while the server stops", async () => {
  const rig = await openRig();
  const spy = spyOn(globalThis, "fetch").mockImplementation(
    ((_url: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)))) as never,
  );
  const testing = call(rig, testReceiver, { receiver: "ops" });
  await rig.settle();
  expect((await call(rig, listReceivers, { name: "ops" })).receivers[0].channels[0].underWay).toBe(0);
  await rig.close();
  expect((await testing).channels).toMatchObject([{ sent: false, outcome: "stopped before it was answered" }]);
  spy.mockRestore();
});

test("a notification that is not taken yet is on its way, and what failed in a row is counted", async () => {
  const rig = await openRig({
    receivers: [{ name: "ops", webhook: { url: "http://ops.test" } }],
    route: { receiver: "ops", group_wait: "0s" },
  });
  let answer = Promise.withResolvers<Response>();
  const spy = spyOn(globalThis, "fetch").mockImplementation((() => answer.promise) as never);
  await rig.put({ name: "hot", metric: "t", condition: { threshold: { above: 8 } }, severity: "critical" });
  await rig.send({ metric: "t", source: "a", value: 9 });
  await rig.pass(2_000);
  const channel = async () => (await call(rig, listReceivers, {})).receivers[0].channels[0];
  expect(await channel()).toMatchObject({ underWay: 1, failuresInRow: 0 });
  const first = answer;
  answer = Promise.withResolvers<Response>();
  first.resolve(new Response("later", { status: 503 }));
  await rest();
  expect(await channel()).toMatchObject({ underWay: 1, failuresInRow: 1 });
  await rig.pass(2_000);
  answer.resolve(new Response("ok"));
  await rest();
  const { deliveries } = await call(rig, Alerts.method.getAlertHistory, { id: "alert-1" });
  expect(deliveries).toMatchObject([
    { receiver: "ops", channel: "webhook", attempt: 1, delivered: false, reason: "first" },
    { receiver: "ops", channel: "webhook", attempt: 2, delivered: true, alertIds: ["alert-1"], alertsTotal: 1n },
  ]);
  const { underWay, failuresInRow, lastDeliveredAt, lastFailedAt } = await channel();
  expect([underWay, failuresInRow]).toEqual([0, 0]);
  expect(Number(lastDeliveredAt!.seconds)).toBeGreaterThan(Number(lastFailedAt!.seconds) - 1);
  spy.mockRestore();
});

test("policies: routes with what they inherit, who is on call and until when, and how many rules escalate by them", async () => {
  const rig = await openRig();
  await rig.put({ name: "hot", metric: "t", condition: { threshold: { above: 8 } }, escalation: "plant" });
  const policies = await call(rig, listPolicies, {});
  expect(policies.route).toMatchObject({
    receiver: "ops",
    groupBy: ["site"],
    groupWait: "30s",
    routes: [
      {
        receiver: "on-call",
        matchers: ['severity="critical"'],
        continue: true,
        groupBy: ["site"],
        repeatInterval: "4h",
      },
      { receiver: "presses", groupBy: ["..."], repeatInterval: "12h" },
    ],
  });
  // It is midnight: the shift of the day before lasts until eight.
  expect(policies.schedules).toMatchObject([{ onCall: "ops", until: timestampOfMs(START_MS + 8 * 3_600_000) }]);
  expect(policies.escalations).toMatchObject([
    {
      name: "plant",
      rules: 1n,
      steps: [
        { after: "0s", notify: ["press-duty"], tellsNow: ["ops"] },
        { after: "15m", raiseSeverity: "critical", tellsNow: ["ops", "on-call"] },
      ],
    },
  ]);
  await rig.advance(8 * 3_600_000);
  const [later] = (await call(rig, listPolicies, {})).schedules;
  expect(later).toMatchObject({ onCall: "on-call", until: timestampOfMs(START_MS + 32 * 3_600_000) });
});

test("who would be told: by routes, unless silenced, inhibited or outside of the rule's times", async () => {
  const rig = await openRig();
  const ask = (labels: Record<string, string>, more: object = {}) => call(rig, previewRouting, { labels, ...more });
  const both = await ask({ severity: "critical", team: "press-2", site: "north" }, { escalation: "plant" });
  expect(both.routed).toMatchObject([
    { receiver: "on-call", matchers: ['severity="critical"'], groupLabels: { site: "north" }, channels: ["pagerduty"] },
    {
      receiver: "presses",
      groupLabels: { severity: "critical", team: "press-2", site: "north" },
      repeatInterval: "12h",
    },
  ]);
  expect(both.escalationSteps).toHaveLength(2);
  const low = { alertname: "hot", severity: "low", line: "3" };
  expect(await ask(low)).toMatchObject({
    routed: [{ receiver: "ops", matchers: [] }],
    silenceIds: [],
    inactive: false,
  });
  await rig.put({
    name: "line-down",
    metric: "running",
    condition: { threshold: { below: 1 } },
    labels: { line: "3" },
  });
  await rig.send({ metric: "running", source: "plc", value: 0 });
  const silence: Partial<Silence> = {
    ...{ matchers: ["alertname=hot"], author: "ann", comment: "works" },
    endsAt: timestampOfMs(START_MS + 3_600_000) as never,
  };
  const { silence: put } = await call(rig, putSilence, { silence: silence as never });
  const held = await ask(low, { activeTimes: [{ from: "06:00", to: "09:00" }] });
  expect(held).toMatchObject({ silenceIds: [put!.id], inhibited: { alertId: "alert-1" }, inactive: true });
  expect(held.inhibited?.title).toContain("running");
  expect((await ask({ ...low, line: "4" })).inhibited).toBeUndefined();
  await expect(ask({ severity: "terrible" })).rejects.toThrow("labels.severity");
  await expect(ask({ a: "x".repeat(5_000) })).rejects.toThrow("at most 1024 characters");
  await expect(ask(low, { escalation: "plnt" })).rejects.toThrow("did you mean plant?");
  await expect(ask(low, { activeTimes: [{ from: "25:00" }] })).rejects.toThrow("active_times[0]");
});

test("without a rules file nobody is told, and that is said", async () => {
  const rig = new AlertsRig();
  rigs.push(rig);
  await rig.open();
  expect(await call(rig, listReceivers, {})).toMatchObject({ receivers: [], rulesFile: "" });
  expect((await call(rig, listPolicies, {})).route).toBeUndefined();
  expect((await call(rig, previewRouting, { labels: { severity: "high" } })).routed).toEqual([]);
  await expect(call(rig, testReceiver, { receiver: "ops" })).rejects.toThrow("the server's rules file names none");
});
