/** How much the recent window may take, and what goes where it is more. */
import type { Redis } from "../redis/redis.ts";
import { RECENT_SHARDS, TAIL, type RecentKeys } from "./recent-keys.ts";
import { LET_GO, UNLINK } from "./recent-scripts.ts";

/** Of what Redis may take at all: the rest is for what cannot be done without. */
const MEMORY_SHARE = 0.7;

export interface RecentRoom {
  readonly bytes: number;
  /** Slices that went since they were too much. */
  readonly dropped: number;
  /** When the oldest that is left was written, by Redis' clock: Unix milliseconds; 0: there is none. */
  readonly fromMs: number;
}

/** The oldest slices go that are older than `windowMs`, or more than `budgetBytes` together. Fails as Redis does. */
export async function letGo(
  redis: Pick<Redis, "call" | "run" | "isFull">,
  keys: RecentKeys,
  windowMs: number,
  budgetBytes: number,
): Promise<RecentRoom> {
  const kept = async (bytes: number) => {
    const parameters = [windowMs, Math.max(0, Math.floor(bytes)), keys.node(""), keys.tail("")];
    const answer = (await redis.run(LET_GO, [keys.order, keys.sizes], parameters)) as [
      number,
      number,
      Buffer,
      ...Buffer[],
    ];
    const [left, dropped, fromMs, ...gone] = answer;
    await Promise.all(gone.map((member) => unlinkChunks(redis, keys, member.toString())));
    return { bytes: left, dropped, fromMs: Math.floor(Number(fromMs.toString())) };
  };
  const room = await kept(budgetBytes);
  // It takes nothing from anybody, and nobody else can give way.
  if (redis.isFull) return less(room, await kept(room.bytes / 2));
  const over = overBytes((await redis.call("INFO", "memory")) as Buffer | null);
  if (over <= 0 || room.bytes === 0) return room;
  return less(room, await kept(room.bytes - over));
}

function less(before: RecentRoom, after: RecentRoom): RecentRoom {
  return { ...after, dropped: before.dropped + after.dropped };
}

/** Points of a slice, wherever they stand. */
export async function unlinkChunks(redis: Pick<Redis, "run">, keys: RecentKeys, member: string): Promise<void> {
  const [nodeId, field] = member.split("/");
  if (field === TAIL) return;
  const chunks = Array.from({ length: RECENT_SHARDS }, (_, shard) => keys.chunk(nodeId, shard, Number(field)));
  await Promise.all(chunks.map((key) => redis.run(UNLINK, [key], [])));
}

/** Bytes that are taken past the share; what a Redis without a limit says is no number. */
function overBytes(info: Buffer | null): number {
  const of = (name: string) => Number(new RegExp(`^${name}:([0-9]+)`, "m").exec(info?.toString() ?? "")?.[1] ?? 0);
  const max = of("maxmemory");
  return max === 0 ? 0 : of("used_memory") - max * MEMORY_SHARE;
}
