/** Escalation through the whole of alerts: receivers over HTTP, restarts, acknowledgement, silences. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { notifySetupOf } from "../../src/alerts/notify-setup.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { call } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

const MINUTE_MS = 60_000;
const RULE = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } }, escalation: "plant" };

interface Heard {
  readonly who: string;
  readonly status: string;
  readonly isRepeated: boolean;
  readonly severities: readonly string[];
}

/** What anna and lead heard; routes tell the desk. */
const heard: Heard[] = [];
const refusing = new Set<string>();
const failing = new Set<string>();
let server: ReturnType<typeof Bun.serve>;
/** On their way: for them no simulated time may pass, or they take too long. */
let requests = 0;
const realFetch = globalThis.fetch;

beforeAll(() => {
  const counting = async (...request: Parameters<typeof fetch>) => {
    requests++;
    return realFetch(...request).finally(() => requests--);
  };
  globalThis.fetch = Object.assign(counting, { preconnect: realFetch.preconnect });
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const who = new URL(request.url).pathname.slice(1);
      const { status, alerts } = (await request.json()) as {
        status: string;
        alerts: { labels: { severity: string } }[];
      };
      const isRepeated = request.headers.has("x-watchpost-repeated");
      if (refusing.has(who)) return new Response("no", { status: 400 });
      if (failing.has(who)) return new Response("not now", { status: 503 });
      if (who !== "desk")
        heard.push({ who, status, isRepeated, severities: alerts.map(({ labels }) => labels.severity) });
      return new Response("");
    },
  });
});
afterAll(() => {
  globalThis.fetch = realFetch;
  return server.stop(true);
});

function setup(sendsResolved = true) {
  const webhook = (who: string) => ({ url: `http://127.0.0.1:${server.port}/${who}` });
  return notifySetupOf(
    {
      route: { receiver: "desk" },
      receivers: [
        { name: "desk", webhook: webhook("desk") },
        { name: "anna", webhook: webhook("anna") },
        { name: "lead", webhook: webhook("lead"), send_resolved: sendsResolved },
        { name: "null" },
      ],
      schedules: [{ name: "on-call", rotation: "weekly", start: "2026-01-05", participants: ["anna"] }],
      escalations: [
        {
          name: "plant",
          steps: [
            { after: "0s", notify: "on-call" },
            { after: "15m", notify: ["on-call", "lead"], raise_severity: "critical" },
          ],
          repeat_after: "10m",
        },
      ],
    },
    {},
  );
}

async function rigWithAlert(): Promise<AlertsRig> {
  heard.length = 0;
  refusing.clear();
  const rig = new AlertsRig();
  rig.file = { rules: [], notify: setup() };
  await rig.open();
  await rig.put(RULE);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  return rig;
}

async function isSending({ journal }: AlertsRig): Promise<boolean> {
  if (requests > 0) return true;
  const documents = await journal.documents({ collection: "escalations", limit: 100 });
  return documents.some(({ key }) => key.startsWith("send:"));
}

/** Until so many have come, and it is written down that they have. */
async function hears(rig: AlertsRig, count: number): Promise<string[]> {
  const deadline = Bun.nanoseconds() + 10e9;
  while ((heard.length < count || (await isSending(rig))) && Bun.nanoseconds() < deadline) await Bun.sleep(2);
  return heard.map(({ who, severities }) => `${who} ${severities.join(" ")}`);
}

/** In small steps: what is sent meanwhile gets through, for which no simulated time passes. */
async function pass(rig: AlertsRig, minutes: number): Promise<void> {
  const rest = async () => {
    await Bun.sleep(1);
    while (await isSending(rig)) await Bun.sleep(1);
  };
  await rest();
  for (let i = 0; i < minutes; i++) {
    await rig.advance(MINUTE_MS);
    await rest();
  }
}

const rulesOf = (rig: AlertsRig) => [...rig.alerts.book.active()].map(({ rule, severity }) => `${rule} ${severity}`);

