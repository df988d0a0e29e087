/**
 * Who the nodes are. Each writes itself down in Redis once a second, and is taken for gone when it has not for four. Time is that of
 * the Redis, so that clocks of nodes do not matter.
 */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { NodeRecordSchema, type NodeRecord } from "../wire/gen/nodes_pb.ts";
import type { Redis, RedisScript } from "./redis/redis.ts";

export interface MembersDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  /** Of all keys; its braces keep them in one slot. */
  readonly prefix: string;
  /** As this node is now. */
  self(): MessageInitShape<typeof NodeRecordSchema>;
  /** Nodes that there are, as other places than Redis know: it may have lost those that are gone. */
  remembered?(): Iterable<RememberedNode>;
  /** Others that lived when they were known last: they do until Redis tells. */
  readonly last?: readonly NodeRecord[];
  onTrouble(sentence: string): void;
}

export interface KnownNode {
  readonly record: NodeRecord;
  readonly isLive: boolean;
  /** Of Redis' clock, Unix milliseconds. */
  readonly seenAtMs: number;
  /** Redis does not know it. */
  readonly isRemembered?: boolean;
}

export interface RememberedNode {
  readonly nodeId: string;
  readonly name: string;
  readonly version: string;
  readonly seenAtMs: number;
}

export const NODE_TTL_MS = 4_000;
export const BEAT_EVERY_MS = 1_000;
/** A dead node has a name for so long. */
const KEPT_S = 7 * 24 * 3_600;
/** All are read by all: of many nodes more seldom. */
const READ_MS_A_NODE = 10;
const READ_EVERY_MS_MAX = 30_000;
/** Of the set of nodes. */
const NODES_KEPT_MAX = 10_000;
/** What is published where all are to read who there is. */
const READ_ALL = new Uint8Array(0);

const BEAT: RedisScript = {
  name: "the sign of life",
  lua: `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('SET', KEYS[1] .. ':' .. ARGV[1], ARGV[2], 'EX', ARGV[3])
if ARGV[4] == '0' then return { now } end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3] * 1000)
local nodes = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[5] - 1, 'WITHSCORES')
local answer = { now }
for i = 1, #nodes, 2 do
  local record = redis.call('GET', KEYS[1] .. ':' .. nodes[i])
  if record then
    answer[#answer + 1] = nodes[i + 1]
    answer[#answer + 1] = record
  end
end
return answer`,
};

const LEAVE: RedisScript = {
  name: "the leaving",
  lua: `
local t = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', t[1] * 1000 + math.floor(t[2] / 1000) - ARGV[2] - 1, ARGV[1])
return 1`,
};

const FORGET: RedisScript = {
  name: "the forgetting of a node",
  lua: `
redis.call('DEL', KEYS[1] .. ':' .. ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])`,
};

export class Members {
  readonly #deps: MembersDeps;
  readonly #key: string;
  readonly #nodeId: string;
  readonly #listeners = new Set<() => void>();
  #known: readonly KnownNode[] = [];
  /** Of those that Redis knew once. */
  readonly #seenAtMs = new Map<string, number>();
  /** What others have said since the last look began. */
  readonly #heard = new Map<string, NodeRecord>();
  #readAtMs = -Infinity;
  #upSinceMs = Infinity;
  #beating: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #unsubscribe: (() => void) | undefined;
  #cancel: () => void = () => {};
  #unfollow: () => void;
  #isClosed = false;
  #trouble = "";

