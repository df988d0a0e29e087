/** Random rules, points, routes, silences and policies: what alerts did live, and who was told, is what TestRule says of it. */
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { LabelMatcher } from "../../src/alerts/notify/label-matcher.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../../src/wire/timestamp.ts";
import "../support/seed.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

const SOURCES = ["a", "b", "c"];
const RECEIVERS = ["ops", "pager", "anna", "ben", "lead"];
const LADDER = [
  { severity: "low", above: 60 },
  { severity: "high", above: 75, clear: 70 },
  { severity: "critical", above: 90 },
];
/** No two things are due at one time: which of them comes first is left to chance then. */
const durations = (...all: string[]) => fc.constantFrom(...all);

const anyRule = fc.record({
  condition: fc.oneof(
    fc.constantFrom({ threshold: { above: 75 } }, { threshold: { above: 75, clear: 60 } }),
    fc.constant({ ladder: { steps: LADDER } }),
    fc.constant({ range: { low: 50, high: 80, outside: true, margin: 5 } }),
    fc.constant({ n_of_m: { n: 2, m: 3, above: 75 } }),
    fc.constant({ absence: { after: "45s" } }),
    fc.constant({ window: { function: "avg", over: "60s", above: 70 } }),
    fc.constant({ window: { function: "count", over: "60s", below: 4 } }),
    fc.constant({ rate: { over: "40s", above: 0.5 } }),
    fc.constant({ stuck: { over: "60s", epsilon: 3 } }),
  ),
  severity: fc.constantFrom("low", "high", "critical"),
  for: durations("", "", "20s", "45s"),
  keep_firing_for: durations("", "", "35s"),
  no_data: fc.constantFrom("keep", "resolve", "fire"),
  group_by: fc.constantFrom<string[]>([], [], ["site"]),
  escalation: fc.constantFrom("", "plant", "plant"),
  active_times: fc.constantFrom<object[]>([], [], [], [{ from: "00:02", to: "00:05" }], [{ from: "00:04" }]),
});
/** A ladder has severities of its own. */
const rule = anyRule.map(({ severity, ...one }) => ("ladder" in one.condition ? one : { ...one, severity }));

