/** Actions in a session: what they mean, over a port that notes what is called, and over the alerts themselves. */
import { create, type DescMethod } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { ACTIONS, actionIn, matchersIn } from "../../src/collaboration/action-command.ts";
import { carryOut, carryOutActions, type ActionDeps } from "../../src/collaboration/actions.ts";
import type { Draft } from "../../src/collaboration/session-message.ts";
import { parseMatcher } from "../../src/alerts/notify/label-matcher.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { commandsOf, type Commands } from "../../src/wire/call-method.ts";
import { AlertSchema, AlertState, SilenceSchema, type Alert, type Silence } from "../../src/wire/gen/alerts_pb.ts";
import { ANONYMOUS, type CallContext } from "../../src/wire/service.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { Reader, rest } from "../alerts/calls.ts";
import { AlertsRig } from "../alerts/rig.ts";
import { Webhooks, webhookSetup } from "../alerts/webhooks.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const context: CallContext = {
  signal: AbortSignal.timeout(60_000),
  principal: ANONYMOUS,
  headers: new Map(),
  peer: "test",
};

function draftOf(metadata: Record<string, string>, text = ""): Draft {
  return { type: "action", userId: "ann", userName: "Ann", text, metadata };
}

function alertOf(id: string, more: object = {}): Alert {
  return create(AlertSchema, {
    id,
    title: `${id} is hot`,
    severity: "high",
    rule: "hot",
    state: AlertState.ACTIVE,
    labels: { device: 'pump "1"', line: "a,b" },
    incidentId: "i1",
    ...more,
  });
}

/** Calls as they come; `alerts` and `silences` are what there is. */
class FakeCommands {
  readonly calls: [name: string, request: Record<string, unknown>][] = [];
  readonly alerts: Alert[] = [alertOf("aaa1"), alertOf("aaa2"), alertOf("b1")];
  readonly silences: Silence[] = ["5e1f0", "5e1f1", "77"].map((id) =>
    create(SilenceSchema, { id, matchers: ['device="pump"'], endsAt: timestampOfMs(NOW_MS + HOUR_MS), author: "bob" }),
  );
  failure: WatchpostError | null = null;

  readonly run: Commands = async (method, request, given) => {
    expect(given).toBe(context);
    const { $typeName: _, ...asked } = create(method.input, request) as Record<string, unknown>;
    if (method.name !== "ListAlerts" && method.name !== "ListSilences") this.calls.push([method.name, asked]);
    return create(method.output, this.#answer(method, asked) as never) as never;
  };

  #answer({ name }: DescMethod, asked: Record<string, unknown>): object {
    if (name === "ListAlerts") {
      const { idPrefix, limit } = asked as { idPrefix: string; limit: number };
      return { alerts: this.alerts.filter(({ id }) => id.startsWith(idPrefix)).slice(0, limit) };
    }
    if (name === "ListSilences") return { silences: this.silences };
    if (this.failure !== null) throw this.failure;
    if (name === "PutSilence") return { silence: asked["silence"] };
    if (name === "ExpireSilence") return { silence: this.silences.find(({ id }) => id === asked["id"])! };
    return {
      alert: this.alerts.find(({ id }) => id === asked["id"]) ?? alertOf("over", { state: AlertState.CLEARED }),
    };
  }

  carryOut(draft: Draft): ReturnType<typeof carryOut> {
    return carryOut(draft, context, { commands: this.run, nowMs: () => NOW_MS });
  }
}

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof WatchpostError) return `${error.status} ${error.message}`;
    throw error;
  }
  return "OK";
}

