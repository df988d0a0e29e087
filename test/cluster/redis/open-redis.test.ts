import { describe, expect, test } from "bun:test";
import { openRedis } from "../../../src/cluster/redis/open-redis.ts";
import type { Redis } from "../../../src/cluster/redis/redis.ts";
import { parseRedisUrl } from "../../../src/cluster/redis/redis-url.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { hasRedis, startRedis, type RedisServer } from "../redis-server.ts";

function open({ url }: RedisServer): Redis {
  return openRedis(parseRedisUrl(url)!, { clock: systemClock, name: "test" });
}

function whenUp(redis: Redis, isUp = true): Promise<void> {
  return new Promise((resolve) => {
    if (redis.isUp === isUp) return resolve();
    const end = redis.follow((isNow) => {
      if (isNow !== isUp) return;
      end();
      resolve();
    });
  });
}

describe.skipIf(!hasRedis)("a Redis", () => {
  test("does commands and scripts, in bytes, and says what it refuses", async () => {
    await using server = await startRedis();
    const redis = open(server);
    await whenUp(redis);
    const bytes = Uint8Array.of(0, 255, 128, 10, 13);
    expect(await redis.call("SET", "k", bytes)).toEqual(Buffer.from("OK"));
    expect(await redis.call("GET", "k")).toEqual(Buffer.from(bytes));
    expect(await redis.call("GET", "nothing")).toBeNull();
    expect(await redis.call("HSET", "h", "a", 1, "b", bytes)).toBe(2);
    expect(await redis.call("HGETALL", "h")).toEqual([
      ...[Buffer.from("a"), Buffer.from("1"), Buffer.from("b"), Buffer.from(bytes)],
    ]);
    const script = { name: "add", lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" };
    expect(await redis.run(script, ["n"], [2])).toBe(2);
    expect(await redis.run(script, ["n"], [3])).toBe(5);
    await expect(redis.call("GET", "h")).rejects.toMatchObject({
      status: "FAILED_PRECONDITION",
      message: expect.stringContaining("Redis refuses GET: WRONGTYPE"),
    });
    await redis.close();
    await expect(redis.call("GET", "k")).rejects.toMatchObject({ status: "UNAVAILABLE" });
  });

  test("what is published comes to whoever listens, until it does not any more, and after an outage", async () => {
    await using server = await startRedis();
    const [redis, other] = [open(server), open(server)];
    await Promise.all([whenUp(redis), whenUp(other)]);
    const heard: string[] = [];
    let wake = () => {};
    const listen = (name: string) => (message: Uint8Array) => {
      heard.push(`${name} ${Buffer.from(message).toString()}`);
      wake();
    };
    const whenHeard = async (count: number) => {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    const end = await redis.subscribe("c", listen("a"));
    const endOther = await redis.subscribe("c", listen("b"));
    await other.publish("c", Buffer.from("1"));
    await whenHeard(2);
    endOther();
    await other.publish("c", Buffer.from("2"));
    await whenHeard(3);

    const downs = Promise.all([whenUp(redis, false), whenUp(other, false)]);
    await server.restart();
    await downs;
    await Promise.all([whenUp(redis), whenUp(other)]);
    await other.publish("c", Buffer.from("3"));
    await whenHeard(4);
    expect(heard).toEqual(["a 1", "b 1", "a 2", "a 3"]);
    end();
    await Promise.all([redis.close(), other.close()]);
  });

  test("one that was stopped is known to be away, and what was asked of it rejects", async () => {
    await using server = await startRedis();
    const redis = open(server);
    await whenUp(redis);
    server.pause();
    const asked = redis.call("SET", "k", "v");
    const failure = await asked.catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: "UNAVAILABLE" });
    await whenUp(redis, false);
    expect(redis.trouble).not.toBe("");
    await expect(redis.call("GET", "k")).rejects.toMatchObject({ status: "UNAVAILABLE" });
    server.resume();
    await whenUp(redis);
    expect(await redis.call("SET", "k", "w")).toEqual(Buffer.from("OK"));
    await redis.close();
  });

  test("waits for what comes, beside other commands, and no longer than it is wanted", async () => {
    await using server = await startRedis();
    const redis = open(server);
    await whenUp(redis);
    const left = new AbortController();
    const waiting = redis.wait(60_000, left.signal, "XREAD", "BLOCK", 60_000, "STREAMS", "s", "$");
    waiting.catch(() => {});
    const added = (async () => {
      for (;;) {
        await redis.call("XADD", "s", "*", "k", "v");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    added.catch(() => {});
    const [[stream, [[, pair]]]] = (await waiting) as [[Buffer, [[Buffer, Buffer[]]]]];
    expect([stream, ...pair].map(String)).toEqual(["s", "k", "v"]);
    const unwanted = redis.wait(60_000, left.signal, "BLPOP", "never", 60);
    left.abort();
    await expect(unwanted).rejects.toMatchObject({ status: "CANCELLED" });
    await redis.close();
  });
});
