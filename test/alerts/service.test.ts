/** The Alerts service of a whole server, over gRPC and over Connect with JSON, on a clock of the test's own. */
import {
  create,
  createFileRegistry,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
} from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient, type Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type RunningServer } from "../../src/app.ts";
import { ask } from "../../src/client/ask.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { Connection } from "../../src/client/connection.ts";
import { loadConfig } from "../../src/config/load.ts";
import { WatchpostError, type StatusName } from "../../src/model/errors.ts";
import {
  AlertChange,
  Alerts,
  AlertSchema,
  AlertState,
  AlertSubscriptionSchema,
  type Alert,
} from "../../src/wire/gen/alerts_pb.ts";
import { BadRequestSchema } from "../../src/wire/gen/google/rpc/error_details_pb.ts";
import { statusNameOf } from "../../src/wire/status.ts";
import { spawn } from "../log/harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const START_MS = Date.UTC(2026, 0, 1);
const PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 2_000;

type Subscription = MessageInitShape<typeof AlertSubscriptionSchema>;

/** A way to call the server. Errors are WatchpostErrors. */
interface Caller {
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  subscribe(request: Subscription, signal: AbortSignal): AsyncIterable<Alert>;
}

interface Rig {
  readonly server: RunningServer;
  readonly clock: ManualClock;
  readonly told: string[];
}

async function start(data: string, env: Record<string, string> = {}, clock = new ManualClock(START_MS)): Promise<Rig> {
  const flags = { data, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const told: string[] = [];
  const tell = (_: object, sentence: string) => void told.push(sentence);
  const logger = { info: tell, warn: tell, error: tell, debug: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  return { server: await startServer(config, { spawn, logger, clock, onFatal }), clock, told };
}

function grpcCaller({ grpcAddress }: RunningServer): Caller & Disposable {
  const connection = new Connection(grpcAddress);
  return {
    ask: (method, request) => ask(connection, method, request, {}),
    async *subscribe(request, signal) {
      const bytes = toBinary(AlertSubscriptionSchema, create(AlertSubscriptionSchema, request));
      const call = connection.serverStream(Alerts.method.subscribeAlerts, bytes);
      signal.addEventListener("abort", () => call.cancel());
      try {
        for await (const message of call) yield fromBinary(AlertSchema, message as Uint8Array);
      } catch (error) {
        if (!signal.aborted) throw errorOf(error);
      }
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

function jsonCaller({ httpAddress }: RunningServer): Caller & Disposable {
  const transport = createConnectTransport({ baseUrl: `http://${httpAddress}`, useBinaryFormat: false });
  const client = createClient(Alerts, transport) as unknown as Record<string, (request: unknown) => Promise<never>> &
    Client<typeof Alerts>;
  return {
    ask: (method, request) => client[method.localName](request).catch(rethrow),
    async *subscribe(request, signal) {
      try {
        yield* client.subscribeAlerts(request, { signal });
      } catch (error) {
        if (!signal.aborted) rethrow(error);
      }
    },
    [Symbol.dispose]: () => {},
  };
}

function rethrow(error: unknown): never {
  if (!(error instanceof ConnectError)) throw error;
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  throw new WatchpostError(statusNameOf(error.code), error.rawMessage, { violations });
}

/** How a call failed: its status and the fields it names. */
async function failure(call: Promise<unknown>): Promise<[StatusName | "OK", ...string[]]> {
  try {
    await call;
    return ["OK"];
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    expect(error.message).not.toBe("");
    return [error.status, ...error.violations.map(({ field }) => field)];
  }
}

/** A stream that is read as it comes. */
class Heard implements AsyncDisposable {
  readonly alerts: Alert[] = [];
  failed: unknown = null;
  readonly #abort = new AbortController();
  readonly #reading: Promise<void>;
  #wake = () => {};

  constructor(caller: Caller, request: Subscription) {
    this.#reading = this.#read(caller.subscribe(request, this.#abort.signal));
  }

  async #read(source: AsyncIterable<Alert>): Promise<void> {
    try {
      for await (const alert of source) {
        this.alerts.push(alert);
        this.#wake();
      }
    } catch (error) {
      this.failed = error;
      this.#wake();
    }
  }

  /** Resolves once there are so many, with all of them. */
  async until(count: number): Promise<Alert[]> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (this.alerts.length < count && this.failed === null && performance.now() < deadlineMs) {
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), Bun.sleep(100)]);
    }
    if (this.failed !== null) throw this.failed;
    expect(this.alerts.length).toBeGreaterThanOrEqual(count);
    return this.alerts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#reading;
  }
}

