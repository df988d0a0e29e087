/** The Redis that the settings name. */
import { readFileSync } from "node:fs";
import { openRedis } from "../cluster/redis/open-redis.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import { parseRedisUrl } from "../cluster/redis/redis-url.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { ClientTls } from "../wire/channel-credentials.ts";

const REDIS_WAIT_MS = 2_000;

/** `url` is one. Throws FAILED_PRECONDITION for files that cannot be read; does not wait for the Redis. */
export function redisOf(config: Config, url: string, nodeId: string, clock: Clock): Redis {
  const probeKey = `{${config.redis.prefix}}:probe`;
  const secrets = { tls: redisTls(config), sentinelPassword: config.redis.sentinel_password };
  return openRedis(parseRedisUrl(url)!, { clock, ...secrets, name: `watchpost ${nodeId}`, probeKey });
}

/** Connecting takes a moment. */
export function isUpSoon(redis: Redis, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    if (redis.isUp) return resolve(true);
    const done = () => {
      cancel();
      end();
      resolve(redis.isUp);
    };
    const cancel = clock.after(REDIS_WAIT_MS, done);
    const end = redis.follow(done);
  });
}

/** How nodes speak with each other: over TLS where this one has a certificate. They prove who they are by their key. */
export function peerTls({ redis: { peer_ca_file }, tls }: Config): ClientTls | undefined {
  if (tls.cert === undefined) return undefined;
  return peer_ca_file === undefined ? {} : { ca: fileOf("redis.peer_ca_file", peer_ca_file) };
}

function redisTls({ redis }: Config): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const { ca_file, cert_file, key_file } = redis;
  return {
    ...(ca_file !== undefined && { ca: fileOf("redis.ca_file", ca_file) }),
    ...(cert_file !== undefined && { cert: fileOf("redis.cert_file", cert_file) }),
    ...(key_file !== undefined && { key: fileOf("redis.key_file", key_file) }),
  };
}

function fileOf(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new WatchpostError("FAILED_PRECONDITION", `${setting} cannot be read: ${messageOf(error)}`);
  }
}