test("goes up step by step, raises, and says at last that nobody answers; an acknowledgement ends all that", async () => {
  const rig = await rigWithAlert();
  expect(await hears(rig, 1)).toEqual(["anna medium"]);
  await pass(rig, 16);
  expect((await hears(rig, 3)).sort()).toEqual(["anna critical", "anna medium", "lead critical"]);
  // What its rule says lowers it no more.
  await rig.send({ metric: "temp", source: "a", value: 91 });
  expect(rulesOf(rig)).toEqual(["hot critical"]);
  const { alerts } = await call(rig, Alerts.method.listAlerts, {});
  expect(alerts.map(({ severity, raisedTo }) => [severity, raisedTo])).toEqual([["critical", "critical"]]);
  await pass(rig, 10);
  expect(rulesOf(rig).sort()).toEqual(["escalation-exhausted critical", "hot critical"]);
  const [alert] = [...rig.alerts.book.active()].filter(({ rule }) => rule === "hot");
  rig.alerts.book.acknowledge(alert, "ann", "");
  await rig.settle();
  await pass(rig, 1);
  expect(rulesOf(rig)).toEqual(["hot critical"]);
  const before = heard.length;
  await pass(rig, 300);
  expect(heard.length).toBe(before);
  await rig.close();
  expect(rig.trouble).toEqual([]);
});

test("goes on over restarts, and says nothing twice that got there", async () => {
  const rig = await rigWithAlert();
  await hears(rig, 1);
  await pass(rig, 1);
  await rig.restart();
  await pass(rig, 10);
  expect(heard).toHaveLength(1);
  await rig.restart();
  await pass(rig, 5);
  expect((await hears(rig, 3)).sort()).toEqual(["anna critical", "anna medium", "lead critical"]);
  await pass(rig, 10);
  await rig.restart();
  await pass(rig, 1);
  expect(rulesOf(rig).sort()).toEqual(["escalation-exhausted critical", "hot critical"]);
  await rig.send({ metric: "temp", source: "a", value: 20 });
  await pass(rig, 1);
  expect(rulesOf(rig)).toEqual([]);
  await rig.close();
});

test("a receiver that cannot be told brings the next step at once", async () => {
  heard.length = 0;
  const rig = new AlertsRig();
  rig.file = { rules: [], notify: setup() };
  await rig.open();
  await rig.put(RULE);
  refusing.add("anna");
  await rig.send({ metric: "temp", source: "a", value: 90 });
  expect(await hears(rig, 1)).toEqual(["lead critical"]);
  expect(rig.trouble.join()).toContain("anna could not be told of incident incident-1");
  await rig.close();
});

test("stands still while the alert is silenced, and goes on behind that", async () => {
  const rig = await rigWithAlert();
  await hears(rig, 1);
  await pass(rig, 1);
  const nowMs = rig.clock.nowMs();
  await rig.alerts.notifying.putSilence(
    {
      id: "s",
      matchers: [{ name: "alertname", operator: "=", value: "hot" }],
      startsAtMs: nowMs,
      endsAtMs: nowMs + 60 * MINUTE_MS,
      author: "ann",
      comment: "",
      isForAll: false,
    },
    "ann",
  );
  await pass(rig, 50);
  expect(heard).toHaveLength(1);
  await pass(rig, 40);
  expect((await hears(rig, 2)).slice(0, 2)[1]).toStartWith("anna");
  const silences = rig.journal.entries.filter(({ kind }) => kind === "silence");
  expect(silences).toMatchObject([{ subject: "s", actor: "ann" }]);
  await rig.close();
});

test("stands still while a silence lasts that was put before and begins and ends between two steps", async () => {
  const rig = new AlertsRig();
  const steps = [
    { after: "0s", notify: "anna" },
    { after: "15m", notify: "lead" },
  ];
  const sections = { route: { receiver: "desk" }, escalations: [{ name: "plant", steps }] };
  rig.file = { rules: [], notify: webhookSetup(["desk", "anna", "lead"], sections) };
  using webhooks = new Webhooks(rig);
  await rig.open();
  await rig.put(RULE);
  const matchers = [{ name: "alertname", operator: "=", value: "hot" } as const];
  const times = { startsAtMs: START_MS + 5 * MINUTE_MS, endsAtMs: START_MS + 8 * MINUTE_MS };
  await rig.alerts.notifying.putSilence(
    { id: "s", matchers, ...times, author: "ann", comment: "", isForAll: false },
    "ann",
  );
  await rig.send({ metric: "temp", source: "a", value: 90 });
  await webhooks.pass(25 * MINUTE_MS);
  const told = webhooks.told.filter(({ receiver }) => receiver !== "desk");
  const minutes = told.map(({ atMs, receiver }) => `${Math.floor((atMs - START_MS) / MINUTE_MS)} ${receiver}`);
  expect(minutes).toEqual(["0 anna", "8 anna", "23 lead"]);
  await rig.close();
});

