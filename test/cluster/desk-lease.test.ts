import { describe, expect, test } from "bun:test";
import { DeskLease, type Fence } from "../../src/cluster/desk-lease.ts";
import { openRedis } from "../../src/cluster/redis/open-redis.ts";
import { parseRedisUrl } from "../../src/cluster/redis/redis-url.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { hasRedis, startRedis, type RedisServer } from "./redis-server.ts";
import { until } from "./until.ts";

const TTL_MS = 400;

function join(server: RedisServer, nodeId: string, mayTake = () => true, ttlMs = TTL_MS) {
  const redis = openRedis(parseRedisUrl(server.url)!, { clock: systemClock, name: nodeId });
  const terms: Fence[] = [];
  const lease = new DeskLease({
    ...{ redis, clock: systemClock, prefix: "t", nodeId, ttlMs, mayTake },
    onTaken: (fence) => terms.push(fence),
    onLost: () => {},
    onTrouble: () => {},
  });
  return {
    ...{ redis, lease, terms },
    async [Symbol.asyncDispose]() {
      await lease.close();
      await redis.close();
    },
  };
}

describe.skipIf(!hasRedis)("the desk", () => {
  test("is one node's, and another's at once where that one gives it back or leaves", async () => {
    await using server = await startRedis();
    await using a = join(server, "a");
    await until("a has it", () => a.lease.isCertain);
    await using b = join(server, "b");
    await until("b knows", () => b.lease.holder === "a");
    expect(b.lease.isHeld).toBe(false);
    const [{ key, token }] = a.terms;
    expect(String(await b.redis.call("GET", key))).toBe(token);
    await a.lease.close();
    await until("b has it", () => b.lease.isCertain);
    expect(a.lease.isHeld).toBe(false);
    expect(b.terms[0].token).not.toBe(token);
  });

  test("is nobody's who may not take it, but stays with whoever has it", async () => {
    await using server = await startRedis();
    let mayTake = false;
    await using a = join(server, "a", () => mayTake);
    await until("it has looked", () => a.redis.isUp);
    await a.lease.look();
    expect(a.lease.isHeld).toBe(false);
    mayTake = true;
    await until("a has it", () => a.lease.isHeld);
    mayTake = false;
    await a.lease.look();
    await until("it lasts", () => a.lease.isCertain);
    expect(a.terms.length).toBe(1);
  });

  test("stays where it is while the Redis is away, and after it was emptied; is never certain of two", async () => {
    await using server = await startRedis();
    await using a = join(server, "a");
    await until("a has it", () => a.lease.isCertain);
    await using b = join(server, "b");
    await until("b knows", () => b.lease.holder === "a");
    server.pause();
    await until("a is not certain", () => !a.lease.isCertain);
    expect([a.lease.isHeld, b.lease.isHeld]).toEqual([true, false]);
    server.resume();
    await until("somebody is certain", () => {
      expect(a.lease.isCertain && b.lease.isCertain).toBe(false);
      return a.lease.isCertain || b.lease.isCertain;
    });
    // Where the other one was faster, the first has heard of it.
    await until("one holds it", () => a.lease.isHeld !== b.lease.isHeld);
    await server.restart();
    await until("somebody is certain again", () => {
      expect(a.lease.isCertain && b.lease.isCertain).toBe(false);
      return a.redis.isUp && b.redis.isUp && (a.lease.isCertain || b.lease.isCertain);
    });
    await until("one holds it again", () => a.lease.isHeld !== b.lease.isHeld);
  });

  test("is again whose it was where a Redis comes back empty, however many others look first", async () => {
    await using server = await startRedis();
    const ttlMs = 4_000;
    await using a = join(server, "a", () => true, ttlMs);
    await until("a has it", () => a.lease.isCertain);
    await using b = join(server, "b", () => true, ttlMs);
    await until("b knows", () => b.lease.holder === "a");
    await server.kill();
    await until("both have heard", () => !a.redis.isUp && !b.redis.isUp);
    await server.restart();
    await until("b reaches it again", () => b.redis.isUp);
    for (let i = 0; i < 10; i++) await b.lease.look();
    await until("a has it", async () => (await b.redis.call("GET", a.terms[0].key).catch(() => null)) !== null);
    expect([a.terms.length, b.terms.length]).toEqual([1, 0]);
  });

  test("is left for a while to whose it was before Redis was away, also where Redis has forgotten that", async () => {
    await using server = await startRedis();
    const ttlMs = 60_000;
    const a = join(server, "a", () => true, ttlMs);
    await until("a has it", () => a.lease.isCertain);
    await using b = join(server, "b", () => true, ttlMs);
    await until("b knows", () => b.lease.holder === "a");
    await a.redis.close();
    await server.restart();
    await until("b has heard", () => b.redis.isUp && b.lease.isAwaited);
    for (let i = 0; i < 3; i++) await b.lease.look();
    expect([b.lease.isHeld, b.lease.holder, b.lease.isAwaited]).toEqual([false, "", true]);
    await using again = join(server, "a", () => true, ttlMs);
    await until("a has it again", () => again.lease.isCertain);
    await b.lease.look();
    expect([b.lease.isHeld, b.lease.holder]).toEqual([false, "a"]);
    await a.lease.close();
  });

  test("a node that cannot reach it any more is followed by another one, and hears of that", async () => {
    await using server = await startRedis();
    const a = join(server, "a");
    await until("a has it", () => a.lease.isCertain);
    await using b = join(server, "b");
    await a.redis.close();
    await until("b has it", () => {
      expect(a.lease.isCertain && b.lease.isCertain).toBe(false);
      return b.lease.isCertain;
    });
    expect(a.lease.isHeld).toBe(true);
    await a.lease.close();
    expect(a.lease.isHeld).toBe(false);
  });

  test("is while Redis is away again whose it was who was started again, until another one is known to have it", async () => {
    await using server = await startRedis();
    const ttlMs = 60_000;
    const killed = join(server, "a", () => true, ttlMs);
    await until("a has it", () => killed.lease.isCertain);
    killed.lease.resume();
    expect(killed.terms.length).toBe(1);
    await killed.redis.close();
    server.pause();
    await using a = join(server, "a", () => true, ttlMs);
    a.lease.resume();
    expect([a.lease.isHeld, a.lease.isResumed, a.lease.isCertain, a.lease.holder]).toEqual([true, true, false, "a"]);
    server.resume();
    await until("a has what it had before", () => a.lease.isCertain);
    expect([a.terms.length, a.lease.isResumed]).toEqual([1, false]);
    expect(String(await a.redis.call("GET", a.terms[0].key))).toBe(a.terms[0].token);
    expect(a.terms[0].token).not.toBe(killed.terms[0].token);
    await a.redis.call("SET", a.terms[0].key, "token b");
    await a.redis.close();
    server.pause();
    await using again = join(server, "a", () => true, ttlMs);
    again.lease.resume();
    expect(again.lease.isHeld).toBe(true);
    server.resume();
    await until("it hears of the other one", () => !again.lease.isHeld);
    expect(again.lease.holder).toBe("b");
  });
});
