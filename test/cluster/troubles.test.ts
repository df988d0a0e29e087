/** Two nodes in processes of their own whose Redis is slow, then full, and that do not reach each other while both reach it. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { allAlerts } from "../../src/client/alerts.ts";
import { ask } from "../../src/client/ask.ts";
import type { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { putRule } from "../../src/client/rules.ts";
import { createSession, lastMessages, sendMessage } from "../../src/client/sessions.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../src/wire/gen/grpc/health/v1/health_pb.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import { ownPort } from "../support/own-port.ts";
import { tempDir } from "../support/server-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { startNode, Uploader } from "./node-process.ts";
import { askRedis } from "./redis-kinds.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { until } from "./until.ts";

const [COOL, HOT] = [20, 95];
const WITHIN_MS = 60_000;
const SLOW_MS = 200;

test.skipIf(!hasRedis)(
  "a Redis that is slow or full, and nodes that do not reach each other, cost what is said, and nothing that was acknowledged",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir("troubles"));
    const redis = stack.use(await startRedis());
    const proxy = async (target: string) => {
      const made = await startTcpProxy(target);
      stack.defer(() => made.close());
      return made;
    };
    const toRedis = await proxy(`127.0.0.1:${redis.port}`);
    const addresses = ["a", "b"].map(() => `127.0.0.1:${ownPort()}`);
    const between = await Promise.all(addresses.map(proxy));
    const redisUrl = `redis://${toRedis.address}`;
    const nodes = await Promise.all(
      ["a", "b"].map((name, i) => {
        // What is missing on the other node is not read from Redis.
        const env = { WATCHPOST_REDIS_ADVERTISE: between[i].address, WATCHPOST_REDIS_RECENT_WINDOW: "0s" };
        return startNode({ name, dir: dir.path, redisUrl, grpc: addresses[i], env });
      }),
    );
    for (const node of nodes) stack.defer(() => node.kill());
    const calls = nodes.map((node) => {
      const connection = node.connect();
      stack.defer(() => connection.close());
      return connection;
    });
    const listed = (call: Connection) => ask(call, Nodes.method.listNodes, {}, { deadlineMs: 5_000 });
    const eventually = (what: string, holds: () => Promise<boolean>) => {
      let said = "";
      const isSo = () => holds().catch((error: unknown) => ((said = errorOf(error).message), false));
      return until(what, isSo, WITHIN_MS).catch((error: unknown) => {
        throw new Error(`${String(error)}; the last call said: ${said}`);
      });
    };
    let desk = -1;
    await eventually("both know both, and which is the desk", async () => {
      const lists = await Promise.all(calls.map(listed));
      desk = nodes.findIndex(({ name }) => name === lists[0].nodes.find(({ isDesk }) => isDesk)?.name);
      return desk >= 0 && lists.every((list) => list.nodes.length === 2 && list.nodes.some(({ isDesk }) => isDesk));
    });
    const [onDesk, onOther] = [calls[desk], calls[1 - desk]];
    await putRule(onOther, {
      ...{ name: "hot", metric: "temperature", severity: "critical" },
      condition: { threshold: { above: 50 } },
    });
    await createSession(onOther, { sessionId: "room", title: "Room" });
    const fromMs = Date.now() - 3_600_000;
    const uploaders = nodes.map((node, i) => new Uploader(node.connect(), `plant-${i}`, fromMs, 50));
    /** The newest value of a plant that a node shows. */
    const shown = calls.map((call) => {
      const newest = new Map<string, number>();
      const request = { metricNames: ["count"], mode: UpdateMode.ON_CHANGE };
      const reading = (async () => {
        for await (const { metrics } of subscribe(call, request)) {
          for (const { source, value } of metrics) newest.set(source, value);
        }
      })();
      reading.catch(() => {});
      return newest;
    });
    const liveGoesOn = (when: string) =>
      Promise.all(
        shown.map((newest, i) => {
          const at = uploaders[1 - i].acked;
          return until(`node ${i} shows what comes to the other one ${when}`, () => newest.get(`plant-${1 - i}`)! > at);
        }),
      );
    const uploadsGoOn = (when: string) =>
      Promise.all(
        uploaders.map(({ acked }, i) => until(`node ${i} takes points ${when}`, () => uploaders[i].acked > acked + 20)),
      );
    let spoken = 0;
    const say = (call: Connection, text: string) =>
      sendMessage(
        call,
        { sessionId: "room", userId: "ann", clientMessageId: text, draft: { message: text } },
        { deadlineMs: 10_000 },
      );
    const speak = async () => {
      for (const call of [onOther, onDesk]) await say(call, `message ${spoken++}`);
    };
    const alertsOn = async (call: Connection) =>
      (await Array.fromAsync(allAlerts(call, {}, { deadlineMs: 5_000 }))).map(
        ({ id, state }) => `${id} ${AlertState[state]}`,
      );
    let episodes = 0;
    const isTold = (call: Connection, state: AlertState) =>
      eventually(`episode ${episodes} is ${AlertState[state]}`, async () => {
        const alerts = await alertsOn(call);
        return alerts.length === episodes && alerts[0].endsWith(` ${AlertState[state]}`);
      });
    const heats = (plant: number) => {
      uploaders[plant].temperature = HOT;
      episodes++;
    };
    const cools = async () => {
      for (const uploader of uploaders) uploader.temperature = COOL;
      for (const call of calls) await isTold(call, AlertState.CLEARED);
    };
    const serves = async (call: Connection, service: string) =>
      (await ask(call, Health.method.check, { service }, { deadlineMs: 5_000 })).status === Serving.SERVING;

    await speak();
    await liveGoesOn("in the beginning");
    for (const node of nodes) expect(node.said()).not.toContain("Redis is away");

    // Slow: everything goes on, each step later by so much.
    toRedis.slow(SLOW_MS);
    heats(1 - desk);
    await speak();
    for (const call of calls) await isTold(call, AlertState.ACTIVE);
    await liveGoesOn("over a slow Redis");
    await cools();
    toRedis.slow(0);
    for (const node of nodes) expect(node.said()).not.toContain("Redis is away");

    // Full: points are taken, alerts are shown where they are judged; what operators write is refused.
    let evaluator = -1;
    await eventually("it is known which node has the rule", async () => {
      const having = (await listed(onDesk)).nodes.filter(({ rules }) => rules > 0).map(({ name }) => name);
      evaluator = nodes.findIndex(({ name }) => name === having[0]);
      return having.length === 1;
    });
    await askRedis(redis.port, "config", "set", "maxmemory", "1mb");
    for (const call of calls) {
      await eventually("it is said that Redis is full", async () =>
        (await listed(call)).redisTrouble.includes("it is full"),
      );
    }
    heats(evaluator);
    await uploadsGoOn("while Redis is full");
    await isTold(onDesk, AlertState.ACTIVE);
    const refused = await say(onDesk, "too much").catch((error: unknown) => errorOf(error));
    expect(refused).toMatchObject({ status: "UNAVAILABLE", message: expect.stringContaining("it is full") });
    await eventually("health tells of it", async () => !(await serves(onOther, "analytics.Alerts")));
    expect(await serves(onOther, "")).toBeTrue();
    await askRedis(redis.port, "config", "set", "maxmemory", "0");
    for (const call of calls) {
      await eventually("it has room again", async () => (await listed(call)).redisTrouble === "");
      await isTold(call, AlertState.ACTIVE);
    }
    await cools();
    await eventually("sessions go on", async () => (await speak(), true));
    await liveGoesOn("once there is room");

    // Apart: each reaches Redis, and not the other.
    for (const each of between) each.cut();
    await liveGoesOn("over Redis alone");
    const whole = (i: number) => ({
      ...{ metric: "count", filters: { source: `plant-${i}` }, pointsMax: 1_000_000 },
      ...{ from: timestampFromMs(fromMs), to: timestampFromMs(fromMs + 3_600_000) },
    });
    const answer = await queryRange(onOther, whole(desk));
    expect(answer).toMatchObject({ partial: true, missingNodes: [nodes[desk].name] });
    expect(answer.notes.join()).toContain("does not answer");
    const failed = await alertsOn(onOther).catch((error: unknown) => errorOf(error));
    expect(failed).toMatchObject({ status: "UNAVAILABLE", message: expect.stringContaining("does not answer") });
    heats(1 - desk);
    await isTold(onDesk, AlertState.ACTIVE);
    for (const each of between) each.mend();
    await isTold(onOther, AlertState.ACTIVE);
    await cools();
    await eventually("sessions go on again", async () => (await speak(), true));

    await Promise.all(uploaders.map((uploader) => uploader.end()));
    for (const call of calls) {
      for (const [i, { acked }] of uploaders.entries()) {
        const { series, missingNodes } = await queryRange(call, whole(i));
        expect(missingNodes).toEqual([]);
        expect(series.flatMap(({ values }) => values)).toEqual(Array.from({ length: acked }, (_, n) => n));
      }
      const said = (await lastMessages(call, "room", 1_000))
        .map(({ message }) => message)
        .filter((text) => / \d+$/.test(text));
      expect(said).toEqual(Array.from({ length: spoken }, (_, n) => `message ${n}`));
      expect(await alertsOn(call)).toHaveLength(episodes);
    }
    expect(await alertsOn(onOther)).toEqual(await alertsOn(onDesk));
    expect(nodes.flatMap((node) => node.errors())).toEqual([]);
  },
  240_000,
);
