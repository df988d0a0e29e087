/**
 * The id of a node is that of its data directory. Where that was copied, as images of machines are, two would write over each other: the
 * second one is refused. One that was killed a moment ago looks as if it lived, until it has missed its signs of life.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import { pause } from "../model/pause.ts";
import { NodeRecordSchema } from "../wire/gen/nodes_pb.ts";
import { BEAT_EVERY_MS } from "./members.ts";
import type { Redis, RedisScript } from "./redis/redis.ts";

export interface OnlyOneDeps {
  readonly redis: Pick<Redis, "isUp" | "run">;
  readonly clock: Clock;
  /** Of all keys. */
  readonly prefix: string;
  readonly nodeId: string;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

const GONE_AFTER_MS = 2 * BEAT_EVERY_MS;
const LOOK_EVERY_MS = 250;

const SEEN: RedisScript = {
  name: "the look for a node with the id of this one",
  lua: `
local t = redis.call('TIME')
local seen = redis.call('ZSCORE', KEYS[1], ARGV[1])
local record = redis.call('GET', KEYS[1] .. ':' .. ARGV[1])
if not seen or not record then return {} end
return { t[1] * 1000 + math.floor(t[2] / 1000), seen, record }`,
};

/**
 * To be called before this node is written down in Redis. Rejects with FAILED_PRECONDITION where another process says that it is this node;
 * resolves where Redis does not tell, and on the signal.
 */
export async function refuseSecond({ redis, clock, prefix, nodeId, signal }: OnlyOneDeps): Promise<void> {
  for (let firstSeenMs: number | undefined; redis.isUp && !signal.aborted;) {
    const answer = await redis.run(SEEN, [`{${prefix}}:nodes`], [nodeId]).catch(() => []);
    const [nowMs, seen, record] = answer as [number?, Buffer?, Buffer?];
    if (nowMs === undefined || seen === undefined || record === undefined) return;
    const seenMs = Number(seen.toString());
    if (nowMs - seenMs > GONE_AFTER_MS) return;
    firstSeenMs ??= seenMs;
    if (seenMs > firstSeenMs) {
      const { name, address, startedAtMs } = fromBinary(NodeRecordSchema, new Uint8Array(record));
      const since = new Date(Number(startedAtMs)).toISOString();
      throw new WatchpostError(
        "FAILED_PRECONDITION",
        `another node has the data directory of this one: ${name} at ${address || "an address that it has not told yet"}, since ${since} (both have the id ${nodeId}). A copy of a directory is no node of its own: restore a backup (watchpost restore), which has an id of its own, or begin with an empty directory`,
      );
    }
    await pause(LOOK_EVERY_MS, clock, signal);
  }
}
