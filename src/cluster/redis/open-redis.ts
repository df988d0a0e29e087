/** A {@link Redis} over ioredis: a single server, one behind sentinels, or a Redis Cluster. */
import { Cluster, Redis as Client } from "ioredis";
import { createHash } from "node:crypto";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { Redis, RedisArgument, RedisReply, RedisScript } from "./redis.ts";
import type { RedisAddress } from "./redis-url.ts";

export interface RedisTls {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

export interface OpenRedisDeps {
  readonly clock: Clock;
  readonly tls?: RedisTls | undefined;
  /** Tells connections of this node from others: in the list of clients of Redis. */
  readonly name: string;
}

const COMMAND_TIMEOUT_MS = 2_000;
const PING_EVERY_MS = 1_000;
/** Added to what a command waits by itself. */
const WAIT_GRACE_MS = 2_000;
const [RETRY_MS_MIN, RETRY_MS_MAX] = [50, 1_000];
const RETRY_AFTER_MS = 1_000;

/** Does not wait for the Redis: it may come later. */
export function openRedis(address: RedisAddress, deps: OpenRedisDeps): Redis {
  return new IoRedis(address, deps);
}

class IoRedis implements Redis {
  readonly #address: RedisAddress;
  readonly #deps: OpenRedisDeps;
  readonly #commands: Client | Cluster;
  readonly #subscriber: Client | Cluster;
  readonly #waiting = new Set<Client | Cluster>();
  readonly #idle: (Client | Cluster)[] = [];
  readonly #listeners = new Set<(isUp: boolean) => void>();
  readonly #channels = new Map<string, Set<(message: Uint8Array) => void>>();
  readonly #shas = new Map<RedisScript, string>();
  #isUp = false;
  #trouble = "it was not reached yet";
  #isClosed = false;
  #cancelPing: () => void = () => {};

  constructor(address: RedisAddress, deps: OpenRedisDeps) {
    this.#address = address;
    this.#deps = deps;
    this.#commands = this.#connect("commands", COMMAND_TIMEOUT_MS);
    this.#subscriber = this.#connect("subscriptions", COMMAND_TIMEOUT_MS);
    const take = (channel: Buffer, message: Buffer) => {
      for (const listener of [...(this.#channels.get(channel.toString()) ?? [])]) listener(message);
    };
    this.#subscriber.on(this.#isSharded ? "smessageBuffer" : "messageBuffer", take);
    for (const client of [this.#commands, this.#subscriber]) {
      client.on("ready", () => this.#look());
      // Each try to connect ends with them, after the error that says why.
      for (const end of ["close", "end"]) client.on(end, () => this.#isUp && this.#down("the connection was closed"));
      client.on("error", (error: unknown) => this.#down(messageOf(error)));
    }
    this.#pingSoon();
  }

  get isUp(): boolean {
    return this.#isUp;
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
    return this.#told(script.name, () =>
      reply(this.#commands.callBuffer("EVALSHA", [sha, ...rest])).catch((error: unknown) => {
        if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
        return reply(this.#commands.callBuffer("EVAL", [script.lua, ...rest]));
      }),
    );
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
      if (this.#isClosed) return;
      const ended = this.#isSharded ? this.#subscriber.sunsubscribe(channel) : this.#subscriber.unsubscribe(channel);
      ended.catch(() => {});
    };
    try {
      await this.#told("SUBSCRIBE", () =>
        this.#isSharded ? this.#subscriber.ssubscribe(channel) : this.#subscriber.subscribe(channel),
      );
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
    for (const client of [this.#commands, this.#subscriber, ...this.#waiting]) client.disconnect();
    this.#down("it was closed");
  }

  /** Redis Cluster sends what is published plainly to all of its nodes. */
  get #isSharded(): boolean {
    return this.#address.kind === "cluster";
  }

  async #told<T>(command: string, run: () => Promise<T>): Promise<T> {
    this.#refuseWhileDown(command);
    try {
      return await run();
    } catch (error) {
      throw tellable(command, error);
    }
  }

  #refuseWhileDown(command: string): void {
    if (!this.#isUp) throw away(command, this.#trouble);
  }

  #look(): void {
    if (this.#commands.status !== "ready" || this.#subscriber.status !== "ready" || this.#isClosed) return;
    // Behind what it subscribes to again, so that whoever hears that it is up misses nothing from then on.
    const listens = this.#isSharded ? undefined : (this.#subscriber as Client).ping();
    Promise.all([this.#commands.callBuffer("PING"), listens]).then(
      () => this.#up(),
      (error: unknown) => this.#down(messageOf(error)),
    );
  }

  /** A process that was stopped keeps its connections: only its silence tells. */
  #pingSoon(): void {
    this.#cancelPing = this.#deps.clock.after(PING_EVERY_MS, () => {
      this.#look();
      this.#pingSoon();
    });
  }

  #up(): void {
    if (this.#isUp || this.#isClosed || this.#subscriber.status !== "ready") return;
    this.#isUp = true;
    this.#tell();
  }

  #down(why: string): void {
    this.#trouble = why;
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener(this.#isUp);
  }

  #connectWaiting(): Client | Cluster {
    const client = this.#connect("waits", undefined);
    // Whoever waits hears of it by the command.
    client.on("error", () => {});
    this.#waiting.add(client);
    return client;
  }

  #connect(what: string, commandTimeout: number | undefined): Client | Cluster {
    const { kind, hosts, isEncrypted, user, password, database, master } = this.#address;
    const { tls = {}, name } = this.#deps;
    const common = {
      connectionName: `${name}:${what}`,
      protocol: 2 as const,
      connectTimeout: COMMAND_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: retryAfterMs,
      ...(commandTimeout === undefined ? {} : { commandTimeout }),
      ...(user === "" ? {} : { username: user }),
      ...(password === "" ? {} : { password }),
      ...(isEncrypted ? { tls: { ...tls } } : {}),
    };
    if (kind === "cluster") {
      const { enableOfflineQueue, retryStrategy, ...redisOptions } = common;
      return new Cluster([...hosts], {
        enableOfflineQueue,
        clusterRetryStrategy: retryStrategy,
        shardedSubscribers: what === "subscriptions",
        redisOptions,
      });
    }
    if (kind === "sentinel") {
      const sentinels = hosts.map(({ host, port }) => ({ host, port }));
      const sentinel = { sentinels, name: master, sentinelRetryStrategy: retryAfterMs };
      return new Client({ ...common, ...sentinel, db: database, enableTLSForSentinelMode: isEncrypted });
    }
    return new Client({ ...common, ...hosts[0], db: database });
  }
}

function retryAfterMs(times: number): number {
  return Math.min(RETRY_MS_MIN * 2 ** Math.min(times, 10), RETRY_MS_MAX);
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
  if (/^OOM\b/.test(message)) {
    const full = `Redis has no room for ${command}: ${message}`;
    return new WatchpostError("RESOURCE_EXHAUSTED", full, { retryAfterMs: RETRY_AFTER_MS, cause: error });
  }
  return new WatchpostError("FAILED_PRECONDITION", `Redis refuses ${command}: ${message}`, { cause: error });
}
