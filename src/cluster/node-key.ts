/** By what other nodes are known here, and this one to them. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import { clusterKey } from "./cluster-key.ts";
import { callerOf, CALLER_HEADER, type OtherCaller } from "./peers/caller-record.ts";
import type { Redis } from "./redis/redis.ts";

export interface NodeKeyDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly prefix: string;
  /** As it was when it was known last. */
  readonly last?: Uint8Array | undefined;
  onTrouble(sentence: string): void;
}

const RETRY_MS = 1_000;

export class NodeKey {
  readonly #deps: NodeKeyDeps;
  readonly #unfollow: () => void;
  #key: Uint8Array | undefined;
  #secret: string | undefined;
  #hash: Buffer | undefined;
  #cancel = () => {};
  #isClosed = false;

  constructor(deps: NodeKeyDeps) {
    this.#deps = deps;
    if (deps.last !== undefined) this.#take(deps.last);
    // A Redis that was emptied is given the key that this node has: others still have it, too.
    this.#unfollow = deps.redis.follow((isUp) => isUp && void this.#read());
    void this.#read();
  }

  /** As this node shows it to others; undefined: it is not known yet. */
  get secret(): string | undefined {
    return this.#secret;
  }

  /** Undefined: it is not known yet. */
  get bytes(): Uint8Array | undefined {
    return this.#key;
  }

  isKey(secret: string): boolean {
    return this.#hash !== undefined && timingSafeEqual(hashOf(secret), this.#hash);
  }

  callerIn(headers: ReadonlyMap<string, string>): OtherCaller | undefined {
    const text = headers.get(CALLER_HEADER);
    return text === undefined ? undefined : callerOf(text);
  }

  close(): void {
    this.#isClosed = true;
    this.#unfollow();
    this.#cancel();
  }

  async #read(): Promise<void> {
    const { redis, clock, prefix, onTrouble } = this.#deps;
    if (this.#isClosed || !redis.isUp) return;
    try {
      this.#take(await clusterKey(redis, prefix, this.#key));
    } catch (error) {
      if (!redis.isUp) return;
      onTrouble(`the key of the nodes cannot be read: ${messageOf(error)}`);
      this.#cancel = clock.after(RETRY_MS, () => void this.#read());
    }
  }

  #take(key: Uint8Array): void {
    this.#key = key;
    this.#secret = `wpn_${Buffer.from(key).toString("base64url")}`;
    this.#hash = hashOf(this.#secret);
  }
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
