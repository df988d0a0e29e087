import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { Members, type RememberedNode } from "../../src/cluster/members.ts";
import { clusterKey } from "../../src/cluster/cluster-key.ts";
import { refuseSecond } from "../../src/cluster/only-one.ts";
import { openRedis } from "../../src/cluster/redis/open-redis.ts";
import { parseRedisUrl } from "../../src/cluster/redis/redis-url.ts";
import { messageOf } from "../../src/model/errors.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { NodeRecordSchema } from "../../src/wire/gen/nodes_pb.ts";
import { hasRedis, startRedis, type RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

async function join(server: RedisServer, nodeId: string, remembered = (): RememberedNode[] => []) {
  const redis = openRedis(parseRedisUrl(server.url)!, { clock: systemClock, name: nodeId });
  const record = { nodeId, name: `node ${nodeId}`, state: "serving" };
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => troubles.push(sentence);
  const members = await Members.open({
    ...{ redis, clock: systemClock, prefix: "t", remembered, onTrouble },
    self: () => record,
  });
  const ids = () => members.live.map((each) => each.nodeId).join();
  return {
    ...{ redis, members, record, ids, troubles },
    async [Symbol.asyncDispose]() {
      await members.close();
      await redis.close();
    },
  };
}

describe.skipIf(!hasRedis)("members", () => {
  test("know each other, what each says of itself, and who has left", async () => {
    await using server = await startRedis();
    await using a = await join(server, "a");
    expect(a.ids()).toBe("a");
    await using b = await join(server, "b");
    await until("both know both", () => a.ids() === "a,b" && b.ids() === "a,b");
    b.record.state = "draining";
    await b.members.announce();
    await until("a has heard", () => a.members.live.at(-1)?.state === "draining");
    // What one says of itself comes along, and is read by nobody.
    const said: unknown[] = [];
    const unfollow = a.members.follow(() => said.push(a.members.live.at(-1)?.state));
    const record = create(NodeRecordSchema, { ...b.record, state: "said alone" });
    await a.redis.publish("{t}:changed", toBinary(NodeRecordSchema, record));
    await until("a has heard that", () => said.includes("said alone"));
    unfollow();
    await b.members.close();
    await until("a knows that b has left", () => a.ids() === "a");
    expect(a.members.known.map(({ record, isLive }) => [record.name, isLive])).toEqual([
      ["node a", true],
      ["node b", false],
    ]);
    expect([...a.troubles, ...b.troubles]).toEqual([]);
  });

  test("one that falls silent is gone after a while; all are known as they were while the Redis is away", async () => {
    await using server = await startRedis();
    await using a = await join(server, "a");
    const b = await join(server, "b");
    await until("a knows b", () => a.ids() === "a,b");
    server.pause();
    await until("a sees that the Redis is away", () => !a.redis.isUp);
    expect(a.ids()).toBe("a,b");
    await b.redis.close();
    expect(await a.members.settled().catch(String)).toContain("Redis is away");
    server.resume();
    await until("it is back", () => a.redis.isUp);
    await a.members.settled();
    expect(a.ids()).toBe("a");
    await until("a knows that b is gone", () => a.ids() === "a");
    await b.members.close();
  });

  test("that are gone are known to a Redis that was emptied where others remember them, until they are forgotten", async () => {
    await using server = await startRedis();
    const seenAtMs = Date.now() - 3_600_000;
    const remembered = ["b", "c"].map((nodeId) => ({ nodeId, name: `node ${nodeId}`, version: "1", seenAtMs }));
    remembered.push({ nodeId: "old", name: "old", version: "1", seenAtMs: Date.now() - 8 * 86_400_000 });
    await using a = await join(server, "a", () => remembered);
    const known = () => a.members.known.map(({ record, isLive, isRemembered }) => [record.name, isLive, isRemembered]);
    expect(known()).toEqual([
      ["node a", true, undefined],
      ["node b", false, true],
      ["node c", false, true],
    ]);
    {
      await using b = await join(server, "b");
      await until("a knows that b lives", () => a.ids() === "a,b" && b.ids() === "a,b");
    }
    await until("a knows that b is gone", () => a.ids() === "a");
    const [, seen] = a.members.known;
    await server.restart();
    await until("it is remembered", () => a.redis.isUp && known()[1][2] === true);
    expect(a.members.known[1].seenAtMs).toBe(seen.seenAtMs);
    remembered.splice(0);
    a.members.rememberedChanged();
    expect(known()).toEqual([["node a", true, undefined]]);
    await using b = await join(server, "b");
    await until("a knows b", () => a.ids() === "a,b");
    await b.members.close();
    await a.members.forget("b");
    await until("a has forgotten b", () => known().length === 1);
  });

  test("one with the id of another that lives is refused; that of one that was killed, or has left, is free", async () => {
    await using server = await startRedis();
    const redis = openRedis(parseRedisUrl(server.url)!, { clock: systemClock, name: "second" });
    await using _ = { [Symbol.asyncDispose]: () => redis.close() };
    await until("Redis is there", () => redis.isUp);
    const { signal } = new AbortController();
    const check = () => refuseSecond({ redis, clock: systemClock, prefix: "t", nodeId: "a", signal });
    await check();
    const a = await join(server, "a");
    await until("it is written down", () => a.members.known[0].seenAtMs > 0);
    const error = await check().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: "FAILED_PRECONDITION" });
    expect(messageOf(error)).toContain("another node has the data directory of this one: node a at an address that");
    // As if it were killed: it does not say that it leaves.
    await a.redis.close();
    await check();
    await a.members.close();
    {
      await using again = await join(server, "a");
      await until("it lives", () => again.members.known[0].seenAtMs > 0);
    }
    await check();
  });

  test("have one key, also where several ask first", async () => {
    await using server = await startRedis();
    await using a = await join(server, "a");
    await until("it is there", () => a.redis.isUp);
    const keys = await Promise.all([1, 2, 3].map(() => clusterKey(a.redis, "t")));
    expect(keys[0].length).toBe(32);
    expect(keys).toEqual([keys[0], keys[0], keys[0]]);
    await a.redis.call("FLUSHALL");
    expect(await clusterKey(a.redis, "t", keys[0])).toEqual(keys[0]);
  });
});
