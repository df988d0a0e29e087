/** Actions in a session of a whole server: what is done in chat is done, and everybody hears of it. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer, type RunningServer } from "../../src/app.ts";
import { ask } from "../../src/client/ask.ts";
import { Connection } from "../../src/client/connection.ts";
import { loadConfig } from "../../src/config/load.ts";
import { AlertChange, Alerts, AlertSchema, AlertSubscriptionSchema, type Alert } from "../../src/wire/gen/alerts_pb.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  type CollaborationMessage,
} from "../../src/wire/gen/collaboration_pb.ts";
import { spawn } from "../log/harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const PATIENCE_MS = 60_000;

type Said = MessageInitShape<typeof CollaborationMessageSchema>;

const dir = tempDir("session-actions");
const clock = new ManualClock();
/** Devices that escalation has told of. */
const escalated: string[] = [];
let webhook: ReturnType<typeof Bun.serve>;
let server: RunningServer;
let connection: Connection;

beforeAll(async () => {
  webhook = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { alerts } = (await request.json()) as { alerts: { labels: { device: string } }[] };
      escalated.push(...alerts.map(({ labels }) => labels.device));
      return new Response("");
    },
  });
  const rules = join(dir.path, "rules.yaml");
  writeFileSync(
    rules,
    `rules:
  - { name: hot, metric: temp, severity: high, condition: { threshold: { above: 80 } }, escalation: plant }
route: { receiver: nobody }
receivers:
  - { name: nobody }
  - { name: anna, webhook: { url: "http://127.0.0.1:${webhook.port}/" } }
escalations:
  - { name: plant, steps: [{ after: 10m, notify: anna }] }
`,
  );
  const flags = { data: join(dir.path, "data"), grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const env = { WATCHPOST_ALERTS_RULES_FILE: rules };
  const { config } = loadConfig({ env, flags, machineMemoryBytes: 2 ** 31 });
  const logger = { info() {}, warn() {}, error() {}, debug() {} };
  const onFatal = (error: Error) => {
    throw error;
  };
  server = await startServer(config, { spawn, logger, clock, onFatal });
  connection = new Connection(server.grpcAddress);
}, 120_000);

afterAll(async () => {
  connection.close();
  await server.close();
  await webhook.stop(true);
  dir[Symbol.dispose]();
});

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(10);
  }
}

/** A stream of a session. */
class Joined implements Disposable {
  readonly heard: CollaborationMessage[] = [];
  readonly #call = connection.bidiStream(Collaboration.method.joinSession);

  constructor(userId: string) {
    this.#call.on("data", (bytes: Uint8Array) => this.heard.push(fromBinary(CollaborationMessageSchema, bytes)));
    this.#call.on("error", () => {});
    this.say({ userId, sessionId: "press" });
  }

  say(message: Said): void {
    this.#call.write(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message)));
  }

  act(metadata: Record<string, string>, message = ""): void {
    this.say({ messageType: "action", message, metadata });
  }

  async hears(what: string, isIt: (message: CollaborationMessage) => boolean): Promise<CollaborationMessage> {
    await until(what, () => this.heard.some(isIt));
    return this.heard.find(isIt)!;
  }

  [Symbol.dispose](): void {
    this.#call.cancel();
  }
}

function asked<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  return ask(connection, method, request, {});
}

