/** Nodes of the rig with a real Redis, and the recent window of each in it. */
import { RecentReader } from "../../../src/cluster/recent/recent-reader.ts";
import type { RecentRoom } from "../../../src/cluster/recent/recent-room.ts";
import { RecentWriter, type RecentWriterDeps } from "../../../src/cluster/recent/recent-writer.ts";
import { openRedis } from "../../../src/cluster/redis/open-redis.ts";
import type { Redis } from "../../../src/cluster/redis/redis.ts";
import { parseRedisUrl } from "../../../src/cluster/redis/redis-url.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { ENDLESS_SLICE, runToEnd } from "../../../src/store/slice.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startRedis } from "../redis-server.ts";
import { until } from "../until.ts";
import type { NodesRig } from "../history/nodes-rig.ts";

export interface RecentRig extends AsyncDisposable {
  readonly redis: Redis;
  /** Of the writers: timers run when it is moved. */
  readonly clock: ManualClock;
  /** Of the node at a position; the one before must be closed or left. */
  writer(rig: NodesRig, node: number, more?: Partial<RecentWriterDeps>): TestedWriter;
  /** As the node at a position reads, of all others. */
  reader(rig: NodesRig, node: number, earliestUs?: () => number): RecentReader;
}

export interface TestedWriter {
  readonly writer: RecentWriter;
  /** As a process that is killed: nothing is written any more. */
  kill(): void;
  readonly troubles: string[];
  readonly rooms: RecentRoom[];
  readonly counts: { points: number; bytes: number; gaps: number };
}

export const WINDOW_MS = 7_200_000;

/** On a server of its own. */
export async function openRecent(settings: readonly string[] = []): Promise<RecentRig> {
  const server = await startRedis(settings);
  const rig = await openRecentOn(server.url);
  return {
    ...rig,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export async function openRecentOn(url: string): Promise<RecentRig> {
  const redis = openRedis(parseRedisUrl(url)!, { clock: systemClock, name: "test", probeKey: "{t}:probe" });
  await until("Redis is up", () => redis.isUp);
  const clock = new ManualClock();
  return {
    ...{ redis, clock },
    writer(rig, node, more = {}) {
      const { nodeId, open, registry } = rig.nodes[node];
      const troubles: string[] = [];
      const rooms: RecentRoom[] = [];
      const counts = { points: 0, bytes: 0, gaps: 0 };
      let isKilled = false;
      const own = new Proxy(redis, {
        get(target, name) {
          if (name === "isUp") return !isKilled && target.isUp;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const writer = new RecentWriter({
        ...{ redis: own, clock, registry, nodeId, prefix: "t", nextSeq: 0, windowMs: WINDOW_MS, budgetBytes: 2 ** 40 },
        store: { recent: async (query) => runToEnd(open.store.recent.part(query, ENDLESS_SLICE)) },
        bus: { subscribe: () => () => {} },
        onWritten(points, bytes) {
          counts.points += points;
          counts.bytes += bytes;
        },
        onGap: () => void counts.gaps++,
        onRoom: (room) => void rooms.push(room),
        onTrouble: (sentence) => void troubles.push(sentence),
        ...more,
      });
      return { writer, kill: () => void (isKilled = true), troubles, rooms, counts };
    },
    reader(rig, node, earliestUs = () => 0) {
      const { registry } = rig.nodes[node];
      const other = (nodeId: string) => rig.nodes.find((each) => each.nodeId === nodeId)!.registry;
      const names = {
        otherIdsOf: (nodeId: string, ids: ArrayLike<number>) =>
          Uint32Array.from(ids, (id) => (registry.has(id) ? (other(nodeId).idOf(registry.keyOf(id)) ?? 0) : 0)),
        countOf: (nodeId: string) => other(nodeId).count,
      };
      const deps = { redis, clock: systemClock, prefix: "t", windowMs: WINDOW_MS, names, earliestUs, onRead: () => {} };
      return new RecentReader(deps);
    },
    [Symbol.asyncDispose]: () => redis.close(),
  };
}

/** All of these nodes are down. */
export function down(rig: NodesRig, nodes: readonly number[]): void {
  const ids = nodes.map((node) => rig.nodes[node].nodeId);
  rig.answer = (nodeId) => {
    if (ids.includes(nodeId)) throw new WatchpostError("UNAVAILABLE", "it is down");
    return undefined;
  };
}
