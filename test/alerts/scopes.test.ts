/** Alerts, incidents, silences and rules of those who see a part of what there is: as if the rest were not there. */
import { fromJson } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { scopeOf, type Scope, type ScopePatterns } from "../../src/model/access.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { Alerts, AlertState, type Silence } from "../../src/wire/gen/alerts_pb.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { call, Reader, rest, saidOf } from "./calls.ts";
import { AlertsRig, START_MS } from "./rig.ts";
import { Webhooks, webhookSetup } from "./webhooks.ts";

const scope = (patterns: Partial<ScopePatterns>) => scopeOf({ sources: [], devices: [], sites: [], ...patterns });
const [BERLIN, HAMBURG] = ["berlin", "hamburg"].map((site) => scope({ sites: [site] }));
const GATEWAYS = scope({ sources: ["gw-*"] });
const { listAlerts, getAlertHistory, listIncidents, publishAlert, previewRouting, listRules, getRule, testRule } =
  Alerts.method;
const { acknowledgeAlert, resolveAlert, assignAlert, commentAlert, actOnAlerts } = Alerts.method;
const { putSilence, expireSilence, listSilences } = Alerts.method;

const HOT = { name: "hot", metric: "temp", severity: "high", condition: { threshold: { above: 90 } } };
const LINE = { ...HOT, name: "line", group_by: ["line"], condition: { threshold: { above: 95 } } };

let rig: AlertsRig;

beforeEach(async () => {
  rig = new AlertsRig();
  rig.sites.set("pump", "berlin");
  rig.sites.set("fan", "hamburg");
});

afterEach(() => rig.close());

const reading = (device: string, value: number, tags: Record<string, string> = {}) => {
  return { metric: "temp", source: "gw-1", tags: { device, ...tags }, value };
};

/** Fires one alert each for these devices. */
async function fire(...devices: string[]): Promise<void> {
  await rig.send(...devices.map((device) => reading(device, 91)));
  await rest();
}

async function failureOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "done";
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    return `${error.status}: ${error.message}`;
  }
}

const idOf = (device: string) => [...rig.alerts.book.active()].find((alert) => alert.device === device)!.id;

