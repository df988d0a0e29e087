/** Who would have been told of a draft rule's alerts: groups, what holds back, escalation, bounds; and that nobody is. */
import { create, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { testRule } from "../../src/alerts/test-rule.ts";
import { EVERYTHING } from "../../src/model/access.ts";
import { formatDurationMs } from "../../src/model/duration.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import {
  RuleSchema,
  TestRuleRequestSchema,
  type TestRuleResponse,
  type ToldAlert,
} from "../../src/wire/gen/rules_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../../src/wire/timestamp.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RECEIVERS = ["ops", "pager", "anna", "ben", "lead"];
const HOT = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };
const ROUTE = { receiver: "ops", group_by: ["site"] };

/** A server that has whom to tell, and no rule. */
async function rigWith(sections: object): Promise<AlertsRig> {
  const rig = new AlertsRig();
  rig.file = { rules: [], notify: webhookSetup(RECEIVERS, sections) };
  await rig.open();
  return rig;
}

/** Values of sources a, b and so on, of one site, each for a minute; null: none comes. */
async function send(rig: AlertsRig, ...minutes: readonly (readonly (number | null)[])[]): Promise<void> {
  for (const values of minutes) {
    const points = values.flatMap((value, i) => {
      const source = "abcdefghijklmnop"[i];
      return value === null ? [] : [{ metric: "temp", source, tags: { site: "north" }, value }];
    });
    if (points.length > 0) await rig.send(...points);
    await rig.advance(MINUTE_MS);
  }
}

function tested(rig: AlertsRig, rule: object, more: object = {}): Promise<TestRuleResponse> {
  const range = { from: timestampOfMs(START_MS), to: timestampOfMs(rig.clock.nowMs()) };
  return call(rig, Alerts.method.testRule, { rule: fromJson(RuleSchema, rule as JsonObject), ...range, ...more });
}

const spanOf = (time: { readonly seconds: bigint; readonly nanos: number } | undefined) =>
  formatDurationMs(msOfTimestamp(time!) - START_MS);

function alertWords({ labels, resolved }: ToldAlert): string {
  const who = labels["source"] ?? labels["alertname"];
  return resolved ? `${who} over` : `${who} ${labels["severity"]}`;
}

/** "30s ops first: a high, b high". */
function notificationWords({ notifications }: TestRuleResponse): string[] {
  return notifications.map(({ at, receiver, reason, alerts }) => {
    return `${spanOf(at)} ${receiver} ${reason}: ${alerts.map(alertWords).join(", ")}`;
  });
}

function stepWords({ escalations }: TestRuleResponse): string[] {
  return escalations.map((taken) => {
    const { at, policy, step, loop, receivers, raisedSeverity, reminder, exhausted, alerts } = taken;
    const marks = `${reminder ? " reminder" : ""}${exhausted ? " exhausted" : ""}`;
    const raised = raisedSeverity === "" ? "" : ` to ${raisedSeverity}`;
    return `${spanOf(at)} ${policy} ${step}/${loop}${marks}${raised} ${receivers.join("+")}: ${alerts.map(alertWords).join(", ")}`;
  });
}

const silence = (name: string, value: string, startsAtMs: number, endsAtMs: number) => ({
  ...{ id: value, startsAtMs, endsAtMs, author: "eve", comment: "", isForAll: false },
  matchers: [{ name, operator: "=" as const, value }],
});

test("alerts of a group are told together, repeated, and told to be over; nothing is sent, and nothing written down", async () => {
  const rig = await rigWith({ route: { ...ROUTE, repeat_interval: "20m" } });
  using webhooks = new Webhooks(rig);
  await send(rig, [90, 91], [90, 91, 92], ...Array<number[]>(40).fill([90, 91, 92]), [20, 91, 92]);
  await rig.advance(10 * MINUTE_MS);
  const answer = await tested(rig, HOT);
  expect(answer.hasReceivers).toBe(true);
  expect(notificationWords(answer)).toEqual([
    "30s ops first: a medium, b medium",
    "5m30s ops new: a medium, b medium, c medium",
    "25m30s ops repeat: a medium, b medium, c medium",
    "45m30s ops resolved: b medium, c medium, a over",
  ]);
  expect(answer.notifications[0]).toMatchObject({
    status: "firing",
    channel: "webhook",
    groupLabels: { site: "north" },
    alertsTotal: 2n,
    alerts: [{ title: "temp of a is 90", severity: "medium" }, {}],
  });
  expect(answer.episodes.map(({ toldAt }) => spanOf(toldAt))).toEqual(["30s", "30s", "5m30s"]);
  expect([webhooks.told, rig.journal.entries, rig.journal.count("notify")]).toEqual([[], [], 0]);
  await rig.close();
});

