/** What the nodes need of a Redis. Everything is bounded in time, and nothing waits for a Redis that is away. */
export type RedisArgument = string | number | Uint8Array;

export interface Redis {
  /** Whether it answers, and takes what is written, as far as is known: looked at once a second, and with every connection. */
  readonly isUp: boolean;
  /** Whether it does not, as far as is known, since it has no room: scripts that free some are run all the same. */
  readonly isFull: boolean;
  /** Why it is not, in words; "": it is. */
  readonly trouble: string;
  /** Calls `listener` whenever {@link isUp} has changed. What was published meanwhile did not come. Returns what ends it. */
  follow(listener: (isUp: boolean) => void): () => void;
  /**
   * One command; of replies strings are bytes. Calls are sent as they come, in one connection, so that those of one key are in
   * order. Rejects with UNAVAILABLE at once where Redis is away, after two seconds where it does not answer, in which case it may
   * have done it; with RESOURCE_EXHAUSTED where it has no room for more, and FAILED_PRECONDITION where it refuses the command otherwise.
   */
  call(command: string, ...parameters: RedisArgument[]): Promise<RedisReply>;
  /** The same of a script, whose keys are of one slot. */
  run(script: RedisScript, keys: readonly string[], parameters: readonly RedisArgument[]): Promise<RedisReply>;
  /**
   * The same of a command that waits for `waitMs` at most, over a connection of its own, until `signal` is aborted: then it rejects
   * with CANCELLED.
   */
  wait(waitMs: number, signal: AbortSignal, command: string, ...parameters: RedisArgument[]): Promise<RedisReply>;
  /** Sends to whoever listens at that channel. With a Redis Cluster through the shard that the channel's name belongs to. */
  publish(channel: string, message: Uint8Array): Promise<void>;
  /** Calls `listener` with what is published from when it resolves on; also after an outage. The function it gives ends it. */
  subscribe(channel: string, listener: (message: Uint8Array) => void): Promise<() => void>;
  /** Idempotent; what is under way rejects. */
  close(): Promise<void>;
}

export interface RedisScript {
  readonly name: string;
  readonly lua: string;
  /** It only takes away. */
  readonly frees?: true;
}

export type RedisReply = Buffer | number | null | RedisReply[];
