/** `watchpost nodes`, `watchpost node drain` and `node forget`: of a server by itself, and of two on one Redis. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Redis as Client } from "ioredis";
import { join } from "node:path";
import { nodesText } from "../../src/cli/nodes.ts";
import { PROTOCOL } from "../../src/cluster/protocol.ts";
import { ListNodesResponseSchema, NodeRecordSchema } from "../../src/wire/gen/nodes_pb.ts";
import { hasRedis, startRedis, type RedisServer } from "../cluster/redis-server.ts";
import { until } from "../cluster/until.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-nodes");
}, 120_000);

afterAll(() => rig.close());

interface Listed {
  readonly nodes: readonly { name: string; state: string; isDesk?: boolean; isThis?: boolean; series?: string }[];
  readonly redisTrouble?: string;
}

async function listed(server?: ServerProcess): Promise<Listed> {
  const args = server === undefined ? [] : ["--server", server.grpc];
  return JSON.parse(await rig.ok(["nodes", "--json", ...args])) as Listed;
}

test("a server by itself is its own desk, and can be drained and undone", async () => {
  await rig.send("pump", 1);
  const lines = (await rig.ok(["nodes"])).split("\n");
  expect(lines[0]).toMatch(/^NAME +STATE +ROLE +ADDRESS +VERSION +UP +SERIES +POINTS\/S +RULES +JOURNAL BEHIND$/);
  expect(lines[1]).toMatch(/^\S+ \* +serving +desk +/);
  expect(await rig.ok(["node", "drain"])).toContain("is being drained: it takes no new streams");
  expect((await rig.run(["health"])).code).toBe(1);
  expect((await listed()).nodes).toMatchObject([{ state: "draining", isDesk: true, isThis: true, series: "1" }]);
  expect(await rig.ok(["node", "drain", "--undo"])).toContain("takes streams again");
  expect((await rig.run(["health"])).code).toBe(0);
  const wrong = await rig.run(["node", "drain", "nobody"]);
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('there is no node "nobody"') });
  const alone = await rig.run(["node", "forget", "nobody"]);
  expect(alone).toMatchObject({ code: 2, err: expect.stringContaining("shares nothing with other nodes") });
}, 120_000);

test.skipIf(!hasRedis)(
  "two nodes on one Redis: who is the desk, the drain of another, and that Redis is away",
  async () => {
    await using redis = await startRedis([
      "--requirepass",
      "se/cret",
      "--maxmemory",
      "1gb",
      "--maxmemory-policy",
      "allkeys-lru",
    ]);
    using dir = tempDir("cli-two-nodes");
    const urlOf = ({ url }: Pick<RedisServer, "url">) => url.replace("//", "//default:se/cret@");
    const start = (name: string, { url }: RedisServer) =>
      startServerProcess({
        data: join(dir.path, name),
        args: ["--redis", urlOf({ url })],
        env: { WATCHPOST_REDIS_NODE_NAME: name },
      });
    const [a, b] = await Promise.all([start("hall-1", redis), start("hall-2", redis)]);
    try {
      expect(a.log().find(({ msg }) => msg === "serving")).toMatchObject({ redis: redis.url.replace("//", "//…@") });
      expect(JSON.stringify([a.log(), b.log()])).not.toContain("se/cret");
      await until("what keeps nodes from relying on it is said", () =>
        [a, b].every((server) => JSON.stringify(server.log()).includes("set maxmemory-policy noeviction")),
      );
      const looked = await rig.run(["doctor", "--json", "--data", dir.path, "--redis", urlOf(redis)]);
      const found = (JSON.parse(looked.out) as { findings: { check: string; level: string; text: string }[] }).findings;
      expect(found.filter(({ check }) => check === "redis").map(({ level, text }) => `${level}: ${text}`)).toEqual([
        `ok: ${redis.url.replace("//", "//…@")} is there`,
        "warning: Redis throws away what nodes keep there when its memory is full (maxmemory-policy allkeys-lru)",
      ]);
      const deskOf = async (server: ServerProcess) => (await listed(server)).nodes.find(({ isDesk }) => isDesk)?.name;
      await until("both know both, and a desk", async () => {
        const [seenByA, seenByB] = [await deskOf(a), await deskOf(b)];
        return seenByA !== undefined && seenByA === seenByB && (await listed(a)).nodes.length === 2;
      });
      const reading = '{"metric":"t","value":1,"tags":{"device":"pump"}}\n';
      await rig.ok(["upload", "-", "--source", "gw", "--server", a.grpc], { stdin: reading });
      await until("the other one knows the series, of which it has no points", async () => {
        const series = (await listed(b)).nodes.map((node) => `${node.name} ${node.series ?? 0}`);
        const known = await rig.ok(["series", "t", "--server", b.grpc]);
        return known.includes("pump") && series.join() === "hall-1 1,hall-2 0";
      });
      const desk = (await deskOf(a))!;
      const other = desk === "hall-1" ? "hall-2" : "hall-1";
      const asked = desk === "hall-1" ? b : a;
      expect(await rig.ok(["node", "drain", desk, "--server", asked.grpc])).toContain(`${desk} is being drained`);
      await until("the other one is the desk", async () => (await deskOf(asked)) === other);
      expect(await rig.ok(["nodes", "--server", asked.grpc])).toMatch(new RegExp(`\\n${desk} +draining +127`));
      await rig.ok(["node", "drain", desk, "--undo", "--server", asked.grpc]);
      await until("it serves again", async () => (await listed(asked)).nodes.every(({ state }) => state === "serving"));

      // Nodes of the version before are nodes like others; one that is two apart is named, and takes nobody with it who starts.
      const stranger = async (name: string, protocol: number) => {
        const record = create(NodeRecordSchema, { nodeId: name, name, version: "9.9", protocol, state: "serving" });
        const write = ["SET", `{watchpost}:nodes:${name}`, Buffer.from(toBinary(NodeRecordSchema, record))] as const;
        const client = new Client({ port: redis.port, password: "se/cret" });
        await client.call(...write);
        await client.zadd("{watchpost}:nodes", Date.now() + 3_600_000, name);
        return async () => {
          await client.zadd("{watchpost}:nodes", Date.now() - 60_000, name);
          client.disconnect();
        };
      };
      const ends = [await stranger("older", PROTOCOL - 1), await stranger("newer", PROTOCOL + 2)];
      const why = `the node newer (version 9.9) speaks protocol ${PROTOCOL + 2} with other nodes`;
      await until("both are listed, and one of them is not understood", async () => {
        const text = await rig.ok(["nodes", "--server", asked.grpc]);
        return /\nolder +serving/.test(text) && text.includes(why) && !text.includes("the node older");
      });
      await until("the log says so", () => JSON.stringify(asked.log()).includes(why));
      await expect(start("hall-3", redis)).rejects.toThrow(why);
      const forget = (node: string) => rig.run(["node", "forget", node, "--server", asked.grpc]);
      expect(await forget("older")).toMatchObject({ code: 2, err: expect.stringContaining("the node older lives") });
      for (const end of ends) await end();
      const stateOf = async (node: string, server = asked) =>
        (await listed(server)).nodes.find(({ name }) => name === node)?.state;
      await until("it is gone", async () => (await stateOf("older")) === "gone");
      const forgotten = { code: 0, out: "older is forgotten: what it took is found no more\n", err: "" };
      expect(await forget("older")).toEqual(forgotten);
      for (const server of [a, b])
        await until("no node knows it", async () => (await stateOf("older", server)) === undefined);

      const health = async (service: string) => {
        return (await rig.run(["health", "--service", service, "--server", asked.grpc])).code === 0;
      };
      await until("alerts are served on both", () => health("analytics.Alerts"));
      await redis.kill();
      await until("it is seen why Redis is away", async () => {
        return (await listed(asked)).redisTrouble?.includes("ECONNREFUSED") === true;
      });
      await until("alerts are not served", async () => !(await health("analytics.Alerts")));
      expect([await health(""), await health("analytics.DataIngestion")]).toEqual([true, true]);
      const status = await rig.run(["status", "--server", asked.grpc]);
      expect(status).toMatchObject({
        code: 1,
        out: expect.stringMatching(/Problem {2}Redis is away since 20.*points are taken/),
      });
      expect(await rig.ok(["nodes", "--server", asked.grpc])).toMatch(/\nRedis is away since 20[\d-]+T[\d:]+Z: .+\n$/);
    } finally {
      await Promise.all([a.stop(), b.stop()]);
    }
  },
  120_000,
);

test.each(["serve", "demo"])(
  "a %s that waits for its first Redis ends when it is asked to",
  async (name) => {
    using dir = tempDir("cli-waiting-node");
    const command = [...watchpostCommand(false), name, "--data", dir.path, "--grpc", "127.0.0.1:0", "--http"];
    const redis = `redis://127.0.0.1:${ownPort()}`;
    const child = Bun.spawn([...command, "127.0.0.1:0", "--redis", redis], { stderr: "pipe", stdout: "ignore" });
    let said = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      // It waits, whatever comes next.
      if (!said.includes("Redis is not there") && (said + chunk).includes("Redis is not there")) child.kill("SIGTERM");
      said += chunk;
    }
    expect([await child.exited, said]).toEqual([0, expect.not.stringContaining("error: ")]);
    expect(said.includes("stopped before it served")).toBe(name === "serve");
  },
  60_000,
);

test("one that is gone is said to be, and nothing in a name moves the cursor", () => {
  const answer = create(ListNodesResponseSchema, {
    nodes: [{ name: "hall\u001b[2J", state: "gone", seenAtMs: 0n, startedAtMs: 0n, series: 1_234n, journalBehind: 5n }],
    redisTrouble: "connect\nrefused",
    redisAwaySinceMs: 60_000n,
  });
  const text = Bun.stripANSI(nodesText(answer, 180_000));
  expect(text).toMatch(/\nhall\S* +gone for 3m .* - +1,234 +- +- +5\n/);
  expect(text).toContain("Redis is away since 1970-01-01T00:01:00Z: connect");
  expect(text).not.toContain("\u001b");
});
