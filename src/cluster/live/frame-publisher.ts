/**
 * Sends committed points of this node to nodes where somebody wants them, through Redis, and straight to those that have a line. One round of messages is under way at a time,
 * and what comes meanwhile is the next one: so under load they are few and large. Where Redis is too slow points are left out, which
 * their receivers see by the numbers of what comes.
 */
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../model/clock.ts";
import { SHARDS, shardOfMetric } from "../../model/metric-shard.ts";
import { metricOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { POINT_BYTES, type Frame } from "../../model/frame.ts";
import type { Redis } from "../redis/redis.ts";
import { encodeLiveFrame, liveFrameHead } from "./live-frame.ts";
import { ShardRows } from "./shard-rows.ts";
import type { StraightFrames } from "./straight-frames.ts";

export interface FramePublisherDeps {
  readonly redis: Pick<Redis, "isUp" | "publish">;
  readonly clock: Pick<Clock, "after">;
  readonly registry: SeriesRegistry;
  /** Of what this node commits. */
  readonly bus: Pick<Bus, "subscribe">;
  readonly prefix: string;
  readonly nodeId: string;
  readonly startedAtMs: number;
  readonly straight: Pick<StraightFrames, "wanted" | "send" | "count">;
  /** By shard: 1 where another node wants it through Redis. Asked for each frame. */
  wantedByOthers(): Uint8Array;
  /** A series has points on this node, in this process for the first time. */
  onSeries(seriesId: number): void;
  onSent(points: number, bytes: number): void;
  /** So many points are not sent, since Redis is away or too slow. */
  onLeftOut(points: number): void;
}

const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** Without Redis points wait for each other so long. */
const STRAIGHT_ROUND_MS = 5;
const UNKNOWN = 255;
const NOTHING = new ShardRows();

export function channelOf(prefix: string, shard: number): string {
  return `{${prefix}:${shard}}:live`;
}

export class FramePublisher {
  readonly #deps: FramePublisherDeps;
  /** By series id. */
  #shards = new Uint8Array(1_024).fill(UNKNOWN);
  readonly #seqs = new Float64Array(SHARDS);
  /** 1 where something of the shard was not sent, which the next number tells. */
  readonly #hasGap = new Uint8Array(SHARDS);
  /** 1 where somebody wants a shard of which something was not sent to them: they are told once the latest values have it. */
  readonly #owed = new Uint8Array(SHARDS);
  #rows = Array.from({ length: SHARDS }, () => new ShardRows());
  #sending = Array.from({ length: SHARDS }, () => new ShardRows());
  /** Shards of {@link #rows} that have some, each once. */
  #filled: number[] = [];
  readonly #channels: readonly string[];
  readonly #head: Uint8Array;
  #waitingPoints = 0;
  #arrivalMs = 0;
  #sentArrivalMs = 0;
  #isSending = false;
  readonly #unsubscribe: () => void;

  constructor(deps: FramePublisherDeps) {
    this.#deps = deps;
    this.#channels = Array.from({ length: SHARDS }, (_, shard) => channelOf(deps.prefix, shard));
    this.#head = liveFrameHead(deps);
    this.#unsubscribe = deps.bus.subscribe((frame) => this.#take(frame));
  }

  /** The latest values are being written: what this returns, called once they are, tells who lacks something that they are there. */
  writing(): () => void {
    const owed: number[] = [];
    const wanted = this.#deps.wantedByOthers();
    for (let shard = 0; shard < SHARDS; shard++) {
      if (wanted[shard] === 0 || (this.#hasGap[shard] === 0 && this.#owed[shard] === 0)) continue;
      this.#owed[shard] = 0;
      owed.push(shard);
    }
    return () => {
      for (const shard of owed) {
        this.#hasGap[shard] = 1;
        void this.#sendOne(shard, NOTHING);
      }
    };
  }

  /** Somebody new listens to a shard: latest values may lack what was sent to others before. */
  joined(shard: number): void {
    this.#owed[shard] = 1;
  }

  /** Of a series that has points on this node. */
  shardOf(seriesId: number): number {
    const shard = this.#shards[seriesId];
    return shard === undefined || shard === UNKNOWN ? this.#meet(seriesId) : shard;
  }

  close(): void {
    this.#unsubscribe();
  }

  #take({ count, seriesIds, timesUs, values, arrivalMs }: Frame): void {
    const { redis, straight, wantedByOthers } = this.#deps;
    const [wanted, straightWanted] = [wantedByOthers(), straight.wanted];
    const before = this.#waitingPoints;
    for (let i = 0; i < count; i++) {
      const id = seriesIds[i];
      let shard = this.#shards[id];
      if (shard === undefined || shard === UNKNOWN) shard = this.#meet(id);
      if (wanted[shard] === 0 && straightWanted[shard] === 0) this.#hasGap[shard] = 1;
      else {
        const rows = this.#rows[shard];
        if (rows.count === 0) this.#filled.push(shard);
        rows.add(id, timesUs[i], values[i]);
        this.#waitingPoints++;
      }
    }
    if (this.#waitingPoints === before) return;
    this.#arrivalMs = arrivalMs;
    const isTooMuch = this.#waitingPoints * POINT_BYTES > WAITING_BYTES_MAX;
    if (isTooMuch || (!redis.isUp && straight.count === 0)) this.#leaveOut();
    else if (!this.#isSending) void this.#send();
  }

  #meet(id: number): number {
    if (id >= this.#shards.length) {
      const grown = new Uint8Array(Math.max(id + 1, this.#shards.length * 2)).fill(UNKNOWN);
      grown.set(this.#shards);
      this.#shards = grown;
    }
    const shard = shardOfMetric(metricOfKey(this.#deps.registry.keyOf(id)));
    this.#shards[id] = shard;
    this.#deps.onSeries(id);
    return shard;
  }

  #leaveOut(): void {
    this.#deps.onLeftOut(this.#waitingPoints);
    this.#waitingPoints = 0;
    for (const shard of this.#filled.splice(0)) {
      this.#hasGap[shard] = 1;
      this.#rows[shard].clear();
    }
  }

  async #send(): Promise<void> {
    const { redis, clock } = this.#deps;
    this.#isSending = true;
    while (this.#waitingPoints > 0) {
      [this.#rows, this.#sending] = [this.#sending, this.#rows];
      const filled = this.#filled;
      this.#filled = [];
      this.#waitingPoints = 0;
      this.#sentArrivalMs = this.#arrivalMs;
      await Promise.all(filled.map((shard) => this.#sendOne(shard, this.#sending[shard])));
      // Nobody's answer is waited for.
      if (!redis.isUp) await new Promise<void>((resolve) => void clock.after(STRAIGHT_ROUND_MS, resolve));
    }
    this.#isSending = false;
  }

  async #sendOne(shard: number, rows: ShardRows): Promise<void> {
    const { redis, straight, wantedByOthers, onSent, onLeftOut } = this.#deps;
    const points = rows.count;
    const isForRedis = wantedByOthers()[shard] === 1;
    // The number of the next one tells those who have no line; they may look before the latest values are written.
    if (isForRedis && !redis.isUp) this.#owed[shard] = 1;
    if (!redis.isUp && straight.wanted[shard] === 0) {
      this.#hasGap[shard] = 1;
      rows.clear();
      onLeftOut(points);
      return;
    }
    // Whoever was told of a gap while values were not written yet is told again.
    if (this.#hasGap[shard] === 1 && points > 0) this.#owed[shard] = 1;
    this.#seqs[shard] += this.#hasGap[shard] === 1 ? 2 : 1;
    this.#hasGap[shard] = 0;
    const facts = { shardSeq: this.#seqs[shard], arrivalMs: this.#sentArrivalMs };
    const bytes = encodeLiveFrame(this.#head, facts, rows);
    if (points > 0) rows.clear();
    let isSent = straight.send(shard, bytes);
    if (isForRedis && redis.isUp) {
      try {
        await redis.publish(this.#channels[shard], bytes);
        isSent = true;
      } catch {
        this.#owed[shard] = 1;
      }
    }
    if (!isSent) this.#hasGap[shard] = 1;
    if (isSent) onSent(points, bytes.length);
    else if (points > 0) onLeftOut(points);
  }
}