async function upload(values: Record<string, number>): Promise<void> {
  for (const [source, value] of Object.entries(values)) {
    const response = await fetch(`http://${server.httpAddress}/analytics.DataIngestion/UploadBatch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ source, points: [{ metricName: "temp", value }] }),
    });
    expect(await response.json()).not.toHaveProperty("pointsFailed");
  }
}

test("an alert that is acknowledged in a session is acknowledged for everybody, and escalates no more", async () => {
  const alerts: Alert[] = [];
  const subscription = create(AlertSubscriptionSchema, { updates: true, includeAcknowledged: true });
  const stream = connection.serverStream(
    Alerts.method.subscribeAlerts,
    toBinary(AlertSubscriptionSchema, subscription),
  );
  stream.on("data", (bytes: Uint8Array) => alerts.push(fromBinary(AlertSchema, bytes)));
  stream.on("error", () => {});
  using ann = new Joined("ann");
  using bob = new Joined("bob");
  await until("both are here", () => bob.heard.length > 0 && ann.heard.length > 0);
  await upload({ a: 90, b: 91 });
  await until("both fire", () => alerts.filter(({ change }) => change === AlertChange.FIRED).length === 2);
  const [a, b] = ["a", "b"].map((source) => alerts.find(({ labels }) => labels["source"] === source)!.id);

  ann.act({ action: "acknowledge", alert_id: a.slice(0, 12), client_message_id: "1" }, "on my way");
  const told = await bob.hears("the action", ({ messageType }) => messageType === "action");
  expect(told).toMatchObject({ userId: "ann", message: "on my way", sessionId: "press" });
  expect(told.number).toBeGreaterThan(0n);
  expect(told.metadata).toMatchObject({
    action: "acknowledge",
    result: "acknowledged high alert ‘temp of a is 90’",
    alert_id: a,
    title: "temp of a is 90",
    severity: "high",
  });
  await until("it is told", () => alerts.some(({ change }) => change === AlertChange.ACKNOWLEDGED));
  expect(alerts.filter(({ change }) => change === AlertChange.ACKNOWLEDGED)).toMatchObject([
    { id: a, acknowledged: true, acknowledgedBy: "ann", acknowledgedComment: "on my way" },
  ]);

  const confirmed = await ann.hears("that it is done", ({ metadata }) => metadata["event"] === "confirmed");
  expect(confirmed.metadata).toMatchObject({ client_message_id: "1", result: told.metadata["result"], alert_id: a });

  // Sent again it is done once.
  ann.act({ action: "acknowledge", alert_id: a.slice(0, 12), client_message_id: "1" }, "on my way");
  await until(
    "it is confirmed twice",
    () => ann.heard.filter(({ metadata }) => metadata["event"] === "confirmed").length === 2,
  );
  // And whoever did it hears what came of it.
  const [first] = ann.heard.filter(({ metadata }) => metadata["event"] === "confirmed");
  expect(first).toMatchObject({ message: "on my way", metadata: { title: "temp of a is 90", severity: "high" } });
  const history = await asked(Alerts.method.getAlertHistory, { id: a });
  expect(history.events.map(({ change, userId }) => [change, userId])).toEqual([
    [AlertChange.FIRED, ""],
    [AlertChange.ACKNOWLEDGED, "ann"],
  ]);

  // The other one is nobody's: it escalates.
  await until("the other one escalates", () => {
    clock.advance(10_000);
    return escalated.length > 0;
  });
  for (let i = 0; i < 20; i++) {
    clock.advance(10_000);
    await Bun.sleep(5);
  }
  expect(new Set(escalated)).toEqual(new Set(["b"]));
  const { alerts: listed } = await asked(Alerts.method.listAlerts, { idPrefix: b });
  expect(listed).toMatchObject([{ acknowledged: false }]);
  stream.cancel();
});

test("an action that is refused costs only itself", async () => {
  using cid = new Joined("cid");
  cid.act({ action: "acknowledge", alert_id: "nobody", client_message_id: "x" });
  const refused = await cid.hears("the refusal", ({ metadata }) => metadata["error"] !== undefined);
  expect(refused).toMatchObject({
    messageType: "system",
    message: 'there is no alert "nobody"',
    metadata: { error: "NOT_FOUND", client_message_id: "x" },
  });
  cid.act({ action: "dance" });
  const unknown = await cid.hears("the other refusal", ({ metadata }) => metadata["error"] === "INVALID_ARGUMENT");
  expect(unknown.message).toStartWith('metadata.action is "dance"; wanted acknowledge, resolve,');
  cid.say({ message: "then not", metadata: { client_message_id: "y" } });
  await cid.hears("that the stream goes on", ({ metadata }) => metadata["event"] === "confirmed");
  const { messages } = await asked(Collaboration.method.listMessages, { sessionId: "press" });
  expect(messages.filter(({ userId, messageType }) => userId === "cid" && messageType !== "system")).toMatchObject([
    { message: "then not", messageType: "chat" },
  ]);
});

test("the browser's way does the same, and answers with the result", async () => {
  await upload({ c: 92 });
  let id = "";
  await until("it fires", async () => {
    const { alerts } = await asked(Alerts.method.listAlerts, { sources: ["c"] });
    id = alerts[0]?.id ?? "";
    return id !== "";
  });
  const action = {
    userId: "dan",
    sessionId: "press",
    messageType: "action",
    metadata: { action: "resolve", alert_id: id },
  };
  const { message } = await asked(Collaboration.method.sendMessage, action);
  expect(message!.metadata["result"]).toBe("resolved high alert ‘temp of c is 92’");
  const { events } = await asked(Alerts.method.getAlertHistory, { id });
  expect(events.at(-1)).toMatchObject({ change: AlertChange.CLEARED, userId: "dan" });
});

test("a stream that says nothing is ended", async () => {
  const call = connection.bidiStream(Collaboration.method.joinSession);
  let ended: { readonly code: number; readonly details: string } | undefined;
  call.on("data", () => {});
  call.on("error", (error: unknown) => (ended = error as typeof ended));
  await until("it ends", () => {
    clock.advance(1_000);
    return ended !== undefined;
  });
  expect(ended).toMatchObject({ code: 4, details: expect.stringContaining("nothing came for 10 s") });
});