describe("lists", () => {
  beforeEach(async () => {
    await rig.open();
    await rig.put(HOT);
  });

  test("have what is in scope, page by page, active and cleared", async () => {
    for (let round = 0; round < 3; round++) {
      await fire("pump", "fan", "motor");
      await rig.advance(60_000);
      await rig.send(...["pump", "fan", "motor"].map((device) => reading(device, 1)));
      await rig.advance(60_000);
    }
    await fire("fan", "pump");
    const devicesOf = async (given?: Scope) => {
      const devices: string[] = [];
      for (let page = ""; ;) {
        const answer = await call(rig, listAlerts, { limit: 2, page }, given);
        devices.push(...answer.alerts.map(({ labels }) => labels["device"]));
        if ((page = answer.nextPage) === "") return devices;
      }
    };
    expect(await devicesOf(BERLIN)).toEqual(["pump", "pump", "pump", "pump"]);
    expect((await devicesOf()).length).toBe(11);
    expect((await devicesOf(GATEWAYS)).length).toBe(11);
    expect(await devicesOf(scope({ devices: ["nobody"] }))).toEqual([]);
  });

  test("say in no page where something else is", async () => {
    await fire("pump");
    await rig.advance(1_000);
    await fire("fan");
    await rig.advance(1_000);
    await rig.send(reading("pump", 1), reading("fan", 1));
    await rig.advance(60_000);
    await fire("pump");
    const fan = (await call(rig, listAlerts, { state: AlertState.CLEARED }, HAMBURG)).alerts[0].id;
    const { nextPage } = await call(rig, listAlerts, { limit: 1 }, BERLIN);
    expect(nextPage).not.toBe("");
    expect(Buffer.from(nextPage, "base64url").toString()).not.toContain(fan);
  });

  test("what is out of scope answers as what does not exist", async () => {
    await fire("pump", "fan");
    const fan = idOf("fan");
    const calls: ((id: string) => Promise<unknown>)[] = [
      (id) => call(rig, getAlertHistory, { id }, BERLIN),
      (id) => call(rig, acknowledgeAlert, { id }, BERLIN),
      (id) => call(rig, resolveAlert, { id }, BERLIN),
      (id) => call(rig, assignAlert, { id, assignee: "ann" }, BERLIN),
      (id) => call(rig, commentAlert, { id, text: "hello" }, BERLIN),
    ];
    const written = rig.journal.entries.length;
    for (const run of calls) {
      expect(await failureOf(run(fan))).toBe(`NOT_FOUND: there is no alert ${JSON.stringify(fan)}`);
      expect(await failureOf(run("nothing"))).toBe('NOT_FOUND: there is no alert "nothing"');
    }
    const act = { case: "acknowledge", value: { comment: "" } } as const;
    const { refusals } = await call(rig, actOnAlerts, { ids: [fan, "nothing"], act }, BERLIN);
    expect(refusals.map(({ code, reason }) => [code, reason])).toEqual([
      [5, `there is no alert ${JSON.stringify(fan)}`],
      [5, 'there is no alert "nothing"'],
    ]);
    expect(rig.journal.entries.length).toBe(written);
    await call(rig, acknowledgeAlert, { id: idOf("pump") }, BERLIN);
    await call(rig, acknowledgeAlert, { id: fan }, HAMBURG);
    expect([...rig.alerts.book.active()].every(({ acknowledged }) => acknowledged !== null)).toBe(true);
  });

  test("one that cannot be read is nobody's who sees a part", async () => {
    await rig.journal.append([], [{ collection: "alerts-cleared", key: "broken", sort: START_MS, value: "{}" }]);
    expect(await failureOf(call(rig, getAlertHistory, { id: "broken" }))).toStartWith("DATA_LOSS");
    const seen = await failureOf(call(rig, getAlertHistory, { id: "broken" }, BERLIN));
    expect(seen).toBe('NOT_FOUND: there is no alert "broken"');
  });

  test("alerts of several series and of the server itself are for those who see everything", async () => {
    await rig.put(LINE);
    await rig.send(reading("pump", 99, { line: "1" }), reading("fan", 99, { line: "1" }));
    await rest();
    const rules = async (given?: Scope) => (await call(rig, listAlerts, {}, given)).alerts.map(({ rule }) => rule);
    expect(await rules(BERLIN)).toEqual(["hot"]);
    expect((await rules()).sort()).toEqual(["hot", "hot", "line"]);
  });

  test("incidents are what their alerts in scope make of them", async () => {
    await fire("fan");
    await rig.advance(1_000);
    await fire("pump");
    await rig.advance(1_000);
    await rig.put({ ...HOT, name: "boiling", severity: "critical", where: ["device=fan"] });
    await rig.send(reading("fan", 92));
    await rest();
    await call(rig, acknowledgeAlert, { id: idOf("pump") });
    const incidents = async (given?: Scope) => await call(rig, listIncidents, {}, given);
    const [whole] = (await incidents()).incidents;
    expect(whole).toMatchObject({ active: 3n, severity: "critical", acknowledged: false, rootAlertId: "alert-1" });
    const { incidents: own, total } = await incidents(BERLIN);
    expect([own.length, total]).toEqual([1, 1n]);
    expect(own[0]).toMatchObject({ id: whole.id, active: 1n, severity: "high", acknowledged: true });
    expect(own[0]).toMatchObject({ alertIds: [idOf("pump")], rootAlertId: idOf("pump") });
    expect(own[0].firstAt).toMatchObject(timestampOfMs(START_MS + 1_000));
    expect(own[0].title).toContain("pump");
    expect(await incidents(scope({ sites: ["nowhere"] }))).toMatchObject({ incidents: [], total: 0n });
  });
});