describe("an action is a call of its RPC as the member, and told in a sentence", () => {
  const alert = { alert_id: "b1", title: "b1 is hot", severity: "high", incident_id: "i1" };
  const endsAt = timestampOfMs(NOW_MS + 90 * 60_000);
  const table: [metadata: Record<string, string>, text: string, call: [string, object], result: object][] = [
    [
      { action: "acknowledge", alert_id: "b1" },
      "on my way",
      ["AcknowledgeAlert", { id: "b1", userId: "ann", comment: "on my way" }],
      { result: "acknowledged high alert ‘b1 is hot’", ...alert },
    ],
    [
      { action: "acknowledge", alert_id: "b" },
      "",
      ["AcknowledgeAlert", { id: "b1", userId: "ann", comment: "" }],
      { result: "acknowledged high alert ‘b1 is hot’", ...alert },
    ],
    [
      { action: "resolve", alert_id: "b1" },
      "fixed",
      ["ResolveAlert", { id: "b1", userId: "ann", comment: "fixed" }],
      { result: "resolved high alert ‘b1 is hot’", ...alert },
    ],
    [
      { action: "assign", alert_id: "b1", assignee: "bob" },
      "yours",
      ["AssignAlert", { id: "b1", userId: "ann", assignee: "bob" }],
      { result: "assigned high alert ‘b1 is hot’ to bob", ...alert },
    ],
    [
      { action: "assign", alert_id: "b1", assignee: "" },
      "",
      ["AssignAlert", { id: "b1", userId: "ann", assignee: "" }],
      { result: "assigned high alert ‘b1 is hot’ to nobody", ...alert },
    ],
    [
      { action: "comment", alert_id: "zzz" },
      "it was the fuse",
      ["CommentAlert", { id: "zzz", userId: "ann", text: "it was the fuse" }],
      {
        result: "commented on high alert ‘over is hot’, which is over",
        alert_id: "over",
        title: "over is hot",
        severity: "high",
        incident_id: "i1",
      },
    ],
    [
      { action: "silence", matchers: "device=pump-1, severity!=critical", duration: "90m" },
      "works",
      [
        "PutSilence",
        {
          silence: {
            matchers: ["device=pump-1", "severity!=critical"],
            author: "ann",
            comment: "works",
            id: "",
            endsAt,
          },
        },
      ],
      {
        result: "silenced device=pump-1 severity!=critical for 1h30m",
        silence_id: "",
        ends_at: "2026-01-01T01:30:00.000Z",
      },
    ],
    [
      { action: "silence", alert_id: "b", duration: "90m" },
      "",
      [
        "PutSilence",
        {
          silence: {
            matchers: ['"alertname"="hot"', '"device"="pump \\"1\\""', '"line"="a,b"'],
            author: "ann",
            endsAt,
          },
        },
      ],
      {
        result: 'silenced "alertname"="hot" "device"="pump \\"1\\"" "line"="a,b" for 1h30m',
        alert_id: "b1",
        incident_id: "i1",
      },
    ],
    [
      { action: "extend", silence_id: "5e1f1", duration: "30m" },
      "",
      ["PutSilence", { silence: { id: "5e1f1", matchers: ['device="pump"'], author: "bob", endsAt }, userId: "ann" }],
      { result: 'extended the silence of device="pump" by 30m', silence_id: "5e1f1" },
    ],
    [
      { action: "unsilence", silence_id: "7" },
      "",
      ["ExpireSilence", { id: "77", userId: "ann" }],
      { result: 'ended the silence of device="pump"', silence_id: "77", ends_at: "2026-01-01T01:00:00.000Z" },
    ],
  ];
  test.each(table)("%j", async (metadata, text, call, result) => {
    const fake = new FakeCommands();
    expect(await fake.carryOut(draftOf(metadata, text))).toMatchObject(result);
    expect(fake.calls).toMatchObject([call]);
  });

  test("all of them are in the table", () => {
    expect(new Set(table.map(([{ action }]) => action))).toEqual(new Set(ACTIONS));
  });
});

