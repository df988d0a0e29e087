/**
 * Which node is the desk: whoever holds a lease in Redis. It ends by itself, so a node that hangs loses it, and by its own clock it
 * knows that before anybody else can have taken it.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { Redis, RedisScript } from "./redis/redis.ts";

export interface DeskLeaseDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly prefix: string;
  readonly nodeId: string;
  readonly ttlMs?: number;
  /** Whether this node should take it where nobody has it: it serves, and has all of the shared journal. */
  mayTake(): boolean;
  /** It is the desk from now on, under this token; what is written as the desk says the token. */
  onTaken(fence: Fence): void;
  /** It is not any more: another node may be. */
  onLost(): void;
  onTrouble(sentence: string): void;
}

/** What holds for as long as the key has this value. */
export interface Fence {
  readonly key: string;
  readonly token: string;
}

export const DESK_TTL_MS = 4_000;
/** So many looks while a lease lasts. */
const LOOKS = 4;
const SEPARATOR = " ";

/** Takes it where it is nobody's or this one's, or with the ending of a token that ends so; says whose it is. */
const TAKE: RedisScript = {
  name: "the taking of the desk",
  lua: `
local holder = redis.call('GET', KEYS[1])
local ending = ARGV[4]
local isOwn = holder and ending ~= '' and string.sub(holder, -string.len(ending)) == ending
if (not holder and ARGV[3] == '1') or holder == ARGV[1] or isOwn then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
return holder`,
};

const GIVE_BACK: RedisScript = {
  name: "the giving back of the desk",
  lua: `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`,
};

export class DeskLease {
  readonly #deps: DeskLeaseDeps;
  readonly #key: string;
  readonly #ttlMs: number;
  /** Of the term that this node holds; undefined: none. */
  #token: string | undefined;
  /** By this node's monotonic clock. */
  #validUntilMs = -Infinity;
  #holder = "";
  /** Who it was when Redis went away; "": that is not known. */
  #awaited = "";
  /** Since when Redis is up, by this node's monotonic clock. */
  #upSinceMs = -Infinity;
  #looking: Promise<void> | undefined;
  #cancel: () => void = () => {};
  readonly #unfollow: () => void;
  /** {@link resume}d, and Redis has not been asked since. */
  #isResumed = false;
  #isClosed = false;

  constructor(deps: DeskLeaseDeps) {
    this.#deps = deps;
    this.#key = `{${deps.prefix}}:desk`;
    this.#ttlMs = deps.ttlMs ?? DESK_TTL_MS;
    this.#unfollow = deps.redis.follow((isUp) => {
      if (!isUp) {
        if (this.#holder !== "") this.#awaited = this.#holder;
        return;
      }
      this.#upSinceMs = deps.clock.monotonicMs();
      void this.look();
    });
    void this.look();
    this.#lookSoon();
  }

  /** The id of the node that was seen as the desk last; "": none. */
  get holder(): string {
    return this.#holder;
  }

  /** Whether this node is the desk as far as it knows: while Redis is away it stays what it was. */
  get isHeld(): boolean {
    return this.#token !== undefined;
  }

  /** It is again what it was before it ended, and Redis has not told yet whether another one is. */
  get isResumed(): boolean {
    return this.#isResumed;
  }

  /**
   * Redis was away, and is back for less time than a lease lasts: another node that was the desk before takes it first, since that one
   * alone has what could not be written down meanwhile.
   */
  get isAwaited(): boolean {
    const { clock, nodeId } = this.#deps;
    const isOther = this.#awaited !== "" && this.#awaited !== nodeId;
    const isNobodyElses = this.#holder === "" || this.#holder === this.#awaited;
    return isOther && isNobodyElses && clock.monotonicMs() < this.#upSinceMs + this.#ttlMs;
  }

  /** Whether nobody else can be. */
  get isCertain(): boolean {
    return this.isHeld && this.#deps.clock.monotonicMs() < this.#validUntilMs;
  }

  /**
   * This node was the desk when it ended, as far as it knows, and Redis is away: it is again, until Redis tells otherwise. What its run
   * before had of the lease is taken over; nothing is where Redis is there.
   */
  resume(): void {
    const { redis, onTaken } = this.#deps;
    if (redis.isUp || this.isHeld || this.#isClosed) return;
    this.#isResumed = true;
    this.#holder = this.#deps.nodeId;
    this.#token = this.#newToken();
    onTaken({ key: this.#key, token: this.#token });
  }

  /**
   * That node was the desk when this one ended, and Redis is away: it is taken for the desk until Redis tells otherwise. Nothing is where
   * Redis is there.
   */
  suppose(nodeId: string): void {
    if (this.#deps.redis.isUp || this.#holder !== "" || this.#isClosed) return;
    this.#holder = nodeId;
    this.#awaited = nodeId;
  }

  /** Looks now, and takes it where it may. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** Gives it back, so that another node need not wait for its end; takes it again when it may. */
  async giveBack(): Promise<void> {
    await this.#looking;
    const token = this.#token;
    if (token === undefined) return;
    this.#lost();
    if (this.#deps.redis.isUp) await this.#deps.redis.run(GIVE_BACK, [this.#key], [token]).catch(() => {});
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancel();
    this.#unfollow();
    await this.giveBack();
  }

  #lookSoon(): void {
    this.#cancel = this.#deps.clock.after(this.#ttlMs / LOOKS, () => {
      void this.look().then(() => this.#isClosed || this.#lookSoon());
    });
  }

  async #look(): Promise<void> {
    const { redis, clock, nodeId, mayTake, onTaken, onTrouble } = this.#deps;
    if (this.#isClosed || !redis.isUp) return;
    const token = this.#token ?? this.#newToken();
    // Reckoned from before the question: Redis may have taken it at any time since.
    const validUntilMs = clock.monotonicMs() + this.#ttlMs;
    // Also one that may not take it keeps what it has; a token that Redis has lost is nobody's.
    const isWanted = this.isHeld || (!this.isAwaited && mayTake());
    let answer: string;
    try {
      const parameters = [token, this.#ttlMs, isWanted ? 1 : 0, this.#isResumed ? `${SEPARATOR}${nodeId}` : ""];
      answer = String((await redis.run(TAKE, [this.#key], parameters)) ?? "");
    } catch (error) {
      if (redis.isUp) onTrouble(`it is not known which node is the desk: ${messageOf(error)}`);
      return;
    }
    this.#isResumed = false;
    this.#holder = answer.slice(answer.indexOf(SEPARATOR) + 1);
    if (answer !== token) return this.#lost();
    this.#validUntilMs = validUntilMs;
    if (this.isHeld || this.#isClosed) return;
    this.#token = token;
    onTaken({ key: this.#key, token });
  }

  #newToken(): string {
    return `${crypto.randomUUID()}${SEPARATOR}${this.#deps.nodeId}`;
  }

  #lost(): void {
    if (this.#token === undefined) return;
    this.#token = undefined;
    this.#validUntilMs = -Infinity;
    this.#deps.onLost();
  }
}