describe("published alerts", () => {
  beforeEach(() => rig.open());

  const publish = (labels: Record<string, string>, given: Scope, cleared = false) =>
    failureOf(call(rig, publishAlert, { rule: "door", labels, cleared }, given));

  test("are taken in scope, and refused by name out of it", async () => {
    expect(await publish({ device: "pump" }, BERLIN)).toBe("done");
    expect(await publish({ device: "door-1", site: "berlin" }, BERLIN)).toBe("done");
    expect(await publish({ device: "fan", site: "berlin" }, BERLIN)).toBe(
      'INVALID_ARGUMENT: labels is "device=fan, site=berlin"; wanted source, device or site in the scope of "anonymous": sites berlin',
    );
    expect(await publish({ team: "ops" }, BERLIN)).toContain('labels is "team=ops"; wanted');
    expect(await publish({ source: "gw-7" }, GATEWAYS)).toBe("done");
    expect(await publish({ device: "motor" }, GATEWAYS)).toStartWith("INVALID_ARGUMENT");
  });

  test("are cleared in scope alone, and nothing is told apart out of it", async () => {
    await publish({ device: "fan" }, HAMBURG);
    const refused = await publish({ device: "fan" }, BERLIN, true);
    expect(refused).toBe('NOT_FOUND: no alert of "door" with these labels is active');
    await call(rig, publishAlert, { rule: "door", labels: { device: "fan" }, cleared: true });
    expect(await publish({ device: "fan" }, BERLIN, true)).toBe(refused);
  });
});