test("silences that stand, and those that are over and listed still, hold back", async () => {
  const rig = await rigWith({ route: ROUTE });
  const { notifying } = rig.alerts;
  await notifying.putSilence(silence("source", "a", START_MS, START_MS + 8 * MINUTE_MS), "eve");
  await notifying.putSilence(silence("source", "b", START_MS, START_MS + 10 * HOUR_MS), "eve");
  await notifying.putSilence(silence("source", "c", START_MS, START_MS + 10 * HOUR_MS), "eve");
  await send(rig, [90, 91, 92, 93]);
  await notifying.expireSilence("c", "eve");
  await rig.advance(20 * MINUTE_MS);
  const answer = await tested(rig, HOT);
  expect(notificationWords(answer)).toEqual([
    "30s ops first: d medium",
    "5m30s ops new: c medium, d medium",
    "10m30s ops new: a medium, c medium, d medium",
  ]);
  expect(answer.notifications.map(({ silenced }) => silenced)).toEqual([3n, 2n, 1n]);
  const told = Object.fromEntries(
    answer.episodes.map(({ labels, toldAt }) => [labels["source"], toldAt !== undefined]),
  );
  expect(told).toEqual({ a: true, b: false, c: true, d: true });
  await rig.close();
});

test("what the rule's own graver alerts inhibit is left out", async () => {
  const inhibits = { source_matchers: ["severity=critical"], target_matchers: ["severity!=critical"], equal: ["site"] };
  const rig = await rigWith({ route: ROUTE, inhibit_rules: [inhibits] });
  await send(rig, [65], [65, 95], [65, 95], [65, 20]);
  await rig.advance(10 * MINUTE_MS);
  const steps = [
    { severity: "medium", above: 60 },
    { severity: "critical", above: 90 },
  ];
  const answer = await tested(rig, { name: "hot", metric: "temp", condition: { ladder: { steps } } });
  expect(notificationWords(answer)).toEqual([
    "30s ops first: a medium",
    // At once, whatever timer runs.
    "1m ops first: b critical",
    "6m ops resolved: a medium, b over",
  ]);
  expect(answer.notifications.map(({ inhibited }) => inhibited)).toEqual([0n, 1n, 0n]);
  await rig.close();
});

test("nobody acknowledges, whatever was acknowledged live", async () => {
  const rig = await rigWith({ route: { ...ROUTE, repeat_interval: "30m" } });
  using _webhooks = new Webhooks(rig);
  await rig.put(HOT);
  await send(rig, [90]);
  rig.alerts.book.acknowledge([...rig.alerts.book.active()][0], "eve", "");
  await rig.advance(70 * MINUTE_MS);
  const words = ["30s ops first: a medium", "30m30s ops repeat: a medium", "1h30s ops repeat: a medium"];
  expect(notificationWords(await tested(rig, HOT))).toEqual(words);
  await rig.close();
});

test("outside of the rule's active times alerts wait until they begin", async () => {
  const rig = await rigWith({ route: { ...ROUTE, repeat_interval: "2h" } });
  await send(rig, [90]);
  await rig.advance(12 * HOUR_MS);
  const answer = await tested(rig, { ...HOT, active_times: [{ from: "06:00", to: "09:00" }] });
  // The group was looked at before; its intervals go on from there.
  expect(notificationWords(answer)).toEqual(["6h30s ops first: a medium", "8h30s ops repeat: a medium"]);
  await rig.close();
});

const PLANT = {
  ...{ route: { receiver: "ops", repeat_interval: "24h" } },
  schedules: [
    { name: "on-call", rotation: "12h", start: "2026-11-02", handoff: "00:20", participants: ["anna", "ben"] },
  ],
  escalations: [
    {
      name: "plant",
      steps: [
        { after: "0s", notify: "on-call" },
        { after: "15m", notify: ["on-call", "lead"], raise_severity: "critical" },
      ],
      repeat: 1,
      repeat_after: "10m",
      repeat_interval: "1h",
    },
  ],
};

test("escalation goes up step by step and loop by loop, to whoever is on call, until all is through", async () => {
  const rig = await rigWith(PLANT);
  await send(rig, [90]);
  await rig.advance(119 * MINUTE_MS);
  const answer = await tested(rig, { ...HOT, escalation: "plant" });
  expect(stepWords(answer)).toEqual([
    "0s plant 1/1 ben: a medium",
    "15m plant 2/1 to critical ben+lead: a critical",
    "25m plant 1/2 anna: a critical",
    "40m plant 2/2 anna+lead: a critical",
    "50m plant 2/2 exhausted : a critical",
    "1h50m plant 2/2 reminder anna+lead: a critical",
  ]);
  expect(notificationWords(answer)).toEqual([
    "0s ben escalated: a medium",
    "30s ops first: a medium",
    "15m ben escalated: a critical",
    "15m lead escalated: a critical",
    "15m ops rose: a critical",
    "25m anna escalated: a critical",
    "40m anna escalated: a critical",
    "40m lead escalated: a critical",
    "50m ops new: a critical, escalation-exhausted critical",
    "1h50m anna escalated: a critical",
    "1h50m lead escalated: a critical",
  ]);
  expect(answer.episodes).toMatchObject([{ severity: "critical", severityMax: "critical" }]);
  expect(answer.escalations.every(({ incident }) => incident === "1")).toBe(true);
  await rig.close();
});

