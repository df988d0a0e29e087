/** A Redis that one node can be cut off from, and that can lose answers. */
import type { Redis, RedisArgument, RedisReply, RedisScript } from "../../../src/cluster/redis/redis.ts";
import { WatchpostError } from "../../../src/model/errors.ts";

export class FaultyRedis implements Redis {
  /** Runs a script, or does something else first or instead. */
  onRun: (script: RedisScript, run: () => Promise<RedisReply>) => Promise<RedisReply> = (_, run) => run();
  /** Before what was waited for is told: a reader that is slow. */
  slowMs = 0;
  readonly #inner: Redis;
  readonly #listeners = new Set<(isUp: boolean) => void>();
  #cut = new AbortController();
  #isCut = false;

  constructor(inner: Redis) {
    this.#inner = inner;
    inner.follow(() => {
      if (!this.#isCut) this.#tell();
    });
  }

  get isFull(): boolean {
    return !this.#isCut && this.#inner.isFull;
  }

  get isUp(): boolean {
    return !this.#isCut && this.#inner.isUp;
  }

  get trouble(): string {
    return this.#isCut ? "it is cut off" : this.#inner.trouble;
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#tell();
    this.#cut.abort();
    this.#cut = new AbortController();
  }

  mend(): void {
    if (!this.#isCut) return;
    this.#isCut = false;
    this.#tell();
  }

  follow(listener: (isUp: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  call(command: string, ...parameters: RedisArgument[]): Promise<RedisReply> {
    return this.#through(() => this.#inner.call(command, ...parameters));
  }

  run(script: RedisScript, keys: readonly string[], parameters: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#through(() => this.onRun(script, () => this.#inner.run(script, keys, parameters)));
  }

  wait(waitMs: number, signal: AbortSignal, command: string, ...parameters: RedisArgument[]): Promise<RedisReply> {
    return this.#through(async (cut) => {
      const reply = await this.#inner.wait(waitMs, AbortSignal.any([signal, cut]), command, ...parameters);
      if (this.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, this.slowMs));
      return reply;
    });
  }

  publish(channel: string, message: Uint8Array): Promise<void> {
    return this.#inner.publish(channel, message);
  }

  subscribe(channel: string, listener: (message: Uint8Array) => void): Promise<() => void> {
    return this.#inner.subscribe(channel, listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #through(run: (cut: AbortSignal) => Promise<RedisReply>): Promise<RedisReply> {
    if (this.#isCut) throw lostAnswer();
    const { signal } = this.#cut;
    const reply = await run(signal);
    if (signal.aborted) throw lostAnswer();
    return reply;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener(this.isUp);
  }
}

export function lostAnswer(): WatchpostError {
  return new WatchpostError("UNAVAILABLE", "the answer was lost", { retryAfterMs: 1_000 });
}