describe("a stream", () => {
  beforeEach(async () => {
    await rig.open();
    await rig.put(HOT);
  });

  const read = (given: Scope, request: object = { updates: true }) => new Reader(rig, request, false, given);
  /** What came since the last call, as devices and what is said of them. */
  const take = async (reader: Reader) => {
    await rest();
    return reader.messages.splice(0).map((alert) => {
      const device = alert.labels["device"] ?? "";
      return saidOf(alert).replace(/^alert-\d+/, (id) => device || id);
    });
  };
  const lastCursor = (reader: Reader) => reader.messages.findLast(({ cursor }) => cursor !== "")!.cursor;
  const moved = async () => {
    await rig.advance(999);
    await rest();
  };

  test("has what is in scope, and what becomes of it", async () => {
    await fire("pump", "fan");
    const berlin = read(BERLIN);
    expect(await take(berlin)).toEqual(["pump snapshot high", "snapshot end"]);
    await fire("motor");
    await call(rig, acknowledgeAlert, { id: idOf("fan") });
    await call(rig, commentAlert, { id: idOf("pump"), text: "seen" });
    expect(await take(berlin)).toEqual(["pump commented high"]);
  });

  for (const updates of [true, false]) {
    test(`tells within a second what comes into the scope${updates ? ", and what leaves it" : ""}`, async () => {
      await fire("pump", "fan");
      const [berlin, hamburg] = [BERLIN, HAMBURG].map((given) => read(given, { updates }));
      await take(berlin);
      await take(hamburg);
      const pump = idOf("pump");
      rig.move("pump", "hamburg");
      await moved();
      expect(await take(berlin)).toEqual(updates ? [`${pump} moved  removed`] : []);
      expect(await take(hamburg)).toEqual(updates ? ["pump moved high"] : ["pump high"]);
      await call(rig, commentAlert, { id: pump, text: "hello" });
      expect(await take(berlin)).toEqual([]);
      expect(await take(hamburg)).toEqual(updates ? ["pump commented high"] : []);
      rig.move("pump", "berlin");
      await moved();
      expect(await take(berlin)).toEqual(updates ? ["pump moved high"] : ["pump high"]);
    });
  }

  test("says nothing of one that has left but its id", async () => {
    await fire("pump");
    const berlin = read(BERLIN);
    await take(berlin);
    rig.move("pump", "hamburg");
    // What happens before it was looked for already tells of it.
    await call(rig, commentAlert, { id: idOf("pump"), text: "a secret of Hamburg" });
    await moved();
    await rest();
    expect(berlin.messages.length).toBe(1);
    const [{ id, removed, cursor, ...others }] = berlin.messages;
    expect([id, removed, cursor]).toEqual([idOf("pump"), true, expect.any(String)]);
    expect(JSON.stringify(others)).not.toContain("secret");
    expect(others).toMatchObject({ title: "", labels: {}, context: {}, rule: "", severity: "", comments: [] });
  });

  test("one that ends while devices move is told once, as over or as gone", async () => {
    await fire("pump", "fan");
    const [berlin, hamburg] = [BERLIN, HAMBURG].map((given) => read(given));
    await take(berlin);
    await take(hamburg);
    const pump = idOf("pump");
    await rig.advance(10);
    rig.move("pump", "hamburg");
    await rig.send(reading("pump", 1));
    await moved();
    expect(await take(berlin)).toEqual([`${pump} moved  removed`]);
    expect(await take(hamburg)).toEqual(["pump cleared high removed"]);
  });

  test("goes on from a cursor while nothing has moved", async () => {
    await fire("pump", "fan");
    const first = read(BERLIN);
    await rest();
    const cursor = lastCursor(first);
    await first.close();
    await call(rig, commentAlert, { id: idOf("fan"), text: "not yours" });
    await call(rig, commentAlert, { id: idOf("pump"), text: "yours" });
    const again = read(BERLIN, { updates: true, cursor });
    expect(await take(again)).toEqual(["pump commented high"]);
    await rig.advance(10);
    await rig.send(reading("pump", 1));
    expect(await take(again)).toEqual(["pump cleared high removed"]);
  });

  test("begins anew where alerts have come or left since its cursor, and where the cursor is of another scope", async () => {
    await fire("pump", "fan");
    const first = read(BERLIN);
    await rest();
    const cursor = lastCursor(first);
    const endOf = async (given: Scope, from: string) => {
      const reader = read(given, { updates: true, cursor: from });
      await rest();
      const { ended } = reader;
      await reader.close();
      return ended;
    };
    expect(await endOf(HAMBURG, cursor)).toContain("cursor cannot be gone on from: it is of another scope");
    expect(await endOf(scopeOf({ sources: [], devices: [], sites: [] }), cursor)).toContain("another scope");
    rig.move("motor", "berlin");
    expect(await endOf(BERLIN, cursor)).toContain("cursor cannot be gone on from");
    await moved();
    expect(await endOf(BERLIN, cursor)).toBe("");
    rig.move("fan", "berlin");
    await moved();
    expect(await endOf(BERLIN, cursor)).toContain("cursor cannot be gone on from");
    await rest();
    const renewed = lastCursor(first);
    expect(await endOf(BERLIN, renewed)).toBe("");
    await first.close();
    await rig.restart();
    expect(await endOf(BERLIN, renewed)).toContain("cursor cannot be gone on from");
  });

  test("cannot go on from the middle of what has moved", async () => {
    await fire("pump", "fan", "motor");
    const slow = new Reader(rig, { updates: true }, true, BERLIN);
    await slow.take();
    await slow.take();
    const next = slow.take();
    rig.move("fan", "berlin");
    rig.move("motor", "berlin");
    await moved();
    await next;
    await slow.take();
    const [one, two] = slow.messages.slice(-2).map(({ cursor }) => cursor);
    expect(one).toBe("");
    const again = read(BERLIN, { updates: true, cursor: two });
    await rest();
    expect(again.ended).toBe("");
    await slow.close();
  });

  test("of everything is told nothing of moves, and its cursors hold over them", async () => {
    await fire("pump");
    const all = new Reader(rig, { updates: true });
    await rest();
    const cursor = lastCursor(all);
    rig.move("pump", "hamburg");
    await moved();
    expect(await take(all)).toEqual(["pump snapshot high", "snapshot end"]);
    await call(rig, commentAlert, { id: idOf("pump"), text: "still here" });
    const again = new Reader(rig, { updates: true, cursor });
    expect(await take(again)).toEqual(["pump commented high"]);
  });
});