test("what cannot be written down is tried again until it can, and people are told meanwhile", async () => {
  const rig = await rigWithAlert();
  await hears(rig, 1);
  await pass(rig, 1);
  rig.journal.failure = new Error("the disk is full");
  await rig.send({ metric: "temp", source: "b", value: 95 });
  await rig.advance(MINUTE_MS);
  rig.journal.failure = null;
  await rig.advance(2_000);
  await rig.settle();
  const known = await rig.journal.documents({ collection: "escalations", limit: 100 });
  expect(known.filter(({ key }) => key.startsWith("member:"))).toHaveLength(2);
  expect(rig.trouble.join()).toContain("the disk is full");
  await rig.close();
});

test("a step takes the place of what has not got to a receiver yet", async () => {
  heard.length = 0;
  refusing.clear();
  failing.add("anna");
  const rig = new AlertsRig();
  rig.file = { rules: [], notify: setup() };
  await rig.open();
  await rig.put(RULE);
  await rig.send({ metric: "temp", source: "a", value: 90 });
  const passUntil = async (isReached: () => boolean) => {
    for (let i = 0; i < 240 && !isReached(); i++) {
      await Bun.sleep(3);
      await rig.advance(1_000);
    }
  };
  await passUntil(() => heard.length > 0);
  expect(heard.map(({ who }) => who)).toEqual(["lead"]);
  failing.clear();
  await passUntil(() => heard.length > 1);
  let seconds = 0;
  await passUntil(() => ++seconds > 90);
  expect(heard.map(({ who }) => who)).toEqual(["lead", "anna"]);
  await rig.close();
});

describe("that nobody answers is said once", () => {
  const KEY = "exhausted:incident-1";
  const exhausted = async () => {
    const rig = await rigWithAlert();
    await hears(rig, 1);
    await pass(rig, 26);
    expect(rulesOf(rig).sort()).toEqual(["escalation-exhausted critical", "hot critical"]);
    return rig;
  };
  const write = (rig: AlertsRig, collection: string, key: string, value: string | null) =>
    rig.journal.append([], [{ collection, key, sort: 0, value }]);
  const idOf = (rig: AlertsRig) => [...rig.alerts.book.active()].find(({ rule }) => rule !== "hot")!.id;
  const firedOf = (rig: AlertsRig) =>
    rig.journal.entries.filter(
      ({ payload }) => payload.includes("escalation-exhausted") && payload.includes('"fired"'),
    );

  test("also where the run before was killed between writing that down and saying it", async () => {
    const rig = await exhausted();
    await write(rig, "alerts-published", idOf(rig), null);
    await write(rig, "escalations", KEY, "false");
    for (let i = 0; i < 3; i++) {
      await rig.restart();
      await pass(rig, 1);
      expect(rulesOf(rig).sort()).toEqual(["escalation-exhausted critical", "hot critical"]);
      expect(firedOf(rig)).toHaveLength(2);
    }
    const title = [...rig.alerts.book.active()].find(({ rule }) => rule !== "hot")!.title;
    expect(title).toBe("nobody has acknowledged: temp of a is 90");
    await rig.close();
  });

  test("or between saying it and writing that down", async () => {
    const rig = await exhausted();
    expect((await rig.journal.document("escalations", KEY))?.value).toBe("true");
    await write(rig, "escalations", KEY, "false");
    await rig.restart();
    await pass(rig, 1);
    expect(firedOf(rig)).toHaveLength(1);
    expect((await rig.journal.document("escalations", KEY))?.value).toBe("true");
    await rig.close();
  });

  test("and not again after somebody has resolved that by hand", async () => {
    const rig = await exhausted();
    rig.alerts.book.resolve(rig.alerts.book.get(idOf(rig))!, "ann", "");
    await rig.settle();
    await rig.restart();
    await pass(rig, 1);
    expect(rulesOf(rig)).toEqual(["hot critical"]);
    await rig.close();
  });

  test("it ends, too, where the run before was killed before it could end it", async () => {
    const rig = await exhausted();
    await write(rig, "rules", "hot", null);
    for (const { key } of await rig.journal.documents({ collection: "escalations", limit: 100 })) {
      await write(rig, "escalations", key, null);
    }
    await rig.restart();
    await pass(rig, 1);
    expect(rulesOf(rig)).toEqual([]);
    await rig.close();
  });
});