  private constructor(deps: MembersDeps) {
    this.#deps = deps;
    this.#key = `{${deps.prefix}}:nodes`;
    if (deps.redis.isUp) this.#upSinceMs = deps.clock.monotonicMs();
    this.#nodeId = create(NodeRecordSchema, deps.self()).nodeId;
    this.#unfollow = deps.redis.follow((isUp) => {
      if (!isUp) return;
      this.#upSinceMs = deps.clock.monotonicMs();
      void this.#listen();
      void this.announce();
    });
  }

  /** Resolves once this node is written down, or it is known that it cannot be now. */
  static async open(deps: MembersDeps): Promise<Members> {
    const members = new Members(deps);
    const last = deps.redis.isUp ? [] : (deps.last ?? []);
    members.#note(last.map((record) => ({ record, isLive: true, seenAtMs: 0 })));
    if (deps.redis.isUp) await members.#listen();
    await members.announce();
    members.#beatSoon();
    return members;
  }

  /** Redis has told who they are. */
  get isTold(): boolean {
    return this.#readAtMs !== -Infinity;
  }

  /** Those that live, this one among them; while Redis is away as they were last. In order of their ids. */
  get live(): readonly NodeRecord[] {
    return this.#known.filter(({ isLive }) => isLive).map(({ record }) => record);
  }

  /** The same with those that are gone, for a week. */
  get known(): readonly KnownNode[] {
    return this.#known;
  }

  /** Calls `listener` when a node has come, gone, or written something else down. Returns what ends it. */
  follow(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Writes down at once how this node is, so that all others see it, and reads how they are. Never rejects. */
  async announce(): Promise<void> {
    await this.#lookSoon();
    await this.#publish(toBinary(NodeRecordSchema, create(NodeRecordSchema, this.#deps.self())));
  }

  /**
   * Resolves once all that live have had the time to say so since Redis was away, and {@link known} is as Redis tells it now. Rejects with
   * UNAVAILABLE where it is away.
   */
  async settled(): Promise<void> {
    const { clock, redis } = this.#deps;
    for (;;) {
      if (!redis.isUp) {
        throw new WatchpostError("UNAVAILABLE", `it is not known which nodes live: Redis is away: ${redis.trouble}`);
      }
      const leftMs = this.#upSinceMs + NODE_TTL_MS - clock.monotonicMs();
      if (!(leftMs > 0)) break;
      await new Promise<void>((resolve) => void clock.after(leftMs, resolve));
    }
    await this.#lookSoon();
  }

  /** There is no such node any more. Rejects where Redis does not hear of it. */
  async forget(nodeId: string): Promise<void> {
    await this.#deps.redis.run(FORGET, [this.#key], [nodeId]);
    this.#seenAtMs.delete(nodeId);
    await this.#lookSoon();
    await this.#publish(READ_ALL);
  }

  /** Those who are remembered are others than before. */
  rememberedChanged(): void {
    this.#note(this.#known.filter(({ isRemembered }) => isRemembered !== true));
  }

  get #channel(): string {
    return `{${this.#deps.prefix}}:changed`;
  }

  /** Those who ask while one look waits for the one before have it together. */
  #lookSoon(): Promise<void> {
    this.#next ??= (this.#beating ?? Promise.resolve()).then(() => {
      this.#next = undefined;
      return (this.#beating = this.#beat(true));
    });
    return this.#next;
  }

  async #publish(message: Uint8Array): Promise<void> {
    const { redis } = this.#deps;
    if (redis.isUp && !this.#isClosed) await redis.publish(this.#channel, message).catch(() => {});
  }

  /** Of many nodes all would read all whenever one says something else: what it says comes along. */
  #hear(message: Uint8Array): void {
    const record = message.length === 0 ? undefined : recordOf(message);
    const known = this.#known.filter(({ isRemembered }) => isRemembered !== true);
    const at = known.findIndex((node) => node.isLive && node.record.nodeId === record?.nodeId);
    if (at < 0) return void this.#lookSoon();
    this.#heard.set(record!.nodeId, record!);
    this.#note(known.with(at, { ...known[at], record: record! }));
  }

  async #listen(): Promise<void> {
    const { redis } = this.#deps;
    if (this.#unsubscribe !== undefined || this.#isClosed) return;
    this.#unsubscribe = () => {};
    try {
      this.#unsubscribe = await redis.subscribe(this.#channel, (message) => this.#hear(message));
    } catch {
      this.#unsubscribe = undefined;
    }
  }

  /** The others know at once that it is gone. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancel();
    this.#unfollow();
    this.#unsubscribe?.();
    await this.#beating;
    const { redis } = this.#deps;
    if (!redis.isUp) return;
    await redis.run(LEAVE, [this.#key], [this.#nodeId, NODE_TTL_MS]).catch(() => {});
    await redis.publish(this.#channel, READ_ALL).catch(() => {});
  }

  #beatSoon(): void {
    this.#cancel = this.#deps.clock.after(BEAT_EVERY_MS, () => {
      const readEveryMs = Math.min(this.#known.length * READ_MS_A_NODE, READ_EVERY_MS_MAX);
      const isToRead = this.#deps.clock.monotonicMs() - this.#readAtMs >= readEveryMs;
      this.#beating = (this.#beating ?? Promise.resolve()).then(() => this.#beat(isToRead));
      void this.#beating.then(() => this.#isClosed || this.#beatSoon());
    });
  }

  async #beat(isToRead: boolean): Promise<void> {
    const { redis, self, onTrouble, clock } = this.#deps;
    if (this.#isClosed || !redis.isUp) return;
    const record = toBinary(NodeRecordSchema, create(NodeRecordSchema, self()));
    this.#heard.clear();
    try {
      const parameters = [this.#nodeId, record, KEPT_S, isToRead ? 1 : 0, NODES_KEPT_MAX];
      const [now, ...rest] = (await redis.run(BEAT, [this.#key], parameters)) as [number, ...Buffer[]];
      this.#trouble = "";
      if (!isToRead) return;
      this.#readAtMs = clock.monotonicMs();
      const known: KnownNode[] = [];
      for (let i = 0; i < rest.length; i += 2) {
        const seenAtMs = Number(rest[i].toString());
        const written = recordOf(rest[i + 1]);
        const record = this.#heard.get(written.nodeId) ?? written;
        known.push({ record, isLive: now - seenAtMs <= NODE_TTL_MS, seenAtMs });
      }
      this.#note(known);
    } catch (error) {
      const trouble = messageOf(error);
      if (trouble !== this.#trouble && redis.isUp) onTrouble(`this node cannot be written down in Redis: ${trouble}`);
      this.#trouble = trouble;
    }
  }

  /** A node that Redis does not know yet knows itself. */
  #note(known: readonly KnownNode[]): void {
    const all = [...known];
    const ids = new Set(known.map(({ record }) => record.nodeId));
    if (!ids.has(this.#nodeId))
      all.push({ record: create(NodeRecordSchema, this.#deps.self()), isLive: true, seenAtMs: 0 });
    for (const { record, seenAtMs } of known) this.#seenAtMs.set(record.nodeId, seenAtMs);
    for (const { nodeId, seenAtMs: atMs, ...facts } of this.#deps.remembered?.() ?? []) {
      if (ids.has(nodeId) || nodeId === this.#nodeId) continue;
      const seenAtMs = Math.max(this.#seenAtMs.get(nodeId) ?? 0, atMs);
      if (this.#deps.clock.nowMs() - seenAtMs > KEPT_S * 1_000) continue;
      all.push({ record: create(NodeRecordSchema, { nodeId, ...facts }), isLive: false, seenAtMs, isRemembered: true });
    }
    this.#known = all.sort((a, b) => (a.record.nodeId < b.record.nodeId ? -1 : 1));
    for (const listener of [...this.#listeners]) listener();
  }
}

function recordOf(bytes: Uint8Array): NodeRecord {
  return fromBinary(NodeRecordSchema, new Uint8Array(bytes));
}