describe("what cannot be is refused by name, and nothing is called", () => {
  const INVALID = "INVALID_ARGUMENT metadata.";
  const actions = "acknowledge, resolve, assign, comment, silence, extend or unsilence";
  const table: [metadata: Record<string, string>, refusal: string][] = [
    [{}, `${INVALID}action is ""; wanted ${actions}`],
    [{ action: "Acknowledge" }, `${INVALID}action is "Acknowledge"; wanted ${actions}`],
    [{ action: "constructor" }, `${INVALID}action is "constructor"; wanted ${actions}`],
    ...["acknowledge", "resolve", "comment", "assign"].map((action): [Record<string, string>, string] => [
      { action, assignee: "bob" },
      `${INVALID}alert_id is ""; wanted the id of an alert, of which the first letters are enough`,
    ]),
    [
      { action: "assign", alert_id: "b1" },
      `${INVALID}assignee is ""; wanted whom it is assigned to, or "" for nobody; it is missing`,
    ],
    [
      { action: "acknowledge", alert_id: "aaa" },
      `${INVALID}alert_id is "aaa"; wanted more letters of one of these:\n  aaa1  high  aaa1 is hot\n  aaa2  high  aaa2 is hot`,
    ],
    [{ action: "silence", alert_id: "b1" }, `${INVALID}duration is ""; wanted a duration such as "2h", at most "400d"`],
    [
      { action: "silence", alert_id: "b1", duration: "401d" },
      `${INVALID}duration is "401d"; wanted a duration such as "2h", at most "400d"`,
    ],
    [
      { action: "silence", alert_id: "b1", duration: "0s" },
      `${INVALID}duration is "0s"; wanted a duration such as "2h", at most "400d"`,
    ],
    [
      { action: "silence", duration: "2h" },
      `${INVALID}matchers is ""; wanted matchers such as device=pump-1,severity!=critical of at most 8192 characters, or an alert_id`,
    ],
    [
      { action: "silence", duration: "2h", alert_id: "b1", matchers: "a=b" },
      `${INVALID}matchers is "a=b"; wanted none beside alert_id, or no alert_id`,
    ],
    [
      { action: "silence", duration: "2h", alert_id: "zzz" },
      'NOT_FOUND no active alert has an id that begins with "zzz"',
    ],
    [
      { action: "extend", duration: "2h" },
      `${INVALID}silence_id is ""; wanted the id of a silence, of which the first letters are enough`,
    ],
    [
      { action: "extend", silence_id: "77" },
      `${INVALID}duration is ""; wanted a duration such as "2h", at most "400d"`,
    ],
    [
      { action: "unsilence", silence_id: "5e1f" },
      `${INVALID}silence_id is "5e1f"; wanted more letters of one of these:\n  5e1f0  device="pump"\n  5e1f1  device="pump"`,
    ],
    [{ action: "unsilence", silence_id: "x" }, 'NOT_FOUND no silence that stands has an id that begins with "x"'],
  ];
  test.each(table)("%j", async (metadata, refusal) => {
    const fake = new FakeCommands();
    expect(await refusalOf(fake.carryOut(draftOf(metadata)))).toBe(refusal);
    expect(fake.calls).toEqual([]);
  });

  test("of many that are meant the first are told", async () => {
    const fake = new FakeCommands();
    fake.alerts.push(...Array.from({ length: 50 }, (_, i) => alertOf(`c${i}`)));
    const refusal = await refusalOf(fake.carryOut(draftOf({ action: "resolve", alert_id: "c" })));
    expect(refusal.split("\n").slice(9)).toEqual(["  c8  high  c8 is hot", "  c9  high  c9 is hot", "  and more"]);
  });
});

test("what the RPC refuses comes through as it is", async () => {
  const fake = new FakeCommands();
  fake.failure = new WatchpostError("PERMISSION_DENIED", "ann may not acknowledge alerts of line 2");
  const refused = fake.carryOut(draftOf({ action: "acknowledge", alert_id: "b1" }));
  expect(await refused.catch((error: unknown) => error)).toBe(fake.failure);
});

test("a message is kept with its result, once it is done; one that is refused is not", async () => {
  const fake = new FakeCommands();
  const posted: Draft[] = [];
  const post = async (draft: Draft) => {
    posted.push(draft);
    return { ...draft, sessionId: "lobby", number: 1, atMs: NOW_MS, position: 1 };
  };
  const carry = carryOutActions({ commands: fake.run, nowMs: () => NOW_MS });
  const draft = draftOf({ action: "acknowledge", alert_id: "b", client_message_id: "7" }, "mine");
  const kept = await carry(draft, "lobby", context, post);
  const metadata = {
    action: "acknowledge",
    alert_id: "b1",
    client_message_id: "7",
    result: "acknowledged high alert ‘b1 is hot’",
    title: "b1 is hot",
    severity: "high",
    incident_id: "i1",
  };
  expect(posted).toEqual([{ ...draft, metadata }]);
  expect(kept).toMatchObject({ number: 1, metadata });
  expect(await refusalOf(carry(draftOf({ action: "dance" }), "lobby", context, post))).toStartWith("INVALID_ARGUMENT");
  expect(posted).toHaveLength(1);
});

