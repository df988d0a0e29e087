/** kill -9 while alerts fire: what stood stands, and every point that was stored has been judged exactly once. */
import {
  fromBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../../src/client/ask.ts";
import { encodeBatch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { followAlerts } from "../../src/client/follow-alerts.ts";
import { queryRange } from "../../src/client/query.ts";
import { AlertChange, Alerts, AlertState, type Alert } from "../../src/wire/gen/alerts_pb.ts";
import { BatchAckSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { ownPort } from "../support/own-port.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const PATIENCE_MS = 60_000;
const M = Alerts.method;

/** A server that is killed and started again under its address, and one connection to it. */
class Victim implements AsyncDisposable {
  readonly connection: Connection;
  readonly #data: string;
  readonly #env: Record<string, string>;
  #server: ServerProcess;

  private constructor(server: ServerProcess, data: string, env: Record<string, string>) {
    this.#server = server;
    this.#data = data;
    this.#env = env;
    this.connection = new Connection(server.grpc);
  }

  static async start(data: string, env: Record<string, string> = {}): Promise<Victim> {
    const args = ["--grpc", `127.0.0.1:${ownPort()}`];
    return new Victim(await startServerProcess({ data, env, args }), data, env);
  }

  get log(): Record<string, unknown>[] {
    return this.#server.log();
  }

  /** `dying`: to be awaited in between. */
  async restart(dying?: Promise<unknown>): Promise<void> {
    this.#server.kill("SIGKILL");
    await this.#server.exited;
    await dying;
    const args = ["--grpc", this.#server.grpc];
    this.#server = await startServerProcess({ data: this.#data, env: this.#env, args });
    await waitFor("the server answers", () =>
      this.ask(M.listRules, {}).then(
        () => true,
        () => false,
      ),
    );
  }

  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return ask(this.connection, method, request, { deadlineMs: PATIENCE_MS });
  }

  async send(metric: string, values: Readonly<Record<string, number>>): Promise<void> {
    const points = Object.entries(values).map(([device, value]) => ({ metric, value, tags: { device } }));
    const { bytes } = encodeBatch(points, "gw");
    const answer = await this.connection.unary(DataIngestion.method.uploadBatch, bytes, { deadlineMs: PATIENCE_MS });
    expect(answer.length).toBeGreaterThan(0);
  }

  async all(more: MessageInitShape<typeof M.listAlerts.input> = {}): Promise<Alert[]> {
    const found: Alert[] = [];
    for (let page = ""; ;) {
      const { alerts, nextPage } = await this.ask(M.listAlerts, { ...more, page, limit: 10_000 });
      found.push(...alerts);
      if (nextPage === "") return found;
      page = nextPage;
    }
  }

  async histories(alerts: readonly Alert[]) {
    return Promise.all(alerts.map(({ id }) => this.ask(M.getAlertHistory, { id })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.close();
    await this.#server.stop();
  }
}

async function waitFor(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(20);
  }
}

/** Follows all changes over restarts until it is closed. */
class Follower implements AsyncDisposable {
  readonly changes: Alert[] = [];
  cursor = "";
  #leave = new AbortController();
  readonly #reading: Promise<void>;

  constructor(connection: Connection, cursor = "") {
    this.#reading = this.#read(connection, cursor);
  }

  async #read(connection: Connection, cursor: string): Promise<void> {
    const { signal } = this.#leave;
    for await (const news of followAlerts(connection, { includeAcknowledged: true, cursor }, { signal })) {
      if (news.kind === "change") this.changes.push(news.alert);
      this.cursor = news.kind === "change" ? news.alert.cursor : news.cursor;
    }
  }

  said(): string[] {
    return this.changes.map(({ rule, labels, change }) => `${rule} ${labels["device"]} ${AlertChange[change]}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#reading.catch(() => {});
  }
}

const above = (at: number) => ({ threshold: { above: at } });

test("what fires, waits, was acknowledged and published stands as it stood, and goes on", async () => {
  using dir = tempDir("alerts-kill");
  const file = join(dir.path, "rules.yaml");
  writeFileSync(file, "rules: [{ name: filed, metric: t, condition: { threshold: { above: 80 } } }]");
  await using victim = await Victim.start(join(dir.path, "data"), { WATCHPOST_ALERTS_RULES_FILE: file });
  const [holdMs, heldMs] = [12_000, 5_000];
  await victim.ask(M.putRule, { rule: { name: "hot", metric: "t", condition: above(80), severity: "high" } });
  await victim.ask(M.putRule, { rule: { name: "held", metric: "t", condition: above(90), for: "12s" } });
  await victim.ask(M.putRule, { rule: { name: "gone", metric: "t", condition: above(1) } });
  await victim.ask(M.deleteRule, { name: "gone" });
  await using follower = new Follower(victim.connection);
  await waitFor("the snapshot", () => follower.cursor !== "");
  await victim.send("t", { a: 85, b: 95 });
  const sinceMs = Date.now();
  const { alert: published } = await victim.ask(M.publishAlert, {
    rule: "backup",
    labels: { device: "x" },
    expiresAfter: "1h",
  });
  await waitFor("it fires", () => follower.said().includes("hot b FIRED"));
  const alertOf = (rule: string, device: string) =>
    follower.changes.find((alert) => alert.rule === rule && alert.labels["device"] === device)!;
  const { id } = alertOf("hot", "a");
  await victim.ask(M.acknowledgeAlert, { id, userId: "ann", comment: "on it" });
  await victim.ask(M.assignAlert, { id, userId: "ann", assignee: "bob" });
  await victim.ask(M.commentAlert, { id, userId: "bob", text: "hm" });
  await victim.send("t", { b: 85 });
  await victim.send("t", { b: 96 });
  const heldSinceMs = Date.now();
  // What comes shows that the server lived until then.
  await Bun.sleep(heldMs);
  await victim.send("other", { z: 1 });
  await victim.send("t", { c: 85 });
  await victim.send("t", { c: 70 });
  await waitFor("all is heard", () => follower.said().filter((line) => line.endsWith("CLEARED")).length === 2);
  const before = await victim.all();
  const told = await victim.histories(before);
  const heard = follower.said();
  const { cursor } = follower;
  await victim.restart();
  const restartedMs = Date.now();
  const rules = await victim.ask(M.listRules, {});
  expect(rules.rules.map(({ rule, pending, firing }) => [rule!.name, pending, firing])).toEqual([
    ["filed", 0n, 2n],
    ["held", 1n, 0n],
    ["hot", 0n, 2n],
  ]);
  expect(await victim.all()).toEqual(before);
  expect(await victim.histories(before)).toEqual(told);
  expect(before.find((alert) => alert.id === id)).toMatchObject({
    acknowledgedBy: "ann",
    assignee: "bob",
    comments: [{ userId: "bob", text: "hm" }],
  });
  await waitFor("the hold ends", () => follower.said().includes("held b FIRED"));
  const firedMs = Date.now();
  // The time it had waited counts, that in which nobody lived does not.
  expect(firedMs - restartedMs).toBeLessThan(holdMs);
  expect(firedMs - heldSinceMs).toBeGreaterThanOrEqual(holdMs - 1_000);
  expect(sinceMs).toBeLessThan(firedMs);
  // Updated, not doubled; and what fired goes on and ends.
  const again = await victim.ask(M.publishAlert, { rule: "backup", labels: { device: "x" }, value: 2 });
  expect(again.alert).toMatchObject({ id: published!.id, value: 2 });
  await victim.send("t", { a: 70, b: 70 });
  await waitFor("all have ended", () => follower.said().filter((line) => line.endsWith("CLEARED")).length === 7);
  expect(follower.said().slice(heard.length).toSorted()).toEqual(
    [
      "backup x UPDATED",
      ...["filed a", "filed b", "held b", "hot a", "hot b"].map((who) => `${who} CLEARED`),
      "held b FIRED",
    ].toSorted(),
  );
  await using resumed = new Follower(victim.connection, cursor);
  await waitFor("it has gone on", () => resumed.changes.length === 7);
  expect(resumed.changes).toEqual(follower.changes.slice(heard.length));
}, 180_000);

const LADDER = [
  { severity: "medium", above: 80 },
  { severity: "high", above: 90 },
  { severity: "critical", above: 95 },
];
const RULES = [
  { name: "hot", condition: above(80) },
  { name: "ladder", condition: { ladder: { steps: LADDER } } },
  { name: "often", condition: { nOfM: { n: 2, m: 3, above: 80 } } },
];

/** What the rules say of the values of a series, by rule: the changes of one alert after the other. */
function expectedOf(values: readonly number[]): Record<string, string[]> {
  const said: Record<string, string[]> = { hot: [], ladder: [], often: [] };
  let [isHot, isOften, shown] = [false, false, 0];
  for (const [i, value] of values.entries()) {
    if (value > 80 !== isHot) said["hot"].push((isHot = value > 80) ? `FIRED medium ${value}` : "CLEARED medium");
    const level = LADDER.filter((step) => value > step.above).length;
    if (level !== shown) {
      const change =
        shown === 0 ? "FIRED" : level === 0 ? "CLEARED" : level > shown ? "SEVERITY_ROSE" : "SEVERITY_FELL";
      said["ladder"].push(`${change} ${LADDER[(level || shown) - 1].severity}`);
      shown = level;
    }
    const over = values.slice(Math.max(0, i - 2), i + 1).filter((one) => one > 80).length;
    if (over >= 2 !== isOften) said["often"].push(`${(isOften = over >= 2) ? "FIRED" : "CLEARED"} medium`);
  }
  return said;
}

test("killed at any time, again and again: every stored point is judged once, and nothing is told twice", async () => {
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1) || Date.now();
  console.log(`alerts kill: seed ${seed}`);
  const random = randomOf(seed);
  const [kills, devices] = [4, 12];
  using dir = tempDir("alerts-kills");
  await using victim = await Victim.start(join(dir.path, "data"), { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000" });
  for (const rule of RULES) await victim.ask(M.putRule, { rule: { metric: "t", ...rule } });
  await using follower = new Follower(victim.connection);
  await waitFor("the snapshot", () => follower.cursor !== "");
  const values = Array.from({ length: devices }, () => 70);
  const acknowledged = new Set<string>();
  let lastUs = 0;
  let acked = 0;

  /** Points of some series, of a moment ago, each later than those before. */
  function nextBatch(): Uint8Array {
    lastUs = Math.max(lastUs + 1, (Date.now() - 1_000) * 1_000);
    const points = values.flatMap((value, i) => {
      if (random() < 0.5) return [];
      if (random() < 0.04) values[i] = value = [70, 75, 81, 85, 92, 97][Math.floor(random() * 6)];
      return [{ metric: "t", value, timeUs: lastUs, tags: { device: String(i) } }];
    });
    return points.length === 0 ? nextBatch() : encodeBatch(points, "gw").bytes;
  }

  /** Sends until the server is gone. */
  function sendUntilDeath(): Promise<void> {
    const call = victim.connection.bidiStream(DataIngestion.method.streamData);
    return new Promise((resolve) => {
      const pump = setInterval(() => call.write(nextBatch()), 4);
      call.on("data", (bytes: Uint8Array) => (acked += Number(fromBinary(BatchAckSchema, bytes).batches > 0n)));
      call.on("error", () => {
        clearInterval(pump);
        resolve();
      });
    });
  }

  for (let kill = 0; kill < kills; kill++) {
    const sending = sendUntilDeath();
    await Bun.sleep(200 + random() * 600);
    // Some are acknowledged shortly before the end.
    const active = await victim.all({ state: AlertState.ACTIVE, rules: ["hot"] });
    for (const { id } of active.slice(0, 3)) {
      await victim.ask(M.acknowledgeAlert, { id, userId: "ann" });
      acknowledged.add(id);
    }
    await victim.ask(M.publishAlert, { rule: "beat", labels: { device: "x" }, value: kill, expiresAfter: "1h" });
    if (random() < 0.5) await Bun.sleep(random() * 300);
    await victim.restart(sending);
  }
  const hint = `seed ${seed}`;
  const { series } = await queryRange(victim.connection, { metric: "t" });
  const expected = new Map<string, string[]>();
  let points = 0;
  for (const { values: stored, device } of series) {
    points += stored.length;
    for (const [rule, said] of Object.entries(expectedOf(stored))) {
      if (said.length > 0) expected.set(`${rule} ${device}`, said);
    }
  }
  expect(points).toBeGreaterThan(500);
  expect(acked).toBeGreaterThan(0);
  let found = new Map<string, string[]>();
  const look = async () => {
    const alerts = (await victim.all()).filter(({ published }) => !published).reverse();
    found = new Map();
    for (const { alert, events } of await victim.histories(alerts)) {
      const key = `${alert!.rule} ${alert!.labels["device"]}`;
      const said = events.flatMap(({ change, severity, value }) => {
        const name = AlertChange[change];
        if (!/FIRED|CLEARED|SEVERITY/.test(name)) return [];
        return [`${name} ${severity}${alert!.rule === "hot" && name === "FIRED" ? ` ${value}` : ""}`];
      });
      found.set(key, [...(found.get(key) ?? []), ...said]);
    }
    return Bun.deepEquals(sorted(found), sorted(expected));
  };
  await waitFor("everything is judged", look).catch(() => {});
  expect({ hint, found: sorted(found) }).toEqual({ hint, found: sorted(expected) });

  // One at a time, and none forgotten.
  const active = await victim.all({ state: AlertState.ACTIVE });
  const names = active.map(({ rule, labels }) => `${rule} ${labels["device"]}`);
  expect({ hint, doubles: names.filter((name, i) => names.indexOf(name) < i) }).toEqual({ hint, doubles: [] });
  expect(active.filter(({ published }) => published)).toMatchObject([{ rule: "beat", value: kills - 1 }]);
  const all = await victim.all();
  const lost = [...acknowledged].filter((id) => all.find((alert) => alert.id === id)?.acknowledgedBy !== "ann");
  expect({ hint, lost }).toEqual({ hint, lost: [] });

  // The stream said each once, also that somebody acknowledged what had ended already.
  const isSilence = (change: AlertChange) => change === AlertChange.STALE || change === AlertChange.HEARD;
  const events = (await victim.histories(all)).flatMap(({ alert, events: told }) =>
    told.filter(({ change }) => !isSilence(change)).map(({ change }) => `${alert!.id} ${AlertChange[change]}`),
  );
  const heardOf = () => follower.changes.filter(({ change }) => !isSilence(change));
  await waitFor("the stream has caught up", () => heardOf().length >= events.length).catch(() => {});
  const heard = heardOf().map(({ id, change }) => `${id} ${AlertChange[change]}`);
  expect({ hint, heard: heard.toSorted() }).toEqual({ hint, heard: events.toSorted() });
  expect(victim.log.filter(({ level, err }) => err !== undefined || level === "error")).toEqual([]);
}, 180_000);

function sorted(map: ReadonlyMap<string, string[]>): [string, string[]][] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
