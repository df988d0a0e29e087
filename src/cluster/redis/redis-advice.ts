/** What is to be changed at a Redis for nodes to rely on it. */
import type { Redis } from "./redis.ts";

export interface RedisAdvice {
  readonly text: string;
  readonly advice: string;
}

const MAJOR_WANTED = 7;

/** Rejects as {@link Redis.call} does. Of a Redis Cluster: what one of its servers says. */
export async function redisAdvice(redis: Pick<Redis, "call">): Promise<RedisAdvice[]> {
  return adviceIn(String(await redis.call("INFO")));
}

/** `info`: what Redis answers to INFO. Pure. */
export function adviceIn(info: string): RedisAdvice[] {
  const facts = new Map(info.split("\r\n").map((line) => line.split(":", 2) as [string, string]));
  const [version, policy] = [facts.get("redis_version") ?? "", facts.get("maxmemory_policy") ?? ""];
  const found: RedisAdvice[] = [];
  if (version !== "" && Number.parseInt(version) < MAJOR_WANTED) {
    const advice = "run Redis 7 or later, or Valkey";
    found.push({ text: `Redis is of version ${version}, and nodes are tried with ${MAJOR_WANTED} and later`, advice });
  }
  if (policy !== "" && policy !== "noeviction" && Number(facts.get("maxmemory")) > 0) {
    const text = `Redis throws away what nodes keep there when its memory is full (maxmemory-policy ${policy})`;
    found.push({
      text,
      advice: "set maxmemory-policy noeviction: nodes bound what they keep, and wait where it is full",
    });
  }
  return found;
}