test("a rule that names no policy of the server does not escalate, and where nobody is told nothing is", async () => {
  const rig = await rigWith(PLANT);
  await send(rig, [90]);
  expect(stepWords(await tested(rig, { ...HOT, escalation: "planet" }))).toEqual([]);
  await rig.close();
  const other = new AlertsRig();
  await other.open();
  await send(other, [90]);
  const answer = await tested(other, HOT);
  expect(answer).toMatchObject({
    hasReceivers: false,
    notifications: [],
    notificationsTotal: 0n,
    escalationsTotal: 0n,
  });
  expect(answer.episodes).toHaveLength(1);
  await other.close();
});

test("so many are kept as were asked for, and all are counted; of many alerts the gravest are named", async () => {
  const rig = await rigWith({ ...PLANT, max_alerts: 12 });
  await send(rig, Array<number>(16).fill(90));
  await rig.advance(119 * MINUTE_MS);
  const answer = await tested(rig, { ...HOT, escalation: "plant" }, { toldMax: 2 });
  expect([answer.notifications.length, answer.escalations.length]).toEqual([2, 2]);
  expect([answer.notificationsTotal > 100n, answer.escalationsTotal]).toEqual([true, 16n * 6n]);
  const counts = answer.notificationsByReceiver;
  expect(counts).toMatchObject({ ben: 2n * 16n, anna: 3n * 16n, lead: 3n * 16n });
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0n)).toBe(answer.notificationsTotal);
  const whole = await tested(rig, { ...HOT, escalation: "plant" });
  const { alerts, alertsTotal } = whole.notifications.find(({ receiver }) => receiver === "ops")!;
  expect([alerts.length, alertsTotal]).toEqual([10, 16n]);
  expect(whole.episodes.filter(({ toldAt }) => toldAt === undefined)).toHaveLength(0);
  const refused = await tested(rig, HOT, { toldMax: 10_001 }).catch((error: Error) => error.message);
  expect(refused).toContain("told_max is 10001; wanted 0 to 10000");
  await rig.close();
});

test("however many groups there are: what is due with a severity is told before escalation raises it", async () => {
  const steps = [{ after: "0s", notify: "lead", raise_severity: "critical" }];
  const rig = await rigWith({
    route: { receiver: "ops", group_by: ["source"], group_wait: "0s" },
    escalations: [{ name: "plant", steps }],
  });
  const sources = Array.from({ length: 450 }, (_, i) => ({ metric: "temp", source: `s${i}`, value: 90 }));
  await rig.send(...sources);
  await rig.advance(MINUTE_MS);
  const answer = await tested(rig, { ...HOT, escalation: "plant" });
  const words = notificationWords(answer).map((word) => word.replace(/s\d+ (?=\w+$)/, ""));
  expect(Object.entries(Object.groupBy(words, (word) => word)).map(([word, all]) => `${all!.length} ${word}`)).toEqual([
    "450 0s ops first: medium",
    "450 0s lead escalated: critical",
    "100 1s ops rose: critical",
  ]);
  expect(answer.notificationsByReceiver).toEqual({ ops: 900n, lead: 450n });
  await rig.close();
});

test("a year without points is gone through in slices, and can be given up between them", async () => {
  let [nowMs, turns] = [0, 0];
  const abort = new AbortController();
  const clock = { nowMs: () => START_MS, monotonicMs: () => ++nowMs, after: () => () => {} };
  const { config, escalation, correlation } = webhookSetup(["ops"], {
    route: { receiver: "ops", repeat_interval: "4h" },
  });
  const rule = fromJson(RuleSchema, { name: "on", condition: { watchdog: {} } });
  const [to, from] = [START_MS, START_MS - 365 * 24 * HOUR_MS].map(timestampOfMs);
  const test = (timeoutMs: number) =>
    testRule(
      create(TestRuleRequestSchema, { rule, from, to }),
      {
        ...{ registry: new SeriesRegistry({ seriesMax: 1, seriesPerSourceMax: 1 }), clock, staleAfterMs: 1, timeoutMs },
        history: { hours: () => Promise.reject(new Error("no series has a past")) },
        range: () => Promise.reject(new Error("there are no points")),
        telling: () => ({ config, escalation, correlation, silences: [] }),
        scopes: { seesSeries: () => () => false, seesDevice: () => false },
      },
      EVERYTHING,
      abort.signal,
    );
  const counting = setInterval(() => turns++, 0);
  const answer = await test(1e9);
  clearInterval(counting);
  expect([answer.episodes.length, answer.notificationsTotal]).toEqual([1, 365n * 6n]);
  expect(answer.notifications).toHaveLength(1_000);
  expect(turns).toBeGreaterThan(10);
  expect(await test(100).catch((error: Error) => error.message)).toContain("its time; at most 100 ms");
  abort.abort();
  expect(await test(1e9).catch((error: Error) => error.message)).toContain("cancelled");
});