async function upload({ httpAddress }: RunningServer, metric: string, values: Record<string, number>): Promise<void> {
  for (const [source, value] of Object.entries(values)) {
    const response = await fetch(`http://${httpAddress}/analytics.DataIngestion/UploadBatch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source, points: [{ metricName: metric, value }] }),
    });
    expect(await response.json()).not.toHaveProperty("pointsFailed");
  }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(10);
  }
}

const dir = tempDir("alerts-service");
let rig: Rig;

beforeAll(async () => {
  rig = await start(join(dir.path, "data"));
}, 120_000);

afterAll(async () => {
  await rig.server.close();
  dir[Symbol.dispose]();
});

const hot = (name: string, more: object = {}) => ({
  rule: { name, metric: name, condition: { threshold: { above: 80 } }, ...more },
});
const M = Alerts.method;
let callers = 0;

describe.each([
  ["gRPC", grpcCaller],
  ["Connect with JSON", jsonCaller],
] as const)("over %s", (_, callerOf) => {
  let caller: Caller & Disposable;
  /** Begins the names of everything. */
  let own: string;

  beforeAll(() => {
    caller = callerOf(rig.server);
    own = `t${++callers}`;
  });

  afterAll(() => caller[Symbol.dispose]());

  test("rules are put, changed, listed by page, read and deleted", async () => {
    const name = `${own}.rules`;
    await upload(rig.server, name, { a: 1, b: 90 });
    const put = await caller.ask(M.putRule, hot(name, { for: "90s", where: ["source=*"], runbook: "https://x.io/1" }));
    expect(put).toMatchObject({ created: true, series: 2n });
    expect(put.rule).toMatchObject({ name, for: "1m30s", severity: "medium", noData: "keep", fromFile: false });
    const changed = await caller.ask(M.putRule, hot(name, { severity: "high" }));
    expect(changed).toMatchObject({ created: false, series: 2n });
    await upload(rig.server, name, { b: 91 });
    const { info } = await caller.ask(M.getRule, { name });
    expect(info).toMatchObject({ series: 2n, pending: 0n, firing: 1n });
    expect(info!.rule).toEqual(changed.rule!);
    for (const letter of ["a", "b", "c"]) await caller.ask(M.putRule, hot(`${name}.${letter}`, { disabled: true }));
    const first = await caller.ask(M.listRules, { prefix: name, limit: 3 });
    const names = (page: typeof first) => page.rules.map(({ rule }) => rule!.name.slice(name.length));
    expect([names(first), first.total, first.more]).toEqual([["", ".a", ".b"], 4n, true]);
    const second = await caller.ask(M.listRules, { prefix: name, limit: 3, after: `${name}.b` });
    expect([names(second), second.total, second.more]).toEqual([[".c"], 4n, false]);
    expect((await caller.ask(M.deleteRule, { name })).ended).toBe(1n);
    expect((await caller.ask(M.deleteRule, { name: `${name}.a` })).ended).toBe(0n);
    expect(await failure(caller.ask(M.getRule, { name }))).toEqual(["NOT_FOUND"]);
    const { alerts } = await caller.ask(M.listAlerts, { rules: [name] });
    expect(alerts).toMatchObject([{ state: AlertState.CLEARED, clearedReason: "rule_deleted" }]);
  });

  test("what is wrong with a rule is said field by field", async () => {
    expect(await failure(caller.ask(M.putRule, {}))).toEqual(["INVALID_ARGUMENT", "rule"]);
    const wrong = { name: "a b", metric: "", severity: "urgent", for: "soon", condition: {}, noData: "maybe" };
    const [status, ...fields] = await failure(caller.ask(M.putRule, { rule: wrong }));
    expect(status).toBe("INVALID_ARGUMENT");
    expect(fields.toSorted()).toEqual(
      ["rule.condition", "rule.for", "rule.metric", "rule.name", "rule.no_data", "rule.severity"].toSorted(),
    );
    expect(await failure(caller.ask(M.getRule, { name: "nowhere" }))).toEqual(["NOT_FOUND"]);
    expect(await failure(caller.ask(M.deleteRule, { name: "nowhere" }))).toEqual(["NOT_FOUND"]);
    expect(await failure(caller.ask(M.listRules, { limit: -1 }))).toEqual(["INVALID_ARGUMENT", "limit"]);
    expect(await failure(caller.ask(M.listRules, { limit: 10_001 }))).toEqual(["INVALID_ARGUMENT", "limit"]);
  });

  test("an alert fires on the stream, is worked on, and its history says who did what", async () => {
    const name = `${own}.life`;
    await caller.ask(M.putRule, hot(name, { title: "{source} is at {value}", labels: { team: "x" } }));
    await using updates = new Heard(caller, { updates: true, includeAcknowledged: true, rules: [name] });
    expect(await updates.until(1)).toMatchObject([{ snapshotEnd: true, cursor: expect.stringMatching(/./) }]);
    await upload(rig.server, name, { press: 85.5 });
    const fired = (await updates.until(2))[1];
    const { id } = fired;
    expect(fired).toMatchObject({
      title: "press is at 85.5",
      severity: "medium",
      change: AlertChange.FIRED,
      rule: name,
    });
    expect(fired.context).toEqual({
      team: "x",
      source: "press",
      device: "press",
      rule: name,
      metric: name,
      value: "85.5",
    });
    expect(fired.labels).toEqual({ team: "x", source: "press", device: "press", metric: name });
    const acknowledged = await caller.ask(M.acknowledgeAlert, { id, userId: "ann", comment: "mine" });
    expect(acknowledged.alert).toMatchObject({ id, acknowledged: true, acknowledgedBy: "ann" });
    expect(acknowledged.alert!.acknowledgedAt).toEqual(acknowledged.alert!.updatedAt!);
    expect((await caller.ask(M.assignAlert, { id, userId: "ann", assignee: "bob" })).alert!.assignee).toBe("bob");
    expect((await caller.ask(M.assignAlert, { id, userId: "ann" })).alert!.assignee).toBe("");
    const commented = await caller.ask(M.commentAlert, { id, userId: "bob", text: "ü\n<b>" });
    expect(commented.alert!.comments).toMatchObject([{ userId: "bob", text: "ü\n<b>" }]);
    const resolved = await caller.ask(M.resolveAlert, { id, userId: "bob", comment: "fixed" });
    expect(resolved.alert).toMatchObject({ state: AlertState.CLEARED, clearedReason: "by_hand", acknowledged: true });
    const { alert, events } = await caller.ask(M.getAlertHistory, { id });
    expect(alert).toEqual(resolved.alert!);
    expect(events.map(({ change, userId, text, value }) => [AlertChange[change], userId, text, value])).toEqual([
      ["FIRED", "", "", 85.5],
      ["ACKNOWLEDGED", "ann", "mine", 85.5],
      ["ASSIGNED", "ann", "bob", 85.5],
      ["ASSIGNED", "ann", "", 85.5],
      ["COMMENTED", "bob", "ü\n<b>", 85.5],
      ["CLEARED", "bob", "fixed", 85.5],
    ]);
    const heard = (await updates.until(7)).slice(1);
    expect(heard.map(({ change, removed }) => [change, removed])).toEqual(
      events.map(({ change }) => [change, change === AlertChange.CLEARED]),
    );
    // Resolving does not mute: it holds at the next sample.
    rig.clock.advance(10_000);
    await upload(rig.server, name, { press: 86 });
    const again = (await updates.until(8))[7];
    expect(again).toMatchObject({ change: AlertChange.FIRED, title: "press is at 86", acknowledged: false });
    expect(again.id).not.toBe(id);
    await using rest = new Heard(caller, {
      updates: true,
      rules: [name],
      includeAcknowledged: true,
      cursor: heard[2].cursor,
    });
    expect(await rest.until(4)).toEqual(updates.alerts.slice(4));
    expect(await failure(caller.ask(M.resolveAlert, { id }))).toEqual(["FAILED_PRECONDITION"]);
  });

  test("calls that cannot be say why", async () => {
    const name = `${own}.errors`;
    const { alert } = await caller.ask(M.publishAlert, { rule: name });
    const { id } = alert!;
    const long = "x".repeat(4_097);
    for (const method of [M.acknowledgeAlert, M.resolveAlert, M.assignAlert, M.getAlertHistory] as const) {
      expect(await failure(caller.ask(method as typeof M.getAlertHistory, { id: "nobody" }))).toEqual(["NOT_FOUND"]);
    }
    expect(await failure(caller.ask(M.commentAlert, { id: "nobody", text: "x" }))).toEqual(["NOT_FOUND"]);
    expect(await failure(caller.ask(M.publishAlert, { rule: `${name}.none`, cleared: true }))).toEqual(["NOT_FOUND"]);
    const invalid: [() => Promise<unknown>, string][] = [
      [() => caller.ask(M.commentAlert, { id, text: " \n" }), "text"],
      [() => caller.ask(M.commentAlert, { id, text: long }), "text"],
      [() => caller.ask(M.acknowledgeAlert, { id, comment: long }), "comment"],
      [() => caller.ask(M.acknowledgeAlert, { id, userId: long }), "user_id"],
      [() => caller.ask(M.resolveAlert, { id, comment: long }), "comment"],
      [() => caller.ask(M.resolveAlert, { id, userId: long }), "user_id"],
      [() => caller.ask(M.assignAlert, { id, assignee: long }), "assignee"],
      [() => caller.ask(M.publishAlert, {}), "rule"],
      [() => caller.ask(M.publishAlert, { rule: long }), "rule"],
      [() => caller.ask(M.publishAlert, { rule: name, severity: "urgent" }), "severity"],
      [() => caller.ask(M.publishAlert, { rule: name, expiresAfter: "soon" }), "expires_after"],
      [() => caller.ask(M.publishAlert, { rule: name, expiresAfter: "30d1s" }), "expires_after"],
      [() => caller.ask(M.publishAlert, { rule: name, title: long }), "title"],
      [() => caller.ask(M.publishAlert, { rule: name, description: long }), "description"],
      [() => caller.ask(M.publishAlert, { rule: name, labels: { site: "x".repeat(1_025) } }), 'labels["site"]'],
      [() => caller.ask(M.listAlerts, { limit: -1 }), "limit"],
      [() => caller.ask(M.listAlerts, { limit: 10_001 }), "limit"],
      [() => caller.ask(M.listAlerts, { page: "?" }), "page"],
      [() => caller.ask(M.listAlerts, { severities: ["low", "urgent"] }), "severities[1]"],
      [() => caller.ask(M.listAlerts, { sources: [""] }), "sources[0]"],
      [() => caller.ask(M.listAlerts, { rules: ["x".repeat(1_025)] }), "rules[0]"],
    ];
    for (const [call, field] of invalid) expect(await failure(call())).toEqual(["INVALID_ARGUMENT", field]);
    const subscribed = async (request: Subscription) => {
      const leave = new AbortController();
      return failure(
        caller
          .subscribe(request, leave.signal)
          [Symbol.asyncIterator]()
          .next()
          .finally(() => leave.abort()),
      );
    };
    expect(await subscribed({ severities: ["urgent"] })).toEqual(["INVALID_ARGUMENT", "severities[0]"]);
    expect(await subscribed({ sources: ["a", ""] })).toEqual(["INVALID_ARGUMENT", "sources[1]"]);
    expect(await subscribed({ updates: true, cursor: "?" })).toEqual(["INVALID_ARGUMENT", "cursor"]);
    const cursor = await (async () => {
      await using heard = new Heard(caller, { updates: true, rules: [name] });
      return (await heard.until(2))[1].cursor;
    })();
    expect((await subscribed({ cursor }))[0]).toBe("INVALID_ARGUMENT");
    const other = tempDir("alerts-other");
    const elsewhere = await start(join(other.path, "data"));
    using there = callerOf(elsewhere.server);
    const foreign = there.subscribe({ updates: true, cursor }, new AbortController().signal)[Symbol.asyncIterator]();
    expect((await failure(foreign.next()))[0]).toBe("OUT_OF_RANGE");
    await elsewhere.server.close();
    other[Symbol.dispose]();
    // None of this has changed the alert.
    expect((await caller.ask(M.getAlertHistory, { id })).events).toHaveLength(1);
  });

  test("published alerts are updated, not doubled, and end when it is said or nothing more is", async () => {
    const rule = `${own}.published`;
    const publish = (more: object = {}) => caller.ask(M.publishAlert, { rule, labels: { b: "2", a: "1" }, ...more });
    const { alert: first } = await publish({ value: 1, severity: "low", title: "Backup", labels: { a: "1", b: "2" } });
    expect(first).toMatchObject({ title: "Backup", severity: "low", published: true, value: 1, rule });
    const { alert: second } = await publish({ value: 2, severity: "high" });
    expect(second).toMatchObject({ id: first!.id, title: rule, severity: "high", severityMax: "high", value: 2 });
    expect(second!.createdAt).toEqual(first!.createdAt!);
    const { alert: other } = await publish({ labels: { a: "1" }, expiresAfter: "20s" });
    expect(other!.id).not.toBe(first!.id);
    const active = async () => {
      const { alerts } = await caller.ask(M.listAlerts, { rules: [rule], state: AlertState.ACTIVE });
      return alerts.map(({ id }) => id).sort();
    };
    expect(await active()).toEqual([first!.id, other!.id].sort());
    rig.clock.advance(25_000);
    await until("one has expired", async () => (await active()).length === 1);
    expect((await caller.ask(M.getAlertHistory, { id: other!.id })).alert).toMatchObject({ clearedReason: "expired" });
    const { alert: ended } = await publish({ cleared: true });
    expect(ended).toMatchObject({ id: first!.id, state: AlertState.CLEARED, clearedReason: "resolved" });
    expect(await active()).toEqual([]);
    const { alert: anew } = await publish();
    expect(anew!.id).not.toBe(first!.id);
    const { events } = await caller.ask(M.getAlertHistory, { id: first!.id });
    expect(events.map(({ change }) => AlertChange[change])).toEqual(["FIRED", "SEVERITY_ROSE", "CLEARED"]);
  });

  test("alerts are listed page by page over active and cleared ones, and by what is asked for", async () => {
    const name = `${own}.pages`;
    const list = async (more: object) => {
      const seen: string[] = [];
      let pages = 0;
      for (let page = ""; ;) {
        const answer = await caller.ask(M.listAlerts, { rules: [`${name}*`], page, ...more });
        seen.push(...answer.alerts.map((alert) => `${alert.rule.slice(name.length)} ${alert.labels["source"]}`));
        pages++;
        if (answer.nextPage === "") return { seen, pages };
        page = answer.nextPage;
      }
    };
    const beganMs = rig.clock.nowMs();
    const order: string[] = [];
    const ids: string[] = [];
    for (let i = 0; i < 12; i++) {
      rig.clock.advance(1_000);
      const labels = { source: `s${i}` };
      const severity = i % 3 === 0 ? "critical" : "low";
      const { alert } = await caller.ask(M.publishAlert, {
        rule: `${name}.${i % 2}`,
        labels,
        severity,
        expiresAfter: "10d",
      });
      if (i % 4 === 0) await caller.ask(M.acknowledgeAlert, { id: alert!.id });
      if (i < 7) await caller.ask(M.publishAlert, { rule: `${name}.${i % 2}`, labels, cleared: true });
      order.unshift(`.${i % 2} s${i}`);
      ids.push(alert!.id);
    }
    for (const limit of [1, 2, 5, 7, 12, 100]) {
      const { seen, pages } = await list({ limit });
      expect({ limit, seen }).toEqual({ limit, seen: order });
      expect(pages).toBeGreaterThanOrEqual(Math.ceil(order.length / limit));
      expect(pages).toBeLessThanOrEqual(Math.ceil(order.length / limit) + 1);
    }
    const at = (seconds: number) => ({ seconds: BigInt(beganMs / 1_000 + seconds), nanos: 0 });
    const wanted = async (more: object) => (await list({ limit: 2, ...more })).seen.map((line) => line.slice(3));
    expect(await wanted({ state: AlertState.ACTIVE })).toEqual(["s11", "s10", "s9", "s8", "s7"]);
    expect(await wanted({ state: AlertState.CLEARED })).toEqual(["s6", "s5", "s4", "s3", "s2", "s1", "s0"]);
    expect(await wanted({ severities: ["critical", "high"] })).toEqual(["s9", "s6", "s3", "s0"]);
    expect(await wanted({ sources: ["s1*", "s3"] })).toEqual(["s11", "s10", "s3", "s1"]);
    expect(await wanted({ rules: [`${name}.1`] })).toEqual(["s11", "s9", "s7", "s5", "s3", "s1"]);
    expect(await wanted({ acknowledged: true })).toEqual(["s8", "s4", "s0"]);
    expect(await wanted({ acknowledged: false, severities: ["low"] })).toEqual(["s11", "s10", "s7", "s5", "s2", "s1"]);
    expect(await wanted({ from: at(4), to: at(10) })).toEqual(["s8", "s7", "s6", "s5", "s4", "s3"]);
    for (const i of [3, 10]) expect(await wanted({ idPrefix: ids[i].slice(0, 13) })).toEqual([`s${i}`]);
    expect(await wanted({ idPrefix: ids[3].slice(1) })).toEqual([]);
  });
});

/** Alert and AlertSubscription as clients of the contract have them: its fields, and nothing of ours. */
function contractRegistry() {
  const field = (name: string, number: number, more: object = {}) => ({
    name,
    number,
    type: Type.STRING,
    label: Label.OPTIONAL,
    jsonName: name,
    ...more,
  });
  const entry = {
    name: "ContextEntry",
    field: [field("key", 1), field("value", 2)],
    options: { mapEntry: true },
  };
  const set = create(FileDescriptorSetSchema, {
    file: [
      file_google_protobuf_timestamp.proto,
      {
        name: "contract.proto",
        package: "analytics",
        syntax: "proto3",
        dependency: ["google/protobuf/timestamp.proto"],
        messageType: [
          {
            name: "Alert",
            nestedType: [entry],
            field: [
              ...["id", "title", "description", "severity"].map((name, i) => field(name, i + 1)),
              field("created_at", 5, { type: Type.MESSAGE, typeName: ".google.protobuf.Timestamp" }),
              field("context", 6, {
                type: Type.MESSAGE,
                typeName: ".analytics.Alert.ContextEntry",
                label: Label.REPEATED,
              }),
            ],
          },
          {
            name: "AlertSubscription",
            field: [
              field("severities", 1, { label: Label.REPEATED }),
              field("sources", 2, { label: Label.REPEATED }),
              field("include_acknowledged", 3, { type: Type.BOOL }),
            ],
          },
        ],
      },
    ],
  });
  const registry = createFileRegistry(set);
  return {
    alert: registry.getMessage("analytics.Alert")!,
    subscription: registry.getMessage("analytics.AlertSubscription")!,
  };
}

test("a client that knows the contract alone hears what is active, what fires and what grows graver", async () => {
  const { alert, subscription } = contractRegistry();
  using caller = grpcCaller(rig.server);
  const name = "contract.temp";
  const steps = [
    { severity: "medium", above: 80 },
    { severity: "critical", above: 95 },
  ];
  await caller.ask(M.putRule, { rule: { name, metric: name, condition: { ladder: { steps } } } });
  await upload(rig.server, name, { c1: 85, c2: 85 });
  await until("both fire", async () => (await caller.ask(M.listAlerts, { rules: [name] })).alerts.length === 2);
  const connection = new Connection(rig.server.grpcAddress);
  const request = create(subscription, { severities: ["medium", "critical"], sources: ["c1", "c3"] } as never);
  const stream = connection.serverStream(Alerts.method.subscribeAlerts, toBinary(subscription, request));
  const seen: string[] = [];
  let wake = () => {};
  stream.on("data", (bytes: Uint8Array) => {
    const message = fromBinary(alert, bytes) as unknown as Record<string, never> & { context: Record<string, string> };
    const known = ["id", "title", "description", "severity", "createdAt", "context"];
    expect(
      Object.keys(message)
        .filter((key) => !key.startsWith("$"))
        .sort(),
    ).toEqual(known.sort());
    seen.push(`${message.context["source"]} ${String(message["severity"])} ${message.context["value"]}`);
    wake();
  });
  const ended = new Promise<void>((resolve) => stream.on("error", () => resolve()));
  const hear = async (count: number) => {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (seen.length < count && performance.now() < deadlineMs) {
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), Bun.sleep(50)]);
    }
    return seen;
  };
  expect(await hear(1)).toEqual(["c1 medium 85"]);
  rig.clock.advance(5_000);
  await upload(rig.server, name, { c3: 85, c2: 99, c1: 99 });
  rig.clock.advance(5_000);
  await hear(3);
  const { alerts } = await caller.ask(M.listAlerts, { rules: [name], sources: ["c3"] });
  await caller.ask(M.acknowledgeAlert, { id: alerts[0].id });
  await upload(rig.server, name, { c3: 60, c1: 60 });
  rig.clock.advance(5_000);
  await upload(rig.server, name, { c3: 99 });
  expect(await hear(4)).toEqual(["c1 medium 85", "c3 medium 85", "c1 critical 99", "c3 critical 99"]);
  stream.cancel();
  await ended;
  connection.close();
});

test("curl alone does", async () => {
  const post = async (method: string, body: object) => {
    const response = await fetch(`http://${rig.server.httpAddress}/analytics.Alerts/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, answer: (await response.json()) as Record<string, never> };
  };
  const { status, answer } = await post("PublishAlert", { rule: "curl", labels: { site: "x" }, value: 3 });
  expect([status, answer]).toMatchObject([
    200,
    { alert: { rule: "curl", severity: "medium", context: { value: "3" } } },
  ]);
  expect(await post("GetAlertHistory", { id: "nobody" })).toMatchObject({ status: 404, answer: { code: "not_found" } });
  expect(await post("ResolveAlert", { id: answer["alert"]["id"] })).toMatchObject({ status: 200 });
  expect(await post("ResolveAlert", { id: answer["alert"]["id"] })).toMatchObject({
    status: 400,
    answer: { code: "failed_precondition" },
  });
  const wrong = await post("PutRule", { rule: { name: "curl", metric: "m", condition: { threshold: {} } } });
  expect(wrong).toMatchObject({
    status: 400,
    answer: { code: "invalid_argument", message: expect.stringMatching(/threshold/) },
  });
});

