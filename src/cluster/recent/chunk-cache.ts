/** Chunks of slices, which do not change: those that were read lately are not read again. */
import type { Redis } from "../redis/redis.ts";

const BYTES_MAX = 32 * 1024 * 1024;
const AT_ONCE = 16;

export class ChunkCache {
  readonly #redis: Pick<Redis, "call">;
  /** Least recently used first. */
  readonly #chunks = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(redis: Pick<Redis, "call">) {
    this.#redis = redis;
  }

  /** Null where there is none. Fails as Redis does. */
  async of(keys: readonly string[]): Promise<(Uint8Array | null)[]> {
    const chunks: (Uint8Array | null)[] = [];
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      chunks.push(...(await Promise.all(keys.slice(at, at + AT_ONCE).map((key) => this.#one(key)))));
    }
    return chunks;
  }

  async #one(key: string): Promise<Uint8Array | null> {
    const known = this.#chunks.get(key);
    if (known !== undefined) {
      this.#chunks.delete(key);
      this.#chunks.set(key, known);
      return known;
    }
    const reply = (await this.#redis.call("GET", key)) as Buffer | null;
    if (reply === null) return null;
    const chunk = new Uint8Array(reply);
    if (!this.#chunks.has(key)) this.#bytes += chunk.length;
    this.#chunks.set(key, chunk);
    for (const [oldest, { length }] of this.#chunks) {
      if (this.#bytes <= BYTES_MAX) break;
      this.#chunks.delete(oldest);
      this.#bytes -= length;
    }
    return chunk;
  }
}
