/** The recent window in Redis, as a node has it: what it writes, and what it reads of nodes that are down. */
import { RecentReader } from "../cluster/recent/recent-reader.ts";
import type { RecentRoom } from "../cluster/recent/recent-room.ts";
import { RecentWriter } from "../cluster/recent/recent-writer.ts";
import type { SeriesNames } from "../cluster/live/series-names.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { Storage } from "./open-storage.ts";

export interface OpenRecentDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly nodeId: string;
  /** Undefined until they are known. */
  names(): SeriesNames | undefined;
  onTrouble(sentence: string): void;
}

export interface OpenRecent {
  readonly reader: RecentReader;
  /** What Redis had when it was looked at last; undefined: not yet. */
  room(): (RecentRoom & { readonly budgetBytes: number }) | undefined;
  /** Begins to write; `opening` ends that. */
  fill(opening: AsyncDisposableStack): void;
}

/** Undefined: there is to be none. */
export function openRecent(config: Config, storage: Storage, deps: OpenRecentDeps): OpenRecent | undefined {
  const { recent_window: windowMs, recent_budget: budgetBytes, prefix } = config.redis;
  if (windowMs === 0) return undefined;
  const { redis, clock, metrics, logger, nodeId, names, onTrouble } = deps;
  let room: RecentRoom | undefined;
  let dropped = 0;
  const common = { redis, clock, prefix, windowMs };
  return {
    reader: new RecentReader({
      ...common,
      names: {
        otherIdsOf: (id, seriesIds) => names()?.otherIdsOf(id, seriesIds) ?? new Uint32Array(seriesIds.length),
        countOf: (id) => names()?.countOf(id) ?? 0,
      },
      earliestUs: () => Math.max(0, (clock.nowMs() - config.retention.raw) * 1_000),
      onRead: (points) => metrics.recentPoints.inc({ direction: "read" }, points),
    }),
    room: () => room && { ...room, budgetBytes },
    fill(opening) {
      const { store, bus, registry, nextSeq } = storage;
      const writer = new RecentWriter({
        ...{ ...common, store, bus, registry, nodeId, nextSeq, budgetBytes, onTrouble },
        onWritten(points, bytes) {
          metrics.recentPoints.inc({ direction: "written" }, points);
          metrics.recentWrittenBytes.inc(bytes);
        },
        onGap() {
          metrics.recentGaps.inc();
          logger.warn({}, "the recent window in Redis begins anew: what came before is not whole there");
        },
        onRoom(now) {
          metrics.recentBytes.set(now.bytes);
          metrics.recentDropped.inc(now.dropped);
          dropped += now.dropped;
          room = { ...now, dropped };
        },
      });
      opening.defer(() => writer.close());
    },
  };
}