test("what comes from outside is text, and a result claimed by a client is none", async () => {
  const fake = new FakeCommands();
  fake.alerts.push(alertOf("d", { title: "\u202e<b>\x1b[31m" }));
  const metadata = { action: "acknowledge", alert_id: "d", result: "all is well", title: "x" };
  const result = await fake.carryOut(draftOf(metadata));
  expect({ ...metadata, ...result }).toMatchObject({
    result: "acknowledged high alert ‘\u202e<b>\x1b[31m’",
    title: "\u202e<b>\x1b[31m",
  });
  expect(() => actionIn({ metadata: JSON.parse('{"__proto__":{"action":"resolve"}}') })).toThrow("metadata.action");
});

test("matchers come apart at commas and line breaks outside of quotes, braces or not", () => {
  const cases: [string, string[]][] = [
    ["a=b", ["a=b"]],
    ['{a="1", b=~"x,y", c!="}\\","}', ['a="1"', 'b=~"x,y"', 'c!="}\\","']],
    ["a=b\nc=d,,\n", ["a=b", "c=d"]],
    ['a="b', ['a="b']],
    ['a="b,c', ['a="b', "c"]],
  ];
  for (const [text, matchers] of cases) expect(matchersIn(text)).toEqual(matchers);
  for (const text of ["", " ", "{}", ",", "a=b".padEnd(8_193, "x")]) {
    expect(() => matchersIn(text)).toThrow("metadata.matchers is ");
  }
});

