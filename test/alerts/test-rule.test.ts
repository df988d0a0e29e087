/** TestRule says what the engine did live with the same points. */
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { Alerts, AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { RuleSchema, type Rule as RuleMessage } from "../../src/wire/gen/rules_pb.ts";
import { randomOf } from "../support/random.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";
import { webhookSetup } from "./webhooks.ts";

const LADDER = {
  steps: [
    { severity: "low", above: 60 },
    { severity: "high", above: 80, clear: 70 },
  ],
};
const CONDITIONS: Readonly<Record<string, object>> = {
  threshold: { threshold: { above: 80, clear: 75 } },
  ladder: { ladder: LADDER },
  range: { range: { low: 20, high: 80, outside: true, margin: 5 } },
  window: { window: { function: "avg", over: "60s", above: 60 } },
  count: { window: { function: "count", over: "60s", below: 4 } },
  rate: { rate: { over: "40s", above: 1 } },
  "n of m": { n_of_m: { n: 2, m: 4, above: 70 } },
  stuck: { stuck: { over: "60s", epsilon: 3 } },
  absence: { absence: { after: "45s" } },
  deviation: { deviation: { sigmas: 2, span: "120s", min_points: 10 } },
};
const TIMINGS = [{}, { for: "30s" }, { for: "20s", keep_firing_for: "40s" }];
const [STEP_MS, STEPS] = [10_000, 150];

/** Points of three series at regular times, with holes. */
async function live(rig: AlertsRig, random: () => number): Promise<void> {
  const values = [50, 50, 50];
  for (let step = 0; step < STEPS; step++) {
    const points = values.flatMap((value, i) => {
      values[i] = Math.min(100, Math.max(0, value + (random() - 0.5) * 40));
      return random() < 0.15 ? [] : [{ metric: "temp", source: `s${i}`, value: Math.round(values[i]) }];
    });
    if (points.length > 0) await rig.send(...points);
    await rig.advance(STEP_MS);
  }
}

for (const [name, condition] of Object.entries(CONDITIONS)) {
  test(`live and tested alike: ${name}`, async () => {
    for (const [seed, timing] of TIMINGS.entries()) {
      const rule = { name: "r", metric: "temp", condition, no_data: "resolve", ...timing };
      const rig = new AlertsRig();
      await rig.open();
      await rig.put(rule);
      await live(rig, randomOf(seed + 1));
      const { alerts } = await call(rig, Alerts.method.listAlerts, {});
      const { episodes } = await call(rig, Alerts.method.testRule, {
        rule: ruleMessage(rule),
        from: timestamp(START_MS),
        to: timestamp(rig.clock.nowMs()),
      });
      const said = (each: {
        createdAt?: Time | undefined;
        firedAt?: Time | undefined;
        clearedAt?: Time | undefined;
        severityMax: string;
        title: string;
      }) => `${ms(each.createdAt ?? each.firedAt)}..${ms(each.clearedAt)} ${each.severityMax} ${each.title}`;
      const wanted = alerts.map(said).sort();
      expect({ seed, episodes: episodes.map(said).sort() }).toEqual({ seed, episodes: wanted });
      await rig.close();
    }
  });
}

describe("a test", () => {
  test("of a draft changes nothing, and says what it was made with", async () => {
    const rig = new AlertsRig();
    await rig.open();
    for (const value of [70, 85, 86, 70]) {
      await rig.send({ metric: "temp", source: "a", value });
      await rig.advance(STEP_MS);
    }
    const rule = ruleMessage({ name: "draft", metric: "temp", condition: { threshold: { above: 80 } } });
    const answer = await call(rig, Alerts.method.testRule, { rule, from: timestamp(START_MS) });
    expect(answer).toMatchObject({ series: 1n, points: 4n, more: false });
    expect(answer.episodes).toMatchObject([{ value: 86, title: "temp of a is 86", clearedReason: "resolved" }]);
    const { alerts } = await call(rig, Alerts.method.listAlerts, { state: AlertState.ACTIVE });
    expect(alerts).toEqual([]);
    expect(rig.journal.entries).toEqual([]);
  });

  test("keeps no more episodes than were asked for, and says so", async () => {
    const rig = new AlertsRig();
    await rig.open();
    for (let i = 0; i < 10; i++) {
      await rig.send({ metric: "temp", source: "a", value: i % 2 === 0 ? 90 : 10 });
      await rig.advance(STEP_MS);
    }
    const rule = ruleMessage({ name: "draft", metric: "temp", condition: { threshold: { above: 80 } } });
    const answer = await call(rig, Alerts.method.testRule, { rule, from: timestamp(START_MS), episodesMax: 2 });
    expect(answer.episodes).toHaveLength(2);
    expect(answer.more).toBe(true);
  });

  test("says what is wrong with what is asked", async () => {
    const rig = new AlertsRig();
    await rig.open();
    const rule = ruleMessage({ name: "draft", metric: "temp", condition: { threshold: { above: 80 } } });
    const refused = (request: object) =>
      call(rig, Alerts.method.testRule, request).catch((error: Error) => error.message);
    expect(await refused({})).toContain('rule is ""');
    expect(await refused({ rule, from: timestamp(START_MS), to: timestamp(START_MS) })).toContain(
      "wanted a time before to",
    );
    expect(await refused({ rule, episodesMax: -1 })).toContain("episodes_max is -1");
  });
});

type Time = { readonly seconds: bigint; readonly nanos: number };

function timestamp(timeMs: number): Time {
  return { seconds: BigInt(Math.floor(timeMs / 1_000)), nanos: (timeMs % 1_000) * 1e6 };
}

function ms(time: Time | undefined): string {
  return time === undefined ? "" : String(Number(time.seconds) * 1_000 + time.nanos / 1e6 - START_MS);
}

/** As YAML has it. */
function ruleMessage(rule: object): RuleMessage {
  return fromJson(RuleSchema, rule as JsonObject);
}

test("incidents of a backtest are those of the server's configuration", async () => {
  for (const [correlation, wanted] of [
    [undefined, 3],
    [{ labels: ["line"] }, 1],
  ] as const) {
    const rig = new AlertsRig();
    const escalations = [{ name: "plant", steps: [{ after: "0s", notify: "ops" }] }];
    rig.file = { rules: [], notify: webhookSetup(["ops"], { route: { receiver: "ops" }, correlation, escalations }) };
    await rig.open();
    for (let i = 0; i < 5; i++) {
      const tags = { line: "7" };
      await rig.send(...["a", "b", "c"].map((source) => ({ metric: "temp", source, tags, value: i > 1 ? 90 : 20 })));
      await rig.advance(60_000);
    }
    const rule = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } }, escalation: "plant" };
    const { escalations: taken } = await call(rig, Alerts.method.testRule, {
      rule: fromJson(RuleSchema, rule as JsonObject),
      from: timestampOfMs(START_MS),
      to: timestampOfMs(rig.clock.nowMs()),
    });
    expect(new Set(taken.map(({ incident }) => incident)).size).toBe(wanted);
    await rig.close();
  }
});
