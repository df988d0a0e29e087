import type { Redis } from "../redis/redis.ts";
import type { RecentKeys } from "./recent-keys.ts";

const IDS_AT_ONCE = 1_000;
/** What is kept in Redis for longer than the window lasts. */
const SPARE_S = 900;

/** For how long what belongs to a window is kept, so that nothing goes before it is listed no more. */
export function keptSeconds(windowMs: number): number {
  return Math.ceil(windowMs / 1_000) + SPARE_S;
}

/** What the window has of these series of a node, by its ids, is read no more. Fails as Redis does. */
export async function tellDeleted(
  redis: Pick<Redis, "call">,
  keys: RecentKeys,
  nodeId: string,
  ids: readonly number[],
  windowMs: number,
): Promise<void> {
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    await redis.call("SADD", keys.deleted(nodeId), ...ids.slice(at, at + IDS_AT_ONCE));
  }
  if (ids.length > 0) await redis.call("EXPIRE", keys.deleted(nodeId), keptSeconds(windowMs));
}