describe("who was told by a step hears when the incident is over", () => {
  const said = () => heard.map(({ who, status, isRepeated }) => `${who} ${status}${isRepeated ? " repeated" : ""}`);
  const open = async (sendsResolved = true) => {
    heard.length = 0;
    for (const set of [refusing, failing]) set.clear();
    const rig = new AlertsRig();
    rig.file = { rules: [], notify: setup(sendsResolved) };
    await rig.open();
    await rig.put(RULE);
    await rig.send({ metric: "temp", source: "a", tags: { device: "x" }, value: 90 });
    await hears(rig, 1);
    return rig;
  };
  const documentsOf = async (rig: AlertsRig) =>
    (await rig.journal.documents({ collection: "escalations", limit: 100 })).map(({ key }) => key);

  test("all of it, once, however it ends and whoever has acknowledged it", async () => {
    const rig = await open();
    await rig.send({ metric: "temp", source: "a", tags: { device: "y" }, value: 90 });
    await pass(rig, 16);
    expect(said().sort()).toEqual(["anna firing", "anna firing", "lead firing"]);
    heard.length = 0;
    for (const alert of [...rig.alerts.book.active()]) rig.alerts.book.acknowledge(alert, "ann", "");
    await rig.send({ metric: "temp", source: "a", tags: { device: "x" }, value: 20 });
    await pass(rig, 1);
    expect(heard).toEqual([]);
    const [last] = rig.alerts.book.active();
    rig.alerts.book.resolve(last, "ann", "");
    await rig.settle();
    await pass(rig, 1);
    await hears(rig, 2);
    await pass(rig, 60);
    expect(said().sort()).toEqual(["anna resolved", "lead resolved"]);
    expect(heard.map(({ severities }) => severities.length)).toEqual([2, 2]);
    expect(await documentsOf(rig)).toEqual([]);
    await rig.close();
  });

  test("over restarts, also those that find it over", async () => {
    const rig = await open();
    await pass(rig, 1);
    await rig.restart();
    rig.alerts.stop();
    // Its rule goes while nobody escalates.
    await rig.journal.append([], [{ collection: "rules", key: "hot", sort: 0, value: null }]);
    await rig.restart();
    await hears(rig, 2);
    await pass(rig, 1);
    expect(said()).toEqual(["anna firing", "anna resolved"]);
    expect(await documentsOf(rig)).toEqual([]);
    await rig.close();
  });

  test("marked, where it may have been told of that before", async () => {
    const rig = await open();
    await pass(rig, 1);
    failing.add("anna");
    await rig.send({ metric: "temp", source: "a", tags: { device: "x" }, value: 20 });
    await Bun.sleep(20);
    await rig.settle();
    failing.clear();
    await rig.restart();
    await hears(rig, 2);
    expect(said()).toEqual(["anna firing", "anna resolved repeated"]);
    await rig.close();
  });

  test("and not where it does not want to, or could not be told that it fires", async () => {
    const rig = await open(false);
    await pass(rig, 14);
    refusing.add("anna");
    await pass(rig, 2);
    expect(said()).toEqual(["anna firing", "lead firing"]);
    refusing.clear();
    await rig.send({ metric: "temp", source: "a", tags: { device: "x" }, value: 20 });
    await hears(rig, 3);
    await pass(rig, 1);
    expect(said()).toEqual(["anna firing", "lead firing", "anna resolved"]);
    await rig.close();

    heard.length = 0;
    const other = new AlertsRig();
    other.file = { rules: [], notify: setup() };
    refusing.add("anna");
    await other.open();
    await other.put(RULE);
    await other.send({ metric: "temp", source: "a", value: 90 });
    await hears(other, 1);
    await pass(other, 1);
    refusing.clear();
    await other.send({ metric: "temp", source: "a", value: 20 });
    await hears(other, 2);
    await pass(other, 1);
    expect(said()).toEqual(["lead firing", "lead resolved"]);
    await other.close();
  });

  test("also after its policy is gone, once its alerts are over", async () => {
    const rig = await open();
    await pass(rig, 1);
    await rig.alerts.reload({ rules: [], notify: { ...setup(), escalation: { policies: [], schedules: [] } } });
    await pass(rig, 30);
    expect(said()).toEqual(["anna firing"]);
    await rig.send({ metric: "temp", source: "a", tags: { device: "x" }, value: 20 });
    await hears(rig, 2);
    await pass(rig, 1);
    expect(said()).toEqual(["anna firing", "anna resolved"]);
    await rig.close();
  });
});