describe("rules from a file", () => {
  const GOOD = `rules:
  - name: file.hot
    metric: file
    condition: { threshold: { above: 80 } }
  - name: file.cold
    metric: file
    condition: { threshold: { below: 0 } }
`;
  const BAD = `rules:
  - name: file.hot
    metric: file
    condition: { threshold: { above: 90 } }
  - name: file.new
    metric: file
    condition: { threshold: { abov: 1 } }
`;

  async function withFile(text: string, run: (rig: Rig & { file: string; caller: Caller }) => Promise<void>) {
    using place = tempDir("rules-file");
    const file = join(place.path, "rules.yaml");
    writeFileSync(file, text);
    const own = await start(join(place.path, "data"), { WATCHPOST_ALERTS_RULES_FILE: file });
    using caller = grpcCaller(own.server);
    try {
      await run({ ...own, file, caller });
    } finally {
      await own.server.close();
    }
  }

  /** What is active, once it is written down: a moment after the points were acknowledged. */
  async function fired(caller: Caller, count: number): Promise<Alert[]> {
    let alerts: Alert[] = [];
    await until(`${count} alerts`, async () => {
      ({ alerts } = await caller.ask(M.listAlerts, { state: AlertState.ACTIVE }));
      return alerts.length === count;
    });
    return alerts;
  }

  const names = async (caller: Caller) =>
    (await caller.ask(M.listRules, {})).rules.map(({ rule }) => `${rule!.name}${rule!.fromFile ? " file" : ""}`);

  /** Another file in its place, as editors and configuration management do; resolves once that was heard of. */
  async function replace({ file, clock, told }: Rig & { file: string }, text: string): Promise<string> {
    const before = told.length;
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    clock.advance(LOOK_EVERY_MS);
    const heard = () => told.slice(before).find((sentence) => sentence.includes("the rules file"));
    await until("the file is read", () => heard() !== undefined);
    return heard()!;
  }

  test("are read-only by calls, beside those that calls put", async () => {
    await withFile(GOOD, async ({ caller, server }) => {
      await caller.ask(M.putRule, hot("mine"));
      expect(await names(caller)).toEqual(["file.cold file", "file.hot file", "mine"]);
      expect(await failure(caller.ask(M.putRule, hot("file.hot")))).toEqual(["FAILED_PRECONDITION"]);
      expect(await failure(caller.ask(M.deleteRule, { name: "file.hot" }))).toEqual(["FAILED_PRECONDITION"]);
      await upload(server, "file", { a: 85 });
      expect(await fired(caller, 1)).toMatchObject([{ rule: "file.hot" }]);
    });
  });

  test("change with the file: what is the same goes on, what is gone ends", async () => {
    await withFile(GOOD, async (own) => {
      const { caller, server } = own;
      await upload(server, "file", { a: 85, b: -5 });
      const active = async (count: number) =>
        (await fired(caller, count)).map(({ rule, labels, id }) => `${rule} ${labels["source"]} ${id}`).sort();
      const [cold, warm] = await active(2);
      const said = await replace(
        own,
        GOOD.replace("name: file.cold", "name: file.cool").replace("metric: file", "title: x\n    metric: file"),
      );
      expect(said).toContain("its rules are in force");
      expect(await names(caller)).toEqual(["file.cool file", "file.hot file"]);
      expect(await active(1)).toEqual([warm]);
      const { alerts } = await caller.ask(M.listAlerts, { state: AlertState.CLEARED });
      expect(alerts).toMatchObject([{ rule: "file.cold", clearedReason: "rule_deleted" }]);
      expect(cold).toContain(alerts[0].id);
      expect((await caller.ask(M.getRule, { name: "file.hot" })).info!.rule!.title).toBe("x");
    });
  });

  test("stay when the file becomes wrong, which is said with file, line and column, or goes; and follow it again", async () => {
    await withFile(GOOD, async (own) => {
      const { caller, file, server } = own;
      await upload(server, "file", { a: 85 });
      const before = await fired(caller, 1);
      const said = await replace(own, BAD);
      expect(said).toContain("the rules before stay");
      expect(said).toContain(`${file}:7:`);
      expect(said).toContain("rules[1].condition.threshold.abov is unknown; did you mean above?");
      expect(await names(caller)).toEqual(["file.cold file", "file.hot file"]);
      expect((await caller.ask(M.getRule, { name: "file.hot" })).info!.rule!.condition!.threshold!.above).toBe(80);
      expect(await fired(caller, 1)).toEqual(before);
      expect(await replace(own, "rules: [")).toContain(`${file}:1:`);
      expect(await replace(own, BAD.replace("abov:", "above:"))).toContain("in force");
      expect(await names(caller)).toEqual(["file.hot file", "file.new file"]);
    });
  });

  test("of a name that a call has put are refused with file, line and column, and nothing changes", async () => {
    await withFile(GOOD, async (own) => {
      const { caller, file } = own;
      await caller.ask(M.putRule, hot("mine"));
      const said = await replace(own, GOOD.replace("file.cold", "mine"));
      expect(said).toContain("the rules before stay");
      expect(await names(caller)).toEqual(["file.cold file", "file.hot file", "mine"]);
      expect(said).toContain(`${file}:5:`);
    });
  });

  test("say who would have been told of what a draft would have done, and nobody is", async () => {
    let asked = 0;
    const hook = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(`${++asked}`) });
    const told = `${GOOD}    disabled: true
route: { receiver: ops }
receivers:
  - { name: ops, webhook: { url: "http://127.0.0.1:${hook.port}/" } }
  - { name: anna, webhook: { url: "http://127.0.0.1:${hook.port}/" } }
schedules: [{ name: on-call, rotation: daily, start: "2026-01-01", participants: [anna] }]
escalations: [{ name: plant, steps: [{ after: 5m, notify: on-call, raise_severity: critical }] }]
`;
    await withFile(told, async ({ caller, server }) => {
      const at = (minute: number) => ({ seconds: BigInt(START_MS / 1_000 - 3_600 + minute * 60), nanos: 0 });
      const points = [70, 90, 91, 91, 91, 91, 91, 91, 91, 70].map((value, minute) => {
        return { metricName: "draft", value, timestamp: new Date(Number(at(minute).seconds) * 1_000).toISOString() };
      });
      const response = await fetch(`http://${server.httpAddress}/analytics.DataIngestion/UploadBatch`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ source: "a", points }),
      });
      expect(await response.json()).toMatchObject({ pointsProcessed: `${points.length}` });
      using json = jsonCaller(server);
      for (const each of [caller, json]) {
        const request = { ...hot("draft", { escalation: "plant" }), from: at(0), to: at(30) };
        const answer = await each.ask(M.testRule, request);
        expect(answer).toMatchObject({
          hasReceivers: true,
          episodes: [
            { firedAt: at(1), clearedAt: at(9), toldAt: { seconds: at(1).seconds + 30n }, severity: "critical" },
          ],
          notifications: [
            { receiver: "ops", channel: "webhook", reason: "first", status: "firing", alertsTotal: 1n },
            { receiver: "anna", reason: "escalated", at: at(6), groupLabels: { incident: "1" } },
            { receiver: "ops", reason: "rose", alerts: [{ severity: "critical", resolved: false }] },
            { receiver: "anna", reason: "resolved", at: at(9), status: "resolved", groupLabels: { incident: "1" } },
            { receiver: "ops", reason: "resolved", status: "resolved", alerts: [{ resolved: true }] },
          ],
          notificationsTotal: 5n,
          notificationsByReceiver: { ops: 3n, anna: 2n },
          escalations: [
            { at: at(6), policy: "plant", step: 1, loop: 1, receivers: ["anna"], raisedSeverity: "critical" },
          ],
          escalationsTotal: 1n,
        });
        expect(answer.notifications[0].alerts[0].labels).toMatchObject({ alertname: "draft", severity: "medium" });
        expect(await failure(each.ask(M.testRule, { ...request, toldMax: -1 }))).toEqual([
          "INVALID_ARGUMENT",
          "told_max",
        ]);
      }
      expect((await caller.ask(M.listAlerts, {})).alerts).toEqual([]);
    });
    await hook.stop(true);
    expect(asked).toBe(0);
  });

  test("that are wrong at the start end it, with file, line and column; so does a file that is not there", async () => {
    using place = tempDir("rules-start");
    const file = join(place.path, "rules.yaml");
    const data = join(place.path, "data");
    const env = { WATCHPOST_ALERTS_RULES_FILE: file };
    const startup = () => startServerProcess({ data, env }).then((server) => server.stop(), String);
    expect(await startup()).toContain(`the rules file ${file} cannot be read`);
    writeFileSync(file, BAD);
    const said = await startup();
    expect(said).toContain(`${file}:7:`);
    expect(said).toContain("did you mean above?");
    writeFileSync(file, GOOD);
    expect(await startup()).toBe(0);
  }, 120_000);
});
