/** A Redis Cluster, and a master behind sentinels, that take TLS with certificates on both sides, and sentinels that want a password. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openRedis, type OpenRedisDeps } from "../../../src/cluster/redis/open-redis.ts";
import type { Redis } from "../../../src/cluster/redis/redis.ts";
import { parseRedisUrl } from "../../../src/cluster/redis/redis-url.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { TestAuthority } from "../../support/certificates.ts";
import { tempDir } from "../../support/server-process.ts";
import { startRedisCluster, startWatchedRedis } from "../redis-kinds.ts";
import { hasRedis } from "../redis-server.ts";
import { until } from "../until.ts";

const PASSWORD = "of-the-sentinels";

function secured(dir: string) {
  const authority = new TestAuthority(dir);
  const files = { ca: authority.cert, ...authority.issue() };
  const client = authority.issue({ commonName: "node", purpose: "clientAuth" });
  // Servers show the same to each other as clients: theirs is for both.
  const both = authority.issue({ commonName: "redis", purpose: "serverAuth,clientAuth" });
  const tls = { ca: readFileSync(files.ca), cert: readFileSync(client.cert), key: readFileSync(client.key) };
  return { files: { ca: files.ca, ...both }, tls };
}

function opened(url: string, deps: Partial<OpenRedisDeps>): Redis & AsyncDisposable {
  const redis = openRedis(parseRedisUrl(url)!, { clock: systemClock, name: "test", ...deps });
  return Object.assign(redis, { [Symbol.asyncDispose]: () => redis.close() });
}

/** Commands, scripts and messages, by keys of several slots. */
async function works(redis: Redis): Promise<void> {
  const heard: string[] = [];
  const keys = Array.from({ length: 12 }, (_, n) => `{k${n}}:live`);
  const ends = await Promise.all(
    keys.map((key) => redis.subscribe(key, (bytes) => void heard.push(Buffer.from(bytes).toString()))),
  );
  const add = { name: "add", lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" };
  for (const key of keys) {
    expect(await redis.run(add, [`${key}:n`], [2])).toBeGreaterThanOrEqual(2);
    await redis.publish(key, Buffer.from(key));
  }
  await until("all is heard", () => heard.length >= keys.length);
  expect(heard.sort()).toEqual([...keys].sort());
  for (const end of ends) end();
}

describe.skipIf(!hasRedis)("over TLS", () => {
  test("a Redis Cluster", async () => {
    using dir = tempDir("redis-tls");
    const { files, tls } = secured(dir.path);
    await using cluster = await startRedisCluster(files);
    await using redis = opened(cluster.url, { tls });
    await until("it is up", () => redis.isUp);
    await works(redis);
    await cluster.shards[1].restart();
    await until("it is away", () => !redis.isUp);
    await until("it is up again", () => redis.isUp);
    await works(redis);
    await using stranger = opened(cluster.url, { tls: { ca: tls.ca } });
    await until("who shows no certificate is told", () => stranger.trouble.includes("redis.cert_file"));
  });

  test("sentinels, which want a password, and the replica that takes over", async () => {
    using dir = tempDir("redis-tls");
    const { files, tls } = secured(dir.path);
    await using watched = await startWatchedRedis({ ...files, password: PASSWORD });
    await using redis = opened(watched.url, { tls, sentinelPassword: PASSWORD });
    await until("it is up", () => redis.isUp);
    await works(redis);
    watched.master.pause();
    await until("the replica is the master", () => watched.isReplicaMaster());
    await until("it is reached", async () => (await redis.call("SET", "k", "v").catch(() => null)) !== null);
    await works(redis);
    await using stranger = opened(watched.url, { tls });
    await until("who says no password is told", () => stranger.trouble.includes("redis.sentinel_password"));
  });
});
