/** Whether the Redis that nodes share is reached, and is as they need it. */
import { isUpSoon, redisOf } from "../../app/redis-of.ts";
import { redisAdvice } from "../../cluster/redis/redis-advice.ts";
import { shownRedisUrl } from "../../cluster/redis/redis-url.ts";
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../model/errors.ts";
import { systemClock } from "../../model/system-clock.ts";
import { findings, type Finding } from "./finding.ts";

/** Nothing where the settings name none. */
export async function checkRedis(config: Config): Promise<Finding[]> {
  const { url } = config.redis;
  if (url === undefined) return [];
  const { ok, warning, problem } = findings("redis");
  const shown = shownRedisUrl(url);
  try {
    const redis = redisOf(config, url, "doctor", systemClock);
    try {
      if (!(await isUpSoon(redis, systemClock))) {
        const what = "a server that has been one of its nodes goes on by itself, a new one waits for it";
        return [problem(`${shown} is not reached: ${redis.trouble}`, `start it, or correct [redis]; ${what}`)];
      }
      const found = await redisAdvice(redis);
      return [ok(`${shown} is there`), ...found.map(({ text, advice }) => warning(text, advice))];
    } finally {
      await redis.close();
    }
  } catch (error) {
    return [problem(messageOf(error), "correct [redis]")];
  }
}
