/** Connections to a Redis over ioredis, as its address says: to one server, to the master that sentinels name, or to a Redis Cluster. */
import { Cluster, Redis as Client, type RedisOptions } from "ioredis";
import type { RedisAddress, RedisHost } from "./redis-url.ts";

export interface RedisTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

export interface ConnectionWish {
  readonly address: RedisAddress;
  readonly tls: RedisTls | undefined;
  /** Of sentinels; undefined: they want none. */
  readonly sentinelPassword: string | undefined;
  /** In the list of clients of Redis. */
  readonly name: string;
  /** Left out: as long as it takes. */
  readonly commandTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 2_000;
const [RETRY_MS_MIN, RETRY_MS_MAX] = [50, 1_000];
/** How soon it is seen that a slot has another master where nobody was sent there. */
const SLOTS_EVERY_MS = 5_000;

/** Does not wait for the Redis, and tries again without end. */
export function connectRedis(wish: ConnectionWish): Client | Cluster {
  const { kind, hosts, database, master, isEncrypted } = wish.address;
  const options = optionsOf(wish);
  if (kind === "cluster") {
    const { enableOfflineQueue, retryStrategy: clusterRetryStrategy, ...redisOptions } = options;
    return new Cluster([...hosts], {
      ...{ enableOfflineQueue, clusterRetryStrategy, redisOptions, slotsRefreshInterval: SLOTS_EVERY_MS },
      // What a connection did not answer may have been done: whoever asked has to look first.
      retryDelayOnFailover: 0,
    });
  }
  if (kind === "sentinel") {
    const sentinels = hosts.map(({ host, port }) => ({ host, port }));
    const sentinel = { sentinels, name: master, sentinelRetryStrategy: retryAfterMs };
    const { sentinelPassword, tls } = wish;
    const login = sentinelPassword === undefined ? {} : { sentinelPassword };
    const encrypted = isEncrypted ? { sentinelTLS: { ...tls }, enableTLSForSentinelMode: true } : {};
    return new Client({ ...options, ...sentinel, ...login, ...encrypted, db: database });
  }
  return new Client({ ...options, ...hosts[0], db: database });
}

/** To one server of a Redis Cluster, for subscriptions: commands wait for the connection, and it subscribes to nothing by itself. */
export function connectShard(wish: ConnectionWish, shard: RedisHost): Client {
  return new Client({ ...optionsOf(wish), ...shard, enableOfflineQueue: true, autoResubscribe: false });
}

function optionsOf({ address, tls, name, commandTimeoutMs }: ConnectionWish) {
  const { isEncrypted, user, password } = address;
  return {
    connectionName: name,
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryAfterMs,
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
    ...(user === "" ? {} : { username: user }),
    ...(password === "" ? {} : { password }),
    ...(isEncrypted ? { tls: { ...tls } } : {}),
  } satisfies RedisOptions;
}

function retryAfterMs(times: number): number {
  return Math.min(RETRY_MS_MIN * 2 ** Math.min(times, 10), RETRY_MS_MAX);
}
