/** A {@link Redis} over ioredis: a single server, one behind sentinels, or a Redis Cluster. */
import { Cluster, type Redis as Client } from "ioredis";
import { createHash } from "node:crypto";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { connectRedis, connectShard, type ConnectionWish, type RedisTls } from "./connect-redis.ts";
import { redisFault } from "./redis-fault.ts";
import type { Redis, RedisArgument, RedisReply, RedisScript } from "./redis.ts";
import type { RedisAddress } from "./redis-url.ts";
import { ShardSubscriptions } from "./shard-subscriptions.ts";
import { orAnew, plainSubscriptions, watch, type Subscriptions } from "./subscriptions.ts";

export interface OpenRedisDeps {
  readonly clock: Clock;
  readonly tls?: RedisTls | undefined;
  /** Left out: sentinels want none. */
  readonly sentinelPassword?: string | undefined;
  /** Tells connections of this node from others: in the list of clients of Redis. */
  readonly name: string;
  /** A key that it may write to, to see whether Redis takes what is written: one that does not is away. Left out: that is not looked at. */
  readonly probeKey?: string;
}

const COMMAND_TIMEOUT_MS = 2_000;
const PING_EVERY_MS = 1_000;
/** Added to what a command waits by itself. */
const WAIT_GRACE_MS = 2_000;
const RETRY_AFTER_MS = 1_000;
const PROBE_KEPT_MS = 10_000;
/** Of its memory: one that was full has room again below that, so that it is not full again at once. */
const FULL_UNTIL_SHARE = 0.95;
const PROBE = `
local share = tonumber(ARGV[2])
if share > 0 then
  local memory = redis.call('INFO', 'memory')
  local used, max = tonumber(memory:match('used_memory:(%d+)')), tonumber(memory:match('maxmemory:(%d+)'))
  if max > 0 and used > max * share then return redis.error_reply('OOM hardly any memory is free') end
end
return redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])`;

/** Does not wait for the Redis: it may come later. */
export function openRedis(address: RedisAddress, deps: OpenRedisDeps): Redis {
  return new IoRedis(address, deps);
}

class IoRedis implements Redis {
  readonly #address: RedisAddress;
  readonly #deps: OpenRedisDeps;
  readonly #commands: Client | Cluster;
  readonly #subscriptions: Subscriptions;
  readonly #waiting = new Set<Client | Cluster>();
  readonly #idle: (Client | Cluster)[] = [];
  readonly #listeners = new Set<(isUp: boolean) => void>();
  readonly #channels = new Map<string, Set<(message: Uint8Array) => void>>();
  readonly #shas = new Map<RedisScript, string>();
  #isUp = false;
  /** It was when it was looked at last. */
  #isFull = false;
  /** So often trouble was told. */
  #downs = 0;
  #trouble = "it was not reached yet";
  #isClosed = false;
  #cancelPing: () => void = () => {};

