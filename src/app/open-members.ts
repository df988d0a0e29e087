/** The Redis of a node, and who the other nodes are: what this one tells them of itself, and how it calls them. */
import { hostname } from "node:os";
import { Members, type RememberedNode } from "../cluster/members.ts";
import { NodeKey } from "../cluster/node-key.ts";
import { refuseSecond } from "../cluster/only-one.ts";
import { Peers } from "../cluster/peers/peers.ts";
import { PROTOCOL, protocolFault } from "../cluster/protocol.ts";
import type { Redis } from "../cluster/redis/redis.ts";
import { redisAdvice } from "../cluster/redis/redis-advice.ts";
import { shownRedisUrl } from "../cluster/redis/redis-url.ts";
import type { JournalPlace } from "../cluster/shared/open-replica.ts";
import type { Config } from "../config/config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { NodeRecord } from "../wire/gen/nodes_pb.ts";
import { rememberedNodes, rememberNodes } from "./remember-nodes.ts";
import { isUpSoon, peerTls, redisOf } from "./redis-of.ts";

export interface MembersDeps {
  readonly nodeId: string;
  readonly startedAtMs: number;
  /** Ends what waits. */
  readonly signal: AbortSignal;
  /** As this node is now. */
  self(): OwnFacts;
  /** Nodes that the shared journal knows of, once there is one. */
  remembered(): Iterable<RememberedNode>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  onTrouble(sentence: string): void;
}

/** What the others are told of this node. */
export interface OwnFacts {
  /** "": it cannot be reached yet. */
  readonly address: string;
  /** "serving" or "draining". */
  readonly state: string;
  readonly wantedShards: Uint8Array;
  /** How far it has come in the shared journal; undefined: it has none yet. */
  readonly journal: JournalPlace | undefined;
  readonly series: number;
  readonly pointsPerS: number;
  /** That it evaluates. */
  readonly rules: number;
}

export interface OpenMembers {
  readonly redis: Redis;
  readonly key: NodeKey;
  readonly peers: Peers;
  readonly members: Members;
  /** Nodes that live and can be reached, this one left out. */
  others(): readonly NodeRecord[];
  /** Why some of those that live are not understood, or do not understand this one, in words. */
  faults(): readonly string[];
  /** Since when Redis is away, and why. */
  trouble(): { readonly why: string; readonly sinceMs: number } | undefined;
}

export function nodeNameOf({ redis: { node_name } }: Config): string {
  return node_name === "auto" ? hostname() : node_name;
}

/** Waits a moment for Redis. Throws FAILED_PRECONDITION where there is one with which it cannot be, or another node that has its data directory. `opening` closes what was opened. */
export async function openMembers(
  config: Config,
  url: string,
  { nodeId, startedAtMs, signal, self, remembered, clock, logger, metrics, onTrouble }: MembersDeps,
  opening: AsyncDisposableStack,
): Promise<OpenMembers> {
  const { prefix } = config.redis;
  const redis = redisOf(config, url, nodeId, clock);
  opening.defer(() => redis.close());
  let awaySinceMs = startedAtMs;
  opening.defer(
    redis.follow((isUp) => {
      if (!isUp) awaySinceMs = clock.nowMs();
      metrics.redisUp.set(isUp ? 1 : 0);
      const facts = { redis: shownRedisUrl(url) };
      if (isUp) {
        logger.info(facts, "Redis is there: this node has its part in the others");
        void tellAdvice(redis, logger);
      } else logger.warn({ ...facts, trouble: redis.trouble }, "Redis is away: this node goes on by itself");
    }),
  );
  if (!(await isUpSoon(redis, clock))) {
    const facts = { redis: shownRedisUrl(url), trouble: redis.trouble };
    logger.warn(
      facts,
      "Redis is not there: this node begins by itself, or waits for it where it has never had a part in the others",
    );
  }
  await refuseSecond({ redis, clock, prefix, nodeId, signal });
  const last = rememberedNodes(config.data, prefix, onTrouble);
  const key = new NodeKey({ redis, clock, prefix, last: last?.key, onTrouble });
  opening.defer(() => key.close());
  const peers = new Peers({ key: () => key.secret, tls: peerTls(config) });
  opening.defer(() => peers.close());

  const name = nodeNameOf(config);
  const members = await Members.open({
    ...{ redis, clock, prefix, remembered, last: last?.nodes ?? [], onTrouble },
    self: () => {
      const { address, state, wantedShards, journal, series, rules, pointsPerS } = self();
      return {
        ...{ nodeId, name, version: BUILD.version, protocol: PROTOCOL, startedAtMs: BigInt(startedAtMs) },
        ...{ address, state, wantedShards, series: BigInt(series), rules: BigInt(rules), pointsPerSecond: pointsPerS },
        journalPosition: BigInt(journal?.position ?? 0),
        journalEpoch: BigInt(journal?.epoch ?? 0),
      };
    },
  });
  opening.defer(() => members.close());
  const faults = () => members.live.map((record) => protocolFault(record)).filter((fault) => fault !== "");
  const [fault] = faults();
  // Of nodes that were remembered nobody knows which version they are of now.
  if (fault !== undefined && members.isTold) throw new WatchpostError("FAILED_PRECONDITION", fault);
  const others = () =>
    members.live.filter((record) => record.nodeId !== nodeId && record.address !== "" && protocolFault(record) === "");
  const note = () => {
    for (const sentence of faults()) onTrouble(sentence);
    peers.keep(new Set(others().map((record) => record.address)));
    metrics.nodesLive.set(members.live.length);
  };
  note();
  opening.defer(members.follow(note));
  opening.defer(rememberNodes({ dir: config.data, prefix, redis, clock, key, members, others, onTrouble }));
  const trouble = () => (redis.isUp ? undefined : { why: redis.trouble, sinceMs: awaySinceMs });
  return { redis, key, peers, members, others, faults, trouble };
}

async function tellAdvice(redis: Redis, logger: Logger): Promise<void> {
  // Who is not allowed to ask is not told.
  const found = await redisAdvice(redis).catch(() => []);
  for (const { text, advice } of found) logger.warn({ advice }, text);
}
