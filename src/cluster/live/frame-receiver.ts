/**
 * Points that other nodes commit, of the shards that somebody here wants, as frames with the ids of this node, whichever way they come.
 * Where something did not come, or was sent before anybody listened, the latest values are read instead.
 */
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import type { Frame } from "../../model/frame.ts";
import { SHARDS } from "../../model/metric-shard.ts";
import { Serial } from "../../model/serial.ts";
import type { Redis } from "../redis/redis.ts";
import { channelOf } from "./frame-publisher.ts";
import { readLatest } from "./latest-values.ts";
import type { SeriesNames } from "./series-names.ts";
import { decodeLiveFrame, type Rows } from "./live-frame.ts";
import type { StraightFrames } from "./straight-frames.ts";
import type { WantedShards } from "./wanted-shards.ts";

export interface FrameReceiverDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly names: Pick<SeriesNames, "idsOf" | "learn">;
  readonly straight: Pick<StraightFrames, "ask">;
  readonly wanted: Pick<WantedShards, "has">;
  readonly prefix: string;
  readonly nodeId: string;
  /** Of all nodes that ever were, this one left out. */
  others(): readonly string[];
  /** To be called with each frame, in order of each node. */
  publish(frame: Frame): void;
  onReceived(points: number): void;
  /** Points of another node's are missing. */
  onGap(nodeId: string): void;
  onTrouble(sentence: string): void;
}

interface Heard {
  startedAtMs: number;
  shardSeq: number;
}

const UNKNOWN_MAX = 10_000;
/** Latest values are written once a second where there is little to write. */
const LOOK_AGAIN_MS = 2_500;

interface Point {
  readonly timeUs: number;
  readonly value: number;
}

export class FrameReceiver {
  readonly #deps: FrameReceiverDeps;
  /** By shard. */
  readonly #ends: ((() => void) | undefined)[] = new Array(SHARDS).fill(undefined);
  readonly #subscribing = new Serial();
  readonly #looking = new Serial();
  /** By node and shard. */
  readonly #heard = new Map<string, Heard>();
  /** Looks that wait for their turn, so that many gaps are one look. */
  readonly #planned = new Set<string>();
  /** By node: the newest points of series whose names are to be asked for, by its ids. */
  readonly #unknown = new Map<string, Map<number, Point>>();
  /** The same of those that Redis has no name for yet. */
  readonly #unnamed = new Map<string, Map<number, Point>>();
  readonly #unfollow: () => void;
  #cancelLook = () => {};
  #seq = 0;
  #isClosed = false;

