/** The secret by which nodes know each other: whoever reads the Redis has it. */
import type { Redis } from "./redis/redis.ts";

const KEY_BYTES = 32;

/** Of all nodes; the first that asks makes it. Rejects as {@link Redis.call} does. */
export async function clusterKey(redis: Redis, prefix: string, own?: Uint8Array): Promise<Uint8Array> {
  const key = `{${prefix}}:key`;
  const offered = own ?? crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  await redis.call("SET", key, offered, "NX");
  const kept = await redis.call("GET", key);
  return kept instanceof Buffer && kept.length === KEY_BYTES ? new Uint8Array(kept) : offered;
}