const route = fc.record({
  group_by: fc.constantFrom(["site"], ["source"], ["..."], ["alertname", "severity"], []),
  group_wait: durations("0s", "3011ms", "30013ms"),
  group_interval: durations("40019ms", "150007ms"),
  repeat_interval: durations("90031ms", "600041ms"),
});
const setup = fc
  .record({
    route,
    pager: fc.record({ ...{ continue: fc.boolean() }, group_by: fc.constantFrom(["site"], ["..."]) }),
    inhibits: fc.constantFrom<string[][]>([], [["site"]], [["source"]]),
    steps: fc.array(
      fc.record({
        notify: fc.constantFrom("on-call", "lead", ["on-call", "lead"]),
        raise_severity: fc.constantFrom(undefined, undefined, "high", "critical"),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    firstAfter: fc.constantFrom(0, 20_023),
    repeat: fc.nat(2),
  })
  .map(({ route: root, pager, inhibits, steps, firstAfter, repeat }) => ({
    route: { receiver: "ops", ...root, routes: [{ receiver: "pager", matchers: ["severity=critical"], ...pager }] },
    inhibit_rules: inhibits.map((equal) => {
      return { source_matchers: ["severity=critical"], target_matchers: ["severity!=critical"], equal };
    }),
    schedules: [
      { name: "on-call", rotation: "1h", start: "2026-11-02", handoff: "00:03", participants: ["anna", "ben"] },
    ],
    escalations: [
      {
        name: "plant",
        steps: steps.map((step, i) => {
          const { raise_severity, notify } = step;
          const raise = raise_severity === undefined ? {} : { raise_severity };
          return { after: `${firstAfter + i * 61_003}ms`, notify, ...raise };
        }),
        repeat,
        repeat_after: "70021ms",
        repeat_interval: "200029ms",
      },
    ],
  }));

const MATCHERS = [
  { name: "source", operator: "=", value: "a" },
  { name: "severity", operator: "=", value: "critical" },
  { name: "site", operator: "=", value: "north" },
] as const;
const value = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(40, 55, 65, 78, 85, 95) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const step = fc.record({
  values: fc.tuple(value, value, value),
  /** To the next one. */
  ms: fc.oneof(
    { weight: 6, arbitrary: fc.constant(10_000) },
    { weight: 1, arbitrary: fc.constantFrom(60_000, 400_000) },
  ),
  silence: fc.option(fc.record({ matcher: fc.constantFrom(...MATCHERS), forMs: fc.constantFrom(30_047, 200_063) }), {
    nil: null,
    freq: 6,
  }),
  /** It is put before everything: where it is put later, what holds alerts back is looked at then, of which a test knows nothing. */
  isPlanned: fc.boolean(),
  expires: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
/** From the points of a step to what is silenced with it. */
const SILENCE_AFTER_MS = 4_057;

interface Step {
  readonly values: readonly (number | null)[];
  readonly ms: number;
  readonly silence: { readonly matcher: LabelMatcher; readonly forMs: number } | null;
  readonly isPlanned: boolean;
  readonly expires: boolean;
}

async function live(rig: AlertsRig, webhooks: Webhooks, steps: readonly Step[]): Promise<void> {
  const { notifying } = rig.alerts;
  const put = ({ silence }: Step, startsAtMs: number) => {
    if (silence === null) return;
    const texts = { id: `at ${startsAtMs}`, author: "", comment: "" };
    const endsAtMs = startsAtMs + silence.forMs;
    return notifying.putSilence({ ...texts, matchers: [silence.matcher], startsAtMs, endsAtMs, isForAll: false }, "");
  };
  let plannedMs = rig.clock.nowMs() + SILENCE_AFTER_MS;
  for (const step of steps) {
    if (step.isPlanned) await put(step, plannedMs);
    plannedMs += step.ms;
  }
  for (const [nth, step] of steps.entries()) {
    const points = step.values.flatMap((given, i) => {
      // All of them are there from the beginning, as in the test.
      const known = nth === 0 ? (given ?? 40) : given;
      const tags = { site: i === 0 ? "south" : "north" };
      return known === null ? [] : [{ metric: "temp", source: SOURCES[i], tags, value: known }];
    });
    if (points.length > 0) await rig.send(...points);
    await webhooks.pass(SILENCE_AFTER_MS);
    const nowMs = rig.clock.nowMs();
    if (!step.isPlanned) await put(step, nowMs);
    const begun = notifying.silences().filter((one) => one.startsAtMs < nowMs && one.endsAtMs > nowMs);
    if (step.expires && begun.length > 0) await notifying.expireSilence(begun[0].id, "");
    await webhooks.pass(step.ms - SILENCE_AFTER_MS);
  }
  await webhooks.pass(700_000);
}

async function compare(given: object, sections: object, steps: readonly Step[]): Promise<void> {
  const written = { name: "r", metric: "temp", ...given };
  const rig = new AlertsRig();
  using webhooks = new Webhooks(rig);
  rig.file = { rules: [], notify: webhookSetup(RECEIVERS, sections) };
  await rig.open();
  await rig.put(written);
  await live(rig, webhooks, steps);
  const { alerts } = await call(rig, Alerts.method.listAlerts, { rules: ["r"] });
  const answer = await call(rig, Alerts.method.testRule, {
    rule: fromJson(RuleSchema, written as JsonObject),
    from: timestampOfMs(START_MS),
    to: timestampOfMs(rig.clock.nowMs()),
    toldMax: 10_000,
  });
  const told = webhooks.told.map(({ atMs, receiver, status, alerts: those }) => {
    return line(
      atMs,
      receiver,
      status,
      those.map((one) => alertText(one.labels, one.status)),
    );
  });
  const tested = answer.notifications.map(({ at, receiver, status, alerts: those }) => {
    return line(
      msOfTimestamp(at!),
      receiver,
      status,
      those.map((one) => alertText(one.labels, one.resolved ? "resolved" : "firing")),
    );
  });
  expect(answer.notificationsTotal).toBe(BigInt(tested.length));
  expect(tested.sort()).toEqual(told.sort());
  const lived = alerts.map(({ createdAt, clearedAt, severityMax, title }) =>
    episodeText(createdAt, clearedAt, severityMax, title),
  );
  const episodes = answer.episodes.map(({ firedAt, clearedAt, severityMax, title }) =>
    episodeText(firedAt, clearedAt, severityMax, title),
  );
  expect(episodes.sort()).toEqual(lived.sort());
  await rig.close();
  expect(rig.trouble).toEqual([]);
}

function line(atMs: number, receiver: string, status: string, alerts: readonly string[]): string {
  return `${String(atMs - START_MS).padStart(8)} ${receiver} ${status}: ${[...alerts].sort().join("; ")}`;
}

/** Names of incidents are made anew each time. */
function alertText({ incident, ...labels }: Readonly<Record<string, string>>, status: string): string {
  const named = incident === undefined ? labels : { ...labels, incident: "" };
  const sorted = Object.entries(named).sort(([one], [other]) => (one < other ? -1 : 1));
  return `${status} ${sorted.map((pair) => pair.join("=")).join(",")}`;
}

type Time = Parameters<typeof msOfTimestamp>[0];

function episodeText(
  firedAt: Time | undefined,
  clearedAt: Time | undefined,
  severityMax: string,
  title: string,
): string {
  const [from, to] = [firedAt, clearedAt].map((time) =>
    time === undefined ? "" : String(msOfTimestamp(time) - START_MS),
  );
  return `${from}..${to} ${severityMax} ${title}`;
}

test("live episodes and notifications are those of TestRule", async () => {
  await fc.assert(fc.asyncProperty(rule, setup, fc.array(step, { minLength: 5, maxLength: 40 }), compare), {
    numRuns: 100,
  });
}, 120_000);

/** Seed 12. A clock that counts from 1970 has fewer digits for parts of a millisecond than one that counts from its start. */
test("an end that falls between two milliseconds", async () => {
  const values = [
    ...[
      [40, 40, 40],
      [null, 40, null],
      [40, 40, null],
      [40, 40, 40],
      [40, null, 40],
      [40, 40, null],
      [40, 40, 40],
    ],
    ...[
      [40, null, 40],
      [40, 40, 40],
      [40, 40, 40],
      [40, 40, 40],
      [null, 40, 40],
      [null, null, 40],
      [40, 40, 40],
    ],
    ...[
      [null, null, null],
      [40, 40, 40],
      [40, 40, null],
      [40, 40, 65],
      [40, null, 40],
    ],
  ];
  const ms = values.map((_, i) => (i === 3 || i === 16 ? 60_000 : i === 17 ? 400_000 : 10_000));
  const steps = values.map((each, i) => ({
    ...{ values: each, ms: ms[i], silence: null, isPlanned: false, expires: false },
  }));
  const ladder = { condition: { ladder: { steps: LADDER } }, no_data: "resolve", group_by: [], active_times: [] };
  await compare(ladder, { route: { receiver: "ops" } }, steps);
});