describe("silences", () => {
  const endsAt = timestampOfMs(START_MS + 3_600_000);
  const put = async (silence: object, given?: Scope): Promise<Silence> => {
    return (await call(rig, putSilence, { silence: { endsAt, ...silence } }, given)).silence!;
  };
  const seen = async (given?: Scope) => (await call(rig, listSilences, {}, given)).silences.map(({ id }) => id);
  const LOW = { matchers: ["alertname=hot"] };

  beforeEach(async () => {
    rig.file = {
      rules: [],
      notify: webhookSetup(["ops"], { route: { receiver: "ops", group_wait: "0s", group_by: ["device"] } }),
    };
    await rig.open();
    await rig.put(HOT);
  });

  test("of somebody with a scope hold back what is in it, also after a restart and when others extend them", async () => {
    using webhooks = new Webhooks(rig);
    const silence = await put(LOW, BERLIN);
    expect(silence.scope).toMatchObject({ sites: ["berlin"], sources: [], devices: [] });
    await rig.restart();
    expect((await put({ ...LOW, id: silence.id })).scope?.sites).toEqual(["berlin"]);
    await rig.restart();
    await fire("pump", "fan", "motor");
    await webhooks.pass(60_000);
    const told = () => webhooks.told.splice(0).flatMap(({ alerts }) => alerts.map(({ labels }) => labels["device"]));
    expect(told().sort()).toEqual(["fan", "motor"]);
    const history = async (device: string) => (await call(rig, getAlertHistory, { id: idOf(device) })).silences.length;
    expect([await history("pump"), await history("fan")]).toEqual([1, 0]);
    // It leaves the scope that held it back.
    rig.move("pump", "hamburg");
    await webhooks.pass(600_000);
    expect(told()).toContain("pump");
  });

  test("are seen by the scope they were made in, and by whoever sees an alert that they meet", async () => {
    const [own, other, all] = [
      await put(LOW, BERLIN),
      await put(LOW, HAMBURG),
      await put({ matchers: ["device=fan"] }),
    ];
    expect(await seen(BERLIN)).toEqual([own.id]);
    expect(await seen(HAMBURG)).toEqual([other.id]);
    expect((await seen(scope({ sites: ["berlin", "hamburg"] }))).sort()).toEqual([own.id, other.id].sort());
    expect((await seen()).length).toBe(3);
    await fire("fan");
    expect((await seen(HAMBURG)).sort()).toEqual([other.id, all.id].sort());
    expect(await seen(BERLIN)).toEqual([own.id]);
    rig.move("fan", "berlin");
    expect((await seen(BERLIN)).sort()).toEqual([own.id, all.id].sort());
  });

  test("that others rely on are not changed, and those that are not seen do not exist", async () => {
    const [other, all] = [await put(LOW, HAMBURG), await put(LOW)];
    const tries = (id: string, given: Scope) =>
      Promise.all([failureOf(put({ ...LOW, id }, given)), failureOf(call(rig, expireSilence, { id }, given))]);
    const missing = (id: string) => `NOT_FOUND: there is no silence ${JSON.stringify(id)}`;
    for (const id of [other.id, all.id, "mine"]) expect(await tries(id, BERLIN)).toEqual([missing(id), missing(id)]);
    await fire("pump");
    expect(await tries(other.id, BERLIN)).toEqual([missing(other.id), missing(other.id)]);
    const wider = `FAILED_PRECONDITION: silence ${all.id} may also hold back what is out of your scope; wanted one that was made for sites berlin`;
    expect(await tries(all.id, BERLIN)).toEqual([wider, wider]);
    expect((await seen()).length).toBe(2);
    expect(await tries(other.id, HAMBURG)).toEqual(["done", "done"]);
  });

  test("who would be told of an alert is answered in scope", async () => {
    await put(LOW, HAMBURG);
    const own = await put(LOW, BERLIN);
    const ask = (labels: Record<string, string>) => call(rig, previewRouting, { labels }, BERLIN);
    const answer = await ask({ alertname: "hot", device: "pump" });
    expect([answer.routed.map(({ receiver }) => receiver), answer.silenceIds]).toEqual([["ops"], [own.id]]);
    expect(await failureOf(ask({ alertname: "hot", device: "fan" }))).toContain(
      'labels is "alertname=hot, device=fan"; wanted',
    );
    expect(await failureOf(ask({}))).toContain('labels is ""; wanted');
  });
});

