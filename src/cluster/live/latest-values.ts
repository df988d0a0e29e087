/** The newest value of each series of each node, in Redis: what a node shows that begins to look at a metric, also when its sender is gone. */
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { SHARDS, shardOfMetric } from "../../model/metric-shard.ts";
import { metricOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { Redis, RedisArgument } from "../redis/redis.ts";
import { ShardRows } from "./shard-rows.ts";

/** {time in µs, value}, little-endian float64s. */
const VALUE_BYTES = 16;
const VALUES_AT_ONCE = 500;
const WRITE_EVERY_MS = 1_000;
/** Of the time at most. */
const WRITE_SHARE = 1 / 5;

function keyOf(prefix: string, shard: number, nodeId: string): string {
  return `{${prefix}:${shard}}:latest:${nodeId}`;
}

export interface LatestWriterDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly registry: SeriesRegistry;
  /** Of what this node commits. */
  readonly bus: Pick<Bus, "subscribe">;
  readonly prefix: string;
  readonly nodeId: string;
  valueOf(seriesId: number): { readonly timeUs: number; readonly value: number } | undefined;
  /** All that has changed is about to be written; what this returns is called once it is. */
  onWriting(): () => void;
  onTrouble(sentence: string): void;
}

/** Writes what has changed, once a second, or as seldom as keeps it to a fifth of the time. */
export class LatestWriter {
  readonly #deps: LatestWriterDeps;
  #changed = new Uint8Array(1_024);
  #ids: number[] = [];
  #cancel = () => {};
  readonly #ends: readonly (() => void)[];
  #isClosed = false;

  /** `own`: series that have points already, which Redis may not know. */
  constructor(deps: LatestWriterDeps, own: Iterable<number>) {
    this.#deps = deps;
    this.#markAll(own);
    this.#ends = [
      deps.bus.subscribe(({ count, seriesIds }) => {
        for (let i = 0; i < count; i++) {
          const id = seriesIds[i];
          if (this.#changed[id] !== 1) this.#mark(id);
        }
      }),
    ];
    this.#writeIn(WRITE_EVERY_MS);
  }

  /** A Redis that was emptied knows none of these. */
  again(seriesIds: Iterable<number>): void {
    this.#markAll(seriesIds);
  }

  /** What Redis has may be of other series. Rejects where it cannot be reached. */
  async anew(seriesIds: Iterable<number>): Promise<void> {
    const { redis, prefix, nodeId } = this.#deps;
    await forgetLatest(redis, prefix, nodeId);
    this.#markAll(seriesIds);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    for (const end of this.#ends) end();
  }

  #markAll(seriesIds: Iterable<number>): void {
    for (const id of seriesIds) if (this.#changed[id] !== 1) this.#mark(id);
  }

  #mark(id: number): void {
    if (id >= this.#changed.length) {
      const grown = new Uint8Array(Math.max(id + 1, this.#changed.length * 2));
      grown.set(this.#changed);
      this.#changed = grown;
    }
    this.#changed[id] = 1;
    this.#ids.push(id);
  }

  #writeIn(ms: number): void {
    this.#cancel = this.#deps.clock.after(ms, () => {
      const startMs = this.#deps.clock.monotonicMs();
      void this.#write().then((isWhole) => {
        if (this.#isClosed) return;
        // A Redis that went away meanwhile was waited for, and had no work of it.
        const tookMs = isWhole ? this.#deps.clock.monotonicMs() - startMs : 0;
        this.#writeIn(Math.max(WRITE_EVERY_MS, tookMs / WRITE_SHARE));
      });
    });
  }

  /** Resolves with whether all that had changed is written. */
  async #write(): Promise<boolean> {
    const { redis, registry, prefix, nodeId, onWriting, onTrouble } = this.#deps;
    if (!redis.isUp) return false;
    const onWritten = onWriting();
    let isWhole = true;
    const ids = this.#ids;
    this.#ids = [];
    for (const id of ids) this.#changed[id] = 0;
    const byShard: number[][] = Array.from({ length: SHARDS }, () => []);
    for (const id of ids) if (registry.has(id)) byShard[shardOfMetric(metricOfKey(registry.keyOf(id)))].push(id);
    for (const [shard, all] of byShard.entries()) {
      for (let at = 0; at < all.length; at += VALUES_AT_ONCE) {
        const some = all.slice(at, at + VALUES_AT_ONCE);
        try {
          const pairs = this.#pairsOf(some);
          if (pairs.length > 0) await redis.call("HSET", keyOf(prefix, shard, nodeId), ...pairs);
        } catch (error) {
          isWhole = false;
          this.#markAll(some);
          if (redis.isUp && !this.#isClosed)
            onTrouble(`latest values are not told to other nodes: ${messageOf(error)}`);
        }
      }
    }
    if (isWhole) onWritten();
    return isWhole;
  }

  #pairsOf(ids: readonly number[]): RedisArgument[] {
    const pairs: RedisArgument[] = [];
    for (const id of ids) {
      const latest = this.#deps.valueOf(id);
      if (latest === undefined) continue;
      const bytes = new Float64Array([latest.timeUs, latest.value]);
      pairs.push(id, new Uint8Array(bytes.buffer));
    }
    return pairs;
  }
}

/** Removes those of a node. Rejects where Redis cannot be reached. */
export async function forgetLatest(redis: Pick<Redis, "call">, prefix: string, nodeId: string): Promise<void> {
  for (let shard = 0; shard < SHARDS; shard++) await redis.call("DEL", keyOf(prefix, shard, nodeId));
}

/** All of a node's in one shard: series ids of that node, by pages. */
export async function* readLatest(
  redis: Pick<Redis, "call">,
  prefix: string,
  shard: number,
  nodeId: string,
): AsyncGenerator<ShardRows, void> {
  for (let cursor = "0"; ;) {
    const page = await redis.call("HSCAN", keyOf(prefix, shard, nodeId), cursor, "COUNT", VALUES_AT_ONCE);
    const [next, pairs] = page as [Buffer, Buffer[]];
    const rows = new ShardRows();
    for (let i = 0; i < pairs.length; i += 2) {
      const bytes = pairs[i + 1];
      if (bytes.length !== VALUE_BYTES) continue;
      rows.add(Number(pairs[i].toString()), bytes.readDoubleLE(0), bytes.readDoubleLE(8));
    }
    yield rows;
    cursor = next.toString();
    if (cursor === "0") return;
  }
}
