/**
 * Three nodes in processes of their own on one Redis, while they are killed, stopped, cut off from it, and it is stopped and emptied, in an
 * order that the seed gives: what was acknowledged is there once, all nodes tell the same, and people are notified once, or told that
 * they may have been.
 */
import { expect, test } from "bun:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createToken, revokeToken } from "../../src/client/access.ts";
import { allAlerts } from "../../src/client/alerts.ts";
import { ask } from "../../src/client/ask.ts";
import type { Connection } from "../../src/client/connection.ts";
import { followAlerts } from "../../src/client/follow-alerts.ts";
import { joinSession } from "../../src/client/join-session.ts";
import { queryRange } from "../../src/client/query.ts";
import { putRule } from "../../src/client/rules.ts";
import { lastMessages } from "../../src/client/sessions.ts";
import { subscribe } from "../../src/client/subscribe.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { AlertChange, AlertState, type Alert } from "../../src/wire/gen/alerts_pb.ts";
import type { CollaborationMessage } from "../../src/wire/gen/collaboration_pb.ts";
import { UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import { randomOf } from "../support/random.ts";
import { tempDir } from "../support/server-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { startNode, Uploader } from "./node-process.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { startWebhook } from "./webhook.ts";
import { until } from "./until.ts";

const wanted = process.env["WATCHPOST_TEST_SEED"] ?? "1";
const SEED = wanted === "random" ? Date.now() : Number(wanted);
const USERS = ["ann", "bob", "eve"];
const UPLOAD_EVERY_MS = 60;
const SPEAK_EVERY_MS = 150;
const [COOL, HOT] = [20, 95];
const TIMEOUT_MS = 360_000;

const wordsOf = ({ number, userId, message }: CollaborationMessage) => `${number} ${userId} ${message}`;
const isRefusal = (error: unknown) => errorOf(error).status === "UNAUTHENTICATED";
const factsOf = ({ id, state, context, labels }: Alert) => ({
  id,
  state,
  source: labels["source"] ?? context["source"],
});

test.skipIf(!hasRedis)(
  `nodes that are killed, stopped, cut off, and lose their Redis keep what they acknowledged and tell the same (seed ${SEED})`,
  async () => {
    await using stack = new AsyncDisposableStack();
    const random = randomOf(SEED);
    const dir = stack.use(tempDir("nodes"));
    const redis = stack.use(await startRedis());
    const webhook = stack.use(startWebhook(dir.path));
    const proxies = await Promise.all(USERS.map(() => startTcpProxy(`127.0.0.1:${redis.port}`)));
    for (const proxy of proxies) stack.defer(() => proxy.close());
    const nodes = await Promise.all(
      proxies.map(({ address }, i) =>
        startNode({ name: `node-${i}`, dir: dir.path, redisUrl: `redis://${address}`, env: webhook.env }),
      ),
    );
    for (const node of nodes) stack.defer(() => node.kill());
    const ended = new AbortController();
    const connect = (i: number, token?: string): Connection => {
      const connection = nodes[i].connect(token);
      stack.defer(() => connection.close());
      return connection;
    };
    stack.defer(() => ended.abort());

    // The first token is made while nobody needs one; from then on all nodes want one.
    const open = connect(0);
    const deskOf = async (connection: Connection) => {
      const { nodes: listed } = await ask(connection, Nodes.method.listNodes, {}, { deadlineMs: 5_000 });
      const desk = listed.find(({ isDesk, state }) => isDesk && state !== "gone");
      return {
        desk: nodes.findIndex(({ name }) => name === desk?.name),
        live: listed.filter((n) => n.state === "serving"),
      };
    };
    await until("all nodes know each other, and which is the desk", async () => {
      const { desk, live } = await deskOf(open);
      return desk >= 0 && live.length === nodes.length;
    });
    const secrets: string[] = [];
    for (const name of USERS) {
      const maker = secrets.length === 0 ? open : connect(0, secrets[0]);
      secrets.push((await createToken(maker, { name, role: "admin" })).secret);
    }
    const calls = nodes.map((_, i) => connect(i, secrets[i]));
    const works = async (call: () => Promise<unknown>) =>
      call().then(
        () => true,
        (error: unknown) => (says(error), false),
      );
    let lastError = "";
    const says = (error: unknown) => (lastError = errorOf(error).message);
    const eventually = (what: string, call: () => Promise<unknown>) =>
      until(what, () => works(call), 60_000).catch((error: unknown) => {
        throw new Error(`${String(error)}; the last call said: ${lastError}`);
      });
    for (const [i, call] of calls.entries()) {
      await eventually(`a token that node 0 made is good on node ${i}`, () => deskOf(call));
    }
    await eventually("a rule is put", () =>
      putRule(calls[1], {
        ...{ name: "hot", metric: "temperature", severity: "critical" },
        condition: { threshold: { above: 50 } },
      }),
    );

    const fromMs = Date.now() - 3_600_000;
    const uploaders = nodes.map(
      (_, i) => new Uploader(nodes[i].connect(secrets[i]), `plant-${i}`, fromMs, UPLOAD_EVERY_MS),
    );
    const watchers = calls.map((call) => {
      const states = new Map<string, AlertState>();
      const fired: string[] = [];
      const reading = (async () => {
        for await (const news of followAlerts(call, { includeAcknowledged: true }, { signal: ended.signal })) {
          // In place of all that was known: what ended meanwhile is not in it.
          if (news.kind === "snapshot") states.clear();
          for (const alert of news.kind === "snapshot" ? news.alerts : [news.alert]) {
            states.set(alert.id, alert.state);
            // What could not be written down at the time has none, and comes again.
            if (alert.change === AlertChange.FIRED && alert.cursor !== "") fired.push(alert.id);
          }
        }
      })();
      reading.catch(says);
      return { states, fired, reading };
    });
    let isQuiet = false;
    const members = USERS.map((userId, i) => {
      const member = joinSession(connect(i, secrets[i]), { sessionId: "room", userId, last: 1_000 });
      const heard: CollaborationMessage[] = [];
      const sent: Promise<CollaborationMessage>[] = [];
      const reading = (async () => {
        for await (const news of member) {
          if (news.kind === "snapshot") heard.push(...news.messages);
          else if (news.kind === "message") heard.push(news.message);
        }
      })();
      reading.catch(says);
      const speaking = (async () => {
        while (!isQuiet) {
          const said = member.send({ message: `${userId}-${sent.length}` });
          said.catch(says);
          sent.push(said);
          await Bun.sleep(SPEAK_EVERY_MS * (0.5 + random()));
        }
      })();
      return { userId, member, heard, sent, reading, speaking };
    });

    let written = 0;
    /** Each node passes on what is written. Until then one may tell of a desk whose word does not hold. */
    const writes = async () => {
      for (const [i, call] of calls.entries()) {
        const condition = { threshold: { above: 1_000 + written++ } };
        await eventually(`node ${i} takes what is written`, () =>
          putRule(call, { name: "unused", metric: "none", condition }),
        );
      }
    };
    const alertsOn = async (call: Connection) =>
      (await Array.fromAsync(allAlerts(call, {}, { deadlineMs: 5_000 }))).map(factsOf);
    /** By plant: how often. */
    const heated = USERS.map(() => 0);
    /** How many calls of the webhook came before a plant was hot. */
    const heatedAt: number[] = [];
    /** The plant of a node is hot, and all nodes tell of it; or it is not any more. */
    const told = async (plant: number, state: AlertState) => {
      for (const [i, call] of calls.entries()) {
        await until(
          `node ${i} tells that plant ${plant} is ${AlertState[state]}`,
          async () => {
            const alerts = await alertsOn(call).catch((error: unknown) => (says(error), []));
            const own = alerts.filter(({ source }) => source === `plant-${plant}`);
            // All of them: of one that begins and ends while nothing can be written it is told once that can be again.
            if (own.length !== heated[plant]) return false;
            return state === AlertState.ACTIVE ? own[0].state === state : own.every((alert) => alert.state === state);
          },
          60_000,
        ).catch((error: unknown) => {
          throw new Error(`${String(error)}; the last call said: ${lastError}`);
        });
      }
    };
    const heats = (plant: number) => {
      uploaders[plant].temperature = HOT;
      heated[plant]++;
      heatedAt[plant] = webhook.calls.length;
    };
    /** People have heard that it is hot; more than once only where they were told that they may have. */
    const notified = async (plant: number) => {
      const firing = () => webhook.of(`plant-${plant}`, "firing", heatedAt[plant]);
      await until(`somebody is notified of plant ${plant}`, () => firing().length > 0);
      expect(firing().filter(({ isMarked }) => !isMarked).length).toBeLessThanOrEqual(1);
    };
    const cools = (plant: number) => (uploaders[plant].temperature = COOL);
    const somewhat = (ms: number) => Bun.sleep(ms * (0.7 + 0.6 * random()));
    const any = () => Math.floor(random() * nodes.length);

    const desk = async () => {
      let found = -1;
      await eventually("some node says which is the desk", async () => {
        for (const call of calls)
          found = Math.max(
            found,
            await deskOf(call).then(
              ({ desk: at }) => at,
              () => -1,
            ),
          );
        if (found < 0) throw new Error("no node is the desk");
      });
      return found;
    };
    const killAndStart = async (i: number) => {
      await nodes[i].kill();
      await somewhat(800);
      await nodes[i].start();
    };
    const faults: Record<string, () => Promise<void>> = {
      "the desk is killed": async () => killAndStart(await desk()),
      "another node is killed": async () => {
        const at = await desk();
        await killAndStart((at + 1 + Math.floor(random() * 2)) % nodes.length);
      },
      "Redis is stopped": async () => {
        redis.pause();
        await somewhat(4_000);
        redis.resume();
      },
      "Redis is empty": () => redis.restart(),
      "the desk is cut off": async () => {
        const proxy = proxies[await desk()];
        proxy.cut();
        await somewhat(5_500);
        proxy.mend();
      },
      "the desk is stopped": async () => {
        const node = nodes[await desk()];
        node.pause();
        await somewhat(5_500);
        node.resume();
      },
    };
    const order = Object.keys(faults)
      .map((name) => ({ name, at: random() }))
      .sort((a, b) => a.at - b.at);
    for (const { name } of order) {
      // One is hot before, one becomes it meanwhile.
      const before = any();
      const meanwhile = (before + 1) % nodes.length;
      heats(before);
      await told(before, AlertState.ACTIVE);
      const over = faults[name]();
      await somewhat(300);
      heats(meanwhile);
      await over;
      await writes();
      await told(before, AlertState.ACTIVE);
      await told(meanwhile, AlertState.ACTIVE);
      cools(before);
      cools(meanwhile);
      await told(before, AlertState.CLEARED);
      await told(meanwhile, AlertState.CLEARED);
      for (const plant of [before, meanwhile]) {
        await notified(plant);
        await until(`somebody is notified that plant ${plant} is well`, () => {
          const [last] = webhook.calls.filter(({ source }) => source === `plant-${plant}`).slice(-1);
          return last.status === "resolved";
        });
      }
    }

    // A token that is revoked ends what is open on another node.
    let secret = "";
    await eventually("a token is made, once the shared journal can be written again", async () => {
      ({ secret } = await createToken(calls[0], { name: "guest", role: "viewer" }));
    });
    const guest = connect(2, secret);
    await eventually("the guest's token is good", () => queryRange(guest, { metric: "count", lastMs: 1_000n }));
    const updates = subscribe(guest, { metricNames: ["temperature"], updateIntervalMs: 100 })[Symbol.asyncIterator]();
    await updates.next();
    const refused = (async () => {
      while (!(await updates.next()).done);
    })();
    let refusal: unknown;
    refused.catch((error: unknown) => (refusal = error));
    await eventually("another node knows of it", () => revokeToken(calls[1], { token: "guest", userId: "" }));
    await until("the guest's stream has ended", () => refusal !== undefined);
    expect(isRefusal(refusal)).toBeTrue();

    isQuiet = true;
    await Promise.all(uploaders.map((uploader) => uploader.end()));
    await Promise.all(members.map(({ speaking }) => speaking));
    const confirmed = (await Promise.all(members.flatMap(({ sent }) => sent))).map(wordsOf);

    // Every point that was acknowledged, once, whichever node is asked.
    for (const [i, { acked }] of uploaders.entries()) {
      expect(acked).toBeGreaterThan(0);
      for (const call of calls) {
        const { series, missingNodes } = await queryRange(call, {
          ...{ metric: "count", filters: { source: `plant-${i}` }, pointsMax: 1_000_000 },
          ...{ from: timestampFromMs(fromMs), to: timestampFromMs(fromMs + 3_600_000) },
        });
        expect(missingNodes).toEqual([]);
        expect(series.flatMap(({ values }) => values)).toEqual(Array.from({ length: acked }, (_, n) => n));
      }
    }

    // Of the session: the same everywhere, everything that was confirmed once.
    const kept = (await lastMessages(calls[0], "room", 100_000)).map(wordsOf);
    expect(kept.filter((words) => words.includes("-")).sort()).toEqual(confirmed.toSorted());
    for (const call of calls) expect((await lastMessages(call, "room", 100_000)).map(wordsOf)).toEqual(kept);
    await Promise.all(members.map(({ member }) => member.leave()));
    await Promise.all(members.map(({ reading }) => reading));
    const said = kept.filter((words) => words.includes("-"));
    for (const { userId, heard, sent } of members) {
      expect(heard.map(wordsOf).filter((words) => words.includes("-"))).toEqual(said);
      const own = said.map((words) => words.split(" ")[2]).filter((text) => text.startsWith(userId));
      expect(own).toEqual(sent.map((_, n) => `${userId}-${n}`));
    }

    // Of alerts: one for each time that a plant was hot.
    const alerts = await alertsOn(calls[0]);
    for (const call of calls) expect(await alertsOn(call)).toEqual(alerts);
    expect(alerts.map(({ state }) => state)).toEqual(alerts.map(() => AlertState.CLEARED));
    expect(alerts).toHaveLength(heated.reduce((sum, times) => sum + times, 0));
    const ids = alerts.map(({ id }) => id).sort();
    for (const { states, fired } of watchers) {
      await until("the watcher has heard of the end of each", () =>
        ids.every((id) => (states.get(id) ?? AlertState.CLEARED) === AlertState.CLEARED),
      );
      expect(fired).toEqual([...new Set(fired)]);
      expect(ids).toEqual(expect.arrayContaining([...states.keys()]));
    }

    // The newest values, wherever they were sent.
    const newest = Object.fromEntries(uploaders.map(({ acked }, i) => [`plant-${i}`, acked - 1]));
    for (const [i, call] of calls.entries()) {
      const seen: Record<string, number> = {};
      const stop = new AbortController();
      const reading = (async () => {
        const request = { metricNames: ["count"], mode: UpdateMode.ON_CHANGE };
        for await (const { metrics } of subscribe(call, request, { signal: stop.signal })) {
          for (const { source, value } of metrics) seen[source] = value;
        }
      })();
      reading.catch(says);
      await until(`node ${i} shows the newest values`, () => Bun.deepEquals(seen, newest)).catch(() => {});
      stop.abort();
      await reading;
      expect(seen).toEqual(newest);
    }
    ended.abort();
    await Promise.all(watchers.map(({ reading }) => reading));
    expect(nodes.flatMap((node) => node.errors())).toEqual([]);

    // What came lately is shown when the node that has it is gone.
    const client = new Bun.RedisClient(redis.url);
    stack.defer(() => client.close());
    const { nodes: listed } = await ask(calls[0], Nodes.method.listNodes, {}, { deadlineMs: 30_000 });
    const { nodeId } = listed.find(({ name }) => name === "node-0")!;
    const nowMs = Date.now();
    await until("Redis has the points of node 0", async () => {
      return Number(await client.hget(`{watchpost}:recent:node:${nodeId}`, "at")) > nowMs;
    });
    await nodes[0].kill();
    const { series, missingNodes } = await queryRange(calls[1], {
      ...{ metric: "count", filters: { source: "plant-0" }, pointsMax: 1_000_000 },
      ...{ from: timestampFromMs(fromMs), to: timestampFromMs(fromMs + 3_600_000) },
    });
    expect(missingNodes).toEqual([]);
    expect(series.flatMap(({ values }) => values)).toEqual(Array.from({ length: uploaders[0].acked }, (_, n) => n));
  },
  TIMEOUT_MS,
);