test("that an alert is inhibited is told, by which one only to those who see that", async () => {
  const inhibit_rules = [{ source_matchers: ["alertname=down"], target_matchers: ["alertname=hot"] }];
  rig.file = { rules: [], notify: webhookSetup(["ops"], { route: { receiver: "ops" }, inhibit_rules }) };
  using _ = new Webhooks(rig);
  await rig.open();
  await call(rig, publishAlert, { rule: "down", labels: { device: "fan" }, title: "the fan is down" });
  const labels = { alertname: "hot", device: "pump" };
  const inhibited = async (given?: Scope) => (await call(rig, previewRouting, { labels }, given)).inhibited;
  expect(await inhibited(BERLIN)).toMatchObject({ alertId: "", title: "" });
  expect(await inhibited(scope({ sites: ["berlin", "hamburg"] }))).toMatchObject({ title: "the fan is down" });
  expect(await inhibited()).toMatchObject({ title: "the fan is down" });
});

describe("rules", () => {
  beforeEach(() => rig.open());

  const named = async (given?: Scope) => {
    const { rules, total } = await call(rig, listRules, {}, given);
    expect(total).toBe(BigInt(rules.length));
    return rules.map(({ rule }) => rule!.name);
  };

  test("are seen by whoever sees a series or an alert of them, with what is theirs of it", async () => {
    await rig.put(HOT, { ...HOT, name: "hot-fan", where: ["device=fan"] }, { ...HOT, name: "idle", metric: "nothing" });
    await rig.put({ ...HOT, name: "on", condition: { watchdog: {} }, metric: undefined });
    await rig.put({
      ...HOT,
      name: "on-berlin",
      condition: { watchdog: {} },
      metric: undefined,
      labels: { site: "berlin" },
    });
    await fire("pump", "fan", "motor");
    expect(await named()).toEqual(["hot", "hot-fan", "idle", "on", "on-berlin"]);
    expect(await named(BERLIN)).toEqual(["hot", "on-berlin"]);
    expect(await named(HAMBURG)).toEqual(["hot", "hot-fan"]);
    const { info } = await call(rig, getRule, { name: "hot" }, BERLIN);
    expect(info).toMatchObject({ series: 1n, firing: 1n, pending: 0n });
    expect((await call(rig, getRule, { name: "hot" })).info).toMatchObject({ series: 3n, firing: 3n });
    for (const name of ["hot-fan", "none"]) {
      const failure = await failureOf(call(rig, getRule, { name }, BERLIN));
      expect(failure).toBe(`NOT_FOUND: there is no rule ${JSON.stringify(name)}`);
    }
    rig.move("fan", "berlin");
    expect(await named(BERLIN)).toEqual(["hot", "hot-fan", "on-berlin"]);
  });

  test("on devices are seen by whoever sees one that they are about", async () => {
    await rig.close();
    const standing = { type: "", parent: "", tags: {}, status: "online", reason: "" };
    const standings = [
      { ...standing, device: "pump", site: "berlin" },
      { ...standing, device: "fan", site: "hamburg" },
    ];
    rig.devices = {
      having: (statuses) => standings.filter(({ status }) => statuses.includes(status)),
      get: (device) => standings.find((each) => each.device === device),
      follow: () => () => {},
    };
    await rig.open();
    const offline = { name: "offline", condition: { device: { status: ["offline"] } }, severity: "high" };
    await rig.put(offline, { ...offline, name: "offline-fan", where: ["device=fan"] });
    expect(await named(BERLIN)).toEqual(["offline"]);
    expect(await named(HAMBURG)).toEqual(["offline", "offline-fan"]);
    expect(await named(scope({ sites: ["nowhere"] }))).toEqual([]);
  });

  test("are tested with what is in scope", async () => {
    await rig.send(reading("pump", 91), reading("fan", 91));
    await rig.advance(1_000);
    const rule = fromJson(RuleSchema, HOT);
    const tested = async (given?: Scope) => {
      const { episodes, series, points } = await call(rig, testRule, { rule }, given);
      return [episodes.map(({ labels }) => labels["device"]).sort(), series, points];
    };
    expect(await tested(BERLIN)).toEqual([["pump"], 1n, 1n]);
    expect(await tested()).toEqual([["fan", "pump"], 2n, 2n]);
    expect(await tested(scope({ sources: ["nobody"] }))).toEqual([[], 0n, 0n]);
  });
});