  constructor(address: RedisAddress, deps: OpenRedisDeps) {
    this.#address = address;
    this.#deps = deps;
    this.#commands = connectRedis(this.#wish("commands", COMMAND_TIMEOUT_MS));
    const listener = {
      onMessage: (channel: string, message: Uint8Array) => {
        for (const listener of [...(this.#channels.get(channel) ?? [])]) listener(message);
      },
      onChange: () => this.#look(),
      onTrouble: (error: unknown) => this.#down(error),
    };
    const wish = this.#wish("subscriptions", COMMAND_TIMEOUT_MS);
    this.#subscriptions =
      this.#commands instanceof Cluster
        ? new ShardSubscriptions({
            ...{ cluster: this.#commands, listener },
            connect: (shard) => connectShard(wish, shard),
          })
        : plainSubscriptions(connectRedis(wish) as Client, listener);
    watch(this.#commands, listener);
    this.#pingSoon();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isFull(): boolean {
    return !this.#isUp && this.#isFull;
  }

  get trouble(): string {
    return this.#isUp ? "" : this.#trouble;
  }

  follow(listener: (isUp: boolean) => void): () => void {
    const own = (isUp: boolean) => listener(isUp);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  call(command: string, ...parameters: RedisArgument[]): Promise<RedisReply> {
    return this.#told(command, () => reply(this.#commands.callBuffer(command, parametersOf(parameters))));
  }

  async run(script: RedisScript, keys: readonly string[], parameters: readonly RedisArgument[]): Promise<RedisReply> {
    let sha = this.#shas.get(script);
    if (sha === undefined) this.#shas.set(script, (sha = createHash("sha1").update(script.lua).digest("hex")));
    const rest = parametersOf([keys.length, ...keys, ...parameters]);
    const once = () =>
      reply(this.#commands.callBuffer("EVALSHA", [sha, ...rest])).catch((error: unknown) => {
        if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
        return reply(this.#commands.callBuffer("EVAL", [script.lua, ...rest]));
      });
    return this.#told(script.name, once, script.frees === true && this.isFull);
  }

  async wait(
    waitMs: number,
    signal: AbortSignal,
    command: string,
    ...parameters: RedisArgument[]
  ): Promise<RedisReply> {
    if (signal.aborted) throw cancelled(command);
    this.#refuseWhileDown(command);
    const client = this.#idle.pop() ?? this.#connectWaiting();
    let isGone = false;
    const aborted = Promise.withResolvers<never>();
    const gone = (error: WatchpostError) => {
      isGone = true;
      aborted.reject(error);
    };
    const onAbort = () => gone(cancelled(command));
    signal.addEventListener("abort", onAbort, { once: true });
    const cancelTimer = this.#deps.clock.after(waitMs + WAIT_GRACE_MS, () =>
      gone(away(command, "it did not answer in time")),
    );
    try {
      const answer = whenReady(client).then(() => reply(client.callBuffer(command, parametersOf(parameters))));
      answer.catch(() => {});
      return await Promise.race([answer, aborted.promise]);
    } catch (error) {
      // Whatever it answers now would be taken for the answer to the next.
      isGone = true;
      throw tellable(command, error);
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", onAbort);
      if (isGone || this.#isClosed) {
        this.#waiting.delete(client);
        client.disconnect();
      } else this.#idle.push(client);
    }
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    await this.call(this.#isSharded ? "SPUBLISH" : "PUBLISH", channel, message);
  }

  async subscribe(channel: string, listener: (message: Uint8Array) => void): Promise<() => void> {
    const own = (message: Uint8Array) => listener(message);
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(own));
    const end = () => {
      if (!listeners.delete(own) || listeners.size > 0 || this.#channels.get(channel) !== listeners) return;
      this.#channels.delete(channel);
      if (!this.#isClosed) this.#subscriptions.remove(channel);
    };
    try {
      await this.#told("SUBSCRIBE", () => this.#subscriptions.add(channel));
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPing();
    this.#subscriptions.close();
    for (const client of [this.#commands, ...this.#waiting]) client.disconnect();
    this.#down(new Error("it was closed"));
  }

  /** Redis Cluster sends what is published plainly to all of its nodes. */
  get #isSharded(): boolean {
    return this.#address.kind === "cluster";
  }

  async #told<T>(command: string, run: () => Promise<T>, isDoneWhileDown = false): Promise<T> {
    if (!isDoneWhileDown) this.#refuseWhileDown(command);
    try {
      return await run();
    } catch (error) {
      // What nodes do with a Redis is to write: one that is full is of no more use than one that is away.
      if (isFullFault(error) && this.#deps.probeKey !== undefined) this.#down(error);
      throw tellable(command, error);
    }
  }

  #refuseWhileDown(command: string): void {
    if (!this.#isUp) throw away(command, this.#trouble);
  }

  #look(): void {
    if (this.#commands.status !== "ready" || this.#isClosed) return;
    const downs = this.#downs;
    // Behind what it subscribes to again, so that whoever hears that it is up misses nothing from then on.
    Promise.all([this.#answers(), this.#subscriptions.look()]).then(
      () => downs === this.#downs && this.#up(),
      (error: unknown) => this.#down(error),
    );
  }

  async #answers(): Promise<void> {
    // Of a cluster whoever looks at subscriptions asks all of its masters.
    if (!(this.#commands instanceof Cluster)) await orAnew(this.#commands, this.#commands.ping());
    const { probeKey } = this.#deps;
    if (probeKey === undefined) return;
    await this.#commands.callBuffer("EVAL", [PROBE, 1, probeKey, PROBE_KEPT_MS, this.#isFull ? FULL_UNTIL_SHARE : 0]);
    this.#isFull = false;
  }

  /** A process that was stopped keeps its connections: only its silence tells. */
  #pingSoon(): void {
    this.#cancelPing = this.#deps.clock.after(PING_EVERY_MS, () => {
      this.#look();
      this.#pingSoon();
    });
  }

  #up(): void {
    if (this.#isUp || this.#isClosed) return;
    this.#isUp = true;
    this.#tell();
  }

  /** `why`: undefined where a connection ended without an error, whose trouble was told before if it never began. */
  #down(why: unknown): void {
    this.#downs++;
    if (isFullFault(why)) this.#isFull = true;
    if (why === undefined && !this.#isUp) return;
    this.#trouble = why === undefined ? "the connection was closed" : redisFault(why, this.#address.isEncrypted);
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener(this.#isUp);
  }

  #connectWaiting(): Client | Cluster {
    const client = connectRedis(this.#wish("waits"));
    // Whoever waits hears of it by the command.
    client.on("error", () => {});
    this.#waiting.add(client);
    return client;
  }

  #wish(what: string, commandTimeoutMs?: number): ConnectionWish {
    const { tls, sentinelPassword, name } = this.#deps;
    const wish = { address: this.#address, tls, sentinelPassword, name: `${name}:${what}` };
    return commandTimeoutMs === undefined ? wish : { ...wish, commandTimeoutMs };
  }
}

function whenReady(client: Client | Cluster): Promise<void> {
  if (client.status === "ready") return Promise.resolve();
  return new Promise((resolve) => void client.once("ready", () => resolve()));
}

function parametersOf(parameters: readonly RedisArgument[]): (string | number | Buffer)[] {
  return parameters.map((each) =>
    each instanceof Uint8Array ? Buffer.from(each.buffer, each.byteOffset, each.byteLength) : each,
  );
}

function reply(promise: Promise<unknown>): Promise<RedisReply> {
  return promise as Promise<RedisReply>;
}

function away(command: string, why: string): WatchpostError {
  return new WatchpostError("UNAVAILABLE", `Redis did not do ${command}: ${why}`, { retryAfterMs: RETRY_AFTER_MS });
}

function cancelled(command: string): WatchpostError {
  return new WatchpostError("CANCELLED", `${command} of Redis is not waited for any more`);
}

/** What Redis says of a command begins with a word in capitals. */
function tellable(command: string, error: unknown): WatchpostError {
  if (error instanceof WatchpostError) return error;
  const message = messageOf(error);
  const isRefusal =
    (error as { name?: unknown }).name === "ReplyError" &&
    !/^(?:LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN)/.test(message);
  if (!isRefusal) return away(command, message);
  if (isFullFault(error)) {
    const full = `Redis has no room for ${command}: ${message}`;
    return new WatchpostError("RESOURCE_EXHAUSTED", full, { retryAfterMs: RETRY_AFTER_MS, cause: error });
  }
  return new WatchpostError("FAILED_PRECONDITION", `Redis refuses ${command}: ${redisFault(error, false)}`, {
    cause: error,
  });
}

function isFullFault(error: unknown): boolean {
  // Of a script an old Redis says it in the middle.
  return /(?:^|-)OOM\b/.test(messageOf(error));
}