  constructor(deps: FrameReceiverDeps) {
    this.#deps = deps;
    this.#unfollow = deps.redis.follow((isUp) => {
      if (!isUp) return;
      this.update();
      this.#lookAtThoseHeard();
      // A node that was not away itself may not have written yet what it sent meanwhile.
      this.#cancelLook();
      this.#cancelLook = deps.clock.after(LOOK_AGAIN_MS, () => this.#lookAtThoseHeard());
    });
    this.update();
  }

  /** Listens to the shards that are wanted now, and to no others. */
  update(): void {
    for (const key of this.#heard.keys()) {
      if (!this.#deps.wanted.has(Number(key.slice(key.lastIndexOf(" ") + 1)))) this.#heard.delete(key);
    }
    for (let shard = 0; shard < SHARDS; shard++) {
      if (this.#deps.wanted.has(shard) === (this.#ends[shard] !== undefined)) continue;
      void this.#subscribing.run(`${shard}`, () => this.#follow(shard));
    }
  }

  /** Further series of a node have a name: what came of them before counts now. */
  named(nodeId: string): void {
    const unnamed = this.#unnamed.get(nodeId);
    if (unnamed === undefined) return;
    const known = this.#deps.names.idsOf(nodeId);
    const named = [...unnamed].filter(([id]) => known[id]);
    for (const [id] of named) unnamed.delete(id);
    if (unnamed.size === 0) this.#unnamed.delete(nodeId);
    this.#publish(nodeId, this.#deps.clock.nowMs(), rowsOf(named));
  }

  /** An encoded frame of another node, or of this one. What came already, another way, is passed over. */
  take(shard: number, bytes: Uint8Array): void {
    const { nodeId, wanted, onReceived, onGap } = this.#deps;
    const frame = decodeLiveFrame(bytes);
    if (frame === undefined || frame.nodeId === nodeId || this.#isClosed || !wanted.has(shard)) return;
    const key = `${frame.nodeId} ${shard}`;
    const heard = this.#heard.get(key);
    const isNewest = frame.shardSeq === 0;
    const isSameProcess = heard?.startedAtMs === frame.startedAtMs;
    if (isSameProcess && !isNewest && frame.shardSeq <= heard.shardSeq) return;
    if (!isNewest) this.#heard.set(key, { startedAtMs: frame.startedAtMs, shardSeq: frame.shardSeq });
    this.#publish(frame.nodeId, frame.arrivalMs, frame);
    onReceived(frame.count);
    if (isNewest || (isSameProcess && heard.shardSeq + 1 === frame.shardSeq)) return;
    if (heard !== undefined) onGap(frame.nodeId);
    this.#lookAt(frame.nodeId, shard);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelLook();
    this.#unfollow();
    for (const end of this.#ends) end?.();
  }

  async #follow(shard: number): Promise<void> {
    const { redis, wanted, prefix, onTrouble } = this.#deps;
    if (this.#isClosed || wanted.has(shard) === (this.#ends[shard] !== undefined)) return;
    if (!wanted.has(shard)) {
      this.#ends[shard]?.();
      this.#ends[shard] = undefined;
      return;
    }
    if (!redis.isUp) return;
    try {
      const end = await redis.subscribe(channelOf(prefix, shard), (bytes) => this.take(shard, bytes));
      if (this.#isClosed) return end();
      this.#ends[shard] = end;
      this.#lookAtAll(shard);
    } catch (error) {
      if (redis.isUp && !this.#isClosed) onTrouble(`points of other nodes are not heard: ${messageOf(error)}`);
    }
  }

  /** Rows of series whose names are not known yet wait until they are: the newest of each, and then their latest values are read. */
  #publish(
    nodeId: string,
    arrivalMs: number,
    { count, seriesIds, timesUs, values }: Rows,
    onUnknown = (otherId: number, point: Point) => this.#miss(nodeId, otherId, point),
  ): void {
    const { names, publish } = this.#deps;
    const known = names.idsOf(nodeId);
    const ids = new Uint32Array(count);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const id = known[seriesIds[i]];
      // Undefined: past the end of what is known.
      if (!id) {
        onUnknown(seriesIds[i], { timeUs: timesUs[i], value: values[i] });
        continue;
      }
      ids[kept] = id;
      if (kept < i) {
        timesUs[kept] = timesUs[i];
        values[kept] = values[i];
      }
      kept++;
    }
    if (kept > 0) publish({ seq: ++this.#seq, arrivalMs, count: kept, seriesIds: ids, timesUs, values });
  }

  #miss(nodeId: string, otherId: number, point: Point): void {
    const unknown = this.#unknown.get(nodeId);
    if (unknown !== undefined) return keepNewest(unknown, otherId, point);
    this.#unknown.set(nodeId, new Map([[otherId, point]]));
    void this.#looking.run(nodeId, async () => {
      const missed = [...(this.#unknown.get(nodeId) ?? [])];
      this.#unknown.delete(nodeId);
      try {
        const ids = missed.map(([id]) => id);
        const { straight, names } = this.#deps;
        // Redis may not have them, or not be there.
        await (straight.ask(nodeId, ids) ?? names.learn(nodeId, ids));
      } catch (error) {
        return this.#failed(nodeId, error);
      }
      // The latest values in Redis may be older. What still has no name waits for it, or finds no room here.
      this.#publish(nodeId, this.#deps.clock.nowMs(), rowsOf(missed), (id, point) => {
        const unnamed = this.#unnamed.get(nodeId) ?? new Map<number, Point>();
        this.#unnamed.set(nodeId, unnamed);
        keepNewest(unnamed, id, point);
      });
      for (let shard = 0; shard < SHARDS; shard++) if (this.#ends[shard] !== undefined) this.#lookAt(nodeId, shard);
    });
  }

  #lookAtThoseHeard(): void {
    for (let shard = 0; shard < SHARDS; shard++) if (this.#ends[shard] !== undefined) this.#lookAtAll(shard);
  }

  #lookAtAll(shard: number): void {
    for (const nodeId of this.#deps.others()) this.#lookAt(nodeId, shard);
  }

  #lookAt(nodeId: string, shard: number): void {
    const key = `${nodeId} ${shard}`;
    if (this.#planned.has(key)) return;
    this.#planned.add(key);
    void this.#looking.run(nodeId, async () => {
      this.#planned.delete(key);
      if (this.#isClosed || this.#ends[shard] === undefined) return;
      const { redis, clock, names, prefix } = this.#deps;
      try {
        for await (const rows of readLatest(redis, prefix, shard, nodeId)) {
          const page = rows.rows;
          const known = names.idsOf(nodeId);
          const unknown = [...page.seriesIds].filter((id) => !known[id]);
          if (unknown.length > 0) await names.learn(nodeId, unknown);
          // What still has no name finds no room here.
          this.#publish(nodeId, clock.nowMs(), page, () => {});
        }
      } catch (error) {
        this.#failed(nodeId, error);
      }
    });
  }

  #failed(nodeId: string, error: unknown): void {
    const { redis, onTrouble } = this.#deps;
    if (redis.isUp && !this.#isClosed)
      onTrouble(`the latest values of node ${nodeId} are not read: ${messageOf(error)}`);
  }
}

function keepNewest(points: Map<number, Point>, id: number, point: Point): void {
  const before = points.get(id);
  const isNewer = before === undefined ? points.size < UNKNOWN_MAX : before.timeUs <= point.timeUs;
  if (isNewer) points.set(id, point);
}

function rowsOf(points: readonly (readonly [id: number, point: Point])[]): Rows {
  return {
    count: points.length,
    seriesIds: Uint32Array.from(points, ([id]) => id),
    timesUs: Float64Array.from(points, ([, { timeUs }]) => timeUs),
    values: Float64Array.from(points, ([, { value }]) => value),
  };
}