describe("over alerts", () => {
  const RULE = { name: "hot", metric: "temp", severity: "high", condition: { threshold: { above: 80 } } };

  async function rigWithAlerts(rule: object = {}): Promise<{ rig: AlertsRig; deps: ActionDeps }> {
    const rig = new AlertsRig();
    rig.file = {
      rules: [],
      notify: webhookSetup(["desk", "anna"], {
        route: { receiver: "desk", repeat_interval: "1h" },
        escalations: [{ name: "plant", steps: [{ after: "10m", notify: "anna" }] }],
      }),
    };
    await rig.open();
    await rig.put({ ...RULE, ...rule });
    return { rig, deps: { commands: commandsOf(rig.alerts.methods), nowMs: () => rig.clock.nowMs() } };
  }

  test("an acknowledgement in a session is the acknowledgement: everybody hears of it, reminders and escalation end", async () => {
    const { rig, deps } = await rigWithAlerts({ escalation: "plant" });
    using webhooks = new Webhooks(rig);
    const reader = new Reader(rig, { updates: true, includeAcknowledged: true });
    await rig.send({ metric: "temp", source: "a", value: 90 });
    await webhooks.pass(9 * 60_000);
    const told = () => webhooks.told.splice(0).map(({ receiver, status }) => `${receiver} ${status}`);
    expect(told()).toEqual(["desk firing"]);
    const done = carryOut(draftOf({ action: "acknowledge", alert_id: "alert-1" }, "mine"), context, deps);
    for (let i = 0; i < 5; i++) await rest();
    expect((await done)["result"]).toBe("acknowledged high alert ‘temp of a is 90’");
    expect(reader.messages.at(-1)).toMatchObject({
      acknowledged: true,
      acknowledgedBy: "ann",
      acknowledgedComment: "mine",
    });
    expect(reader.said()).toEqual([
      "snapshot end",
      "alert-1 fired high",
      "alert-1 stale high",
      "alert-1 acknowledged high ack",
    ]);
    await webhooks.pass(5 * HOUR_MS);
    expect(told()).toEqual([]);
    await reader.close();
    await rig.close();
    expect(rig.trouble).toEqual([]);
  });

  test("without one both go on", async () => {
    const { rig } = await rigWithAlerts({ escalation: "plant" });
    using webhooks = new Webhooks(rig);
    await rig.send({ metric: "temp", source: "a", value: 90 });
    await webhooks.pass(2 * HOUR_MS);
    const told = webhooks.told.map(({ receiver, status }) => `${receiver} ${status}`);
    expect(told).toContain("anna firing");
    expect(told.filter((each) => each === "desk firing").length).toBeGreaterThan(1);
    await rig.close();
  });

  test("alerts are worked on one after the other, and what is over stays over", async () => {
    const { rig, deps } = await rigWithAlerts();
    await rig.send({ metric: "temp", source: "a", value: 90 }, { metric: "temp", source: "b", value: 91 });
    const run = async (metadata: Record<string, string>, text = "") =>
      (await carryOut(draftOf(metadata, text), context, deps))["result"];
    const alert_id = "alert-2";
    expect(await run({ action: "assign", alert_id, assignee: "bob" })).toBe(
      "assigned high alert ‘temp of b is 91’ to bob",
    );
    expect(await run({ action: "comment", alert_id }, "fuse?")).toBe("commented on high alert ‘temp of b is 91’");
    expect(await run({ action: "resolve", alert_id }, "fuse")).toBe("resolved high alert ‘temp of b is 91’");
    expect(await refusalOf(run({ action: "resolve", alert_id }))).toBe(
      'FAILED_PRECONDITION the alert "alert-2" is cleared already',
    );
    expect(await run({ action: "comment", alert_id }, "it was")).toBe(
      "commented on high alert ‘temp of b is 91’, which is over",
    );
    expect(await refusalOf(run({ action: "comment", alert_id }, " "))).toBe(
      'INVALID_ARGUMENT text is " "; wanted some text',
    );
    expect(await refusalOf(run({ action: "acknowledge", alert_id: "alert-9" }))).toBe(
      'NOT_FOUND there is no alert "alert-9"',
    );
    const record = rig.alerts.book.get("alert-1")!;
    expect(record).toMatchObject({ acknowledged: null, assignee: "", comments: [] });
    await rig.close();
  });

  test("a silence of an alert holds it back and no other; it is extended and ended by its first letters", async () => {
    const { rig, deps } = await rigWithAlerts({ labels: { note: 'a "quoted", \\ one\nand a line' } });
    using webhooks = new Webhooks(rig);
    await rig.send({ metric: "temp", source: "a", value: 90 });
    const run = (metadata: Record<string, string>) => carryOut(draftOf(metadata, "works"), context, deps);
    const made = await run({ action: "silence", alert_id: "alert-1", duration: "2h" });
    const [silence] = rig.alerts.notifying.silences();
    expect(silence).toMatchObject({ id: made["silence_id"], author: "ann", comment: "works" });
    expect(silence.endsAtMs).toBe(rig.clock.nowMs() + 2 * HOUR_MS);
    expect(silence.matchers).toEqual([
      parseMatcher("alertname=hot"),
      ...Object.entries(rig.alerts.book.get("alert-1")!.labels).map(([name, value]) => ({
        name,
        operator: "=" as const,
        value,
      })),
    ]);
    await rig.send({ metric: "temp", source: "b", value: 91 });
    await webhooks.pass(2 * 60_000);
    expect(webhooks.told.flatMap(({ alerts }) => alerts.map(({ labels }) => labels["source"]))).toEqual(["b"]);
    const silence_id = silence.id.slice(0, 7);
    await run({ action: "extend", silence_id, duration: "1h" });
    expect(rig.alerts.notifying.silences()).toMatchObject([{ id: silence.id, endsAtMs: silence.endsAtMs + HOUR_MS }]);
    expect((await run({ action: "unsilence", silence_id }))["result"]).toStartWith("ended the silence of alertname=");
    expect(await refusalOf(run({ action: "extend", silence_id, duration: "1h" }))).toStartWith("NOT_FOUND");
    const everything = run({ action: "silence", matchers: "site!=north", duration: "2h" });
    expect(await refusalOf(everything)).toContain("wanted a matcher that picks out some alerts");
    await rig.close();
  });
});
