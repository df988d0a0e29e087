/**
 * How much one caller may take: of a server that many share, none takes what the others need. Callers are the principals that calls are
 * made as, or, where it is not proven who that is, the networks that they come from.
 */
import { formatRoughDurationMs } from "../model/duration.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import { networkOf } from "../model/network.ts";
import { RateLimit } from "../model/rate-limit.ts";
import {
  HOLD_LIMITS,
  RATE_LIMITS,
  type Allowance,
  type ConnectionLimits,
  type HoldLimitName,
  type LimitName,
  type OpenConnection,
  type RateLimitName,
} from "../wire/allowance.ts";
import type { Principal } from "../wire/service.ts";

/** Infinity: there is none. */
export type LimitSettings = Readonly<Record<LimitName, number>>;

/** Somebody who was refused something. */
export interface Limited {
  readonly limit: LimitName;
  /** In words. */
  readonly who: string;
  /** Of the limit. */
  readonly max: number;
  /** How often, since it began. */
  readonly times: number;
}

export interface LimitsDeps {
  readonly settings: LimitSettings;
  /** Connections from this machine itself; left out: as from any other. */
  readonly ownConnections?: number;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Called each time: as often as somebody likes. */
  onLimited(limited: Limited): void;
}

/** Callers that are told apart, of each kind. */
const CALLERS_MAX = 10_000;
/** Looked at to find one that can be forgotten. */
const LOOKED_AT_MAX = 32;
const LIMITED_MAX = 1_000;
const LATELY_MS = 60_000;
const LOOPBACK_V6 = networkOf("::1");
const HOLD_RETRY_MS = 1_000;
/** What may come at once after a pause, of what is counted by the second. */
const BURST_SECONDS = 10;

/** What each limit holds when nothing was used, and gets back each second; of a limit of so many. */
const RATES: Readonly<Record<RateLimitName, (max: number) => { burst: number; perSecond: number }>> = {
  messages_per_second: (max) => ({ burst: BURST_SECONDS * max, perSecond: max }),
  points_per_second: (max) => ({ burst: BURST_SECONDS * max, perSecond: max }),
  new_series_per_hour: (max) => ({ burst: max, perSecond: max / 3_600 }),
  query_seconds_per_minute: (max) => ({ burst: max, perSecond: max / 60 }),
};

export class Limits implements ConnectionLimits {
  readonly #deps: LimitsDeps;
  readonly #principals = new Map<string, Caller>();
  readonly #networks = new Map<string, Caller>();
  readonly #connections = new Map<string, number>();
  #connectionsAll = 0;
  /** By limit and caller; the first that was limited first. */
  readonly #limited = new Map<string, { limited: Limited; atMs: number }>();

  constructor(deps: LimitsDeps) {
    this.#deps = deps;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connectionsAll;
  }

  /** Callers that are told apart now. */
  get callers(): number {
    return this.#principals.size + this.#networks.size;
  }

  /** Of whoever calls as `principal` from `peer`. */
  allowanceOf({ isAuthenticated, name }: Pick<Principal, "isAuthenticated" | "name">, peer: string): Allowance {
    if (isAuthenticated) return this.#callerIn(this.#principals, name, () => JSON.stringify(name));
    const network = networkOf(peer);
    return this.#callerIn(this.#networks, network, () => `the address ${network}`);
  }

  enter(address: string): OpenConnection {
    const { settings, ownConnections } = this.#deps;
    const { connections: allMax, connections_per_address: othersMax } = settings;
    const network = networkOf(address);
    const max = isLoopback(network) ? (ownConnections ?? othersMax) : othersMax;
    const count = this.#connections.get(network) ?? 0;
    const who = `the address ${network}`;
    if (count >= max) throw this.#refused("connections_per_address", who, HOLD_RETRY_MS, max);
    if (this.#connectionsAll >= allMax) throw this.#refused("connections", who, HOLD_RETRY_MS);
    this.#connections.set(network, count + 1);
    this.#connectionsAll++;
    let pings: RateLimit | undefined;
    return {
      ping: () => {
        const perSecond = this.#deps.settings.pings_per_second;
        if (perSecond === Infinity) return undefined;
        const nowMs = this.#deps.clock.monotonicMs();
        pings ??= new RateLimit(perSecond, BURST_SECONDS * perSecond, nowMs);
        const waitMs = pings.take(nowMs);
        return waitMs === 0 ? undefined : this.#refused("pings_per_second", who, waitMs);
      },
      leave: () => {
        const left = this.#connections.get(network)! - 1;
        if (left > 0) this.#connections.set(network, left);
        else this.#connections.delete(network);
        this.#connectionsAll--;
      },
    };
  }

  /** Who was limited within the last minute, the most often first. */
  lately(max: number): Limited[] {
    const sinceMs = this.#deps.clock.monotonicMs() - LATELY_MS;
    for (const [key, { atMs }] of this.#limited) if (atMs < sinceMs) this.#limited.delete(key);
    const all = [...this.#limited.values()].map(({ limited }) => limited);
    return all.sort((a, b) => b.times - a.times).slice(0, max);
  }

  #callerIn(callers: Map<string, Caller>, key: string, who: () => string): Caller {
    const found = callers.get(key);
    if (found !== undefined) return found;
    // Those who cannot be told apart any more share what one may have.
    const isShared = callers.size >= CALLERS_MAX && !this.#forgetOne(callers);
    if (isShared && key !== "") return this.#callerIn(callers, "", () => "all others");
    const { settings, clock } = this.#deps;
    const told = who();
    const made = new Caller(settings, clock, (limit, retryAfterMs) => this.#refused(limit, told, retryAfterMs));
    callers.set(key, made);
    return made;
  }

  /** Of whom nothing is lost by that. */
  #forgetOne(callers: Map<string, Caller>): boolean {
    let looked = 0;
    for (const [key, caller] of callers) {
      if (key !== "" && caller.isAsNew) return callers.delete(key);
      if (++looked > LOOKED_AT_MAX) return false;
      callers.delete(key);
      callers.set(key, caller);
    }
    return false;
  }

  #refused(
    limit: LimitName,
    who: string,
    retryAfterMs: number,
    max: number = this.#deps.settings[limit],
  ): WatchpostError {
    const atMs = this.#deps.clock.monotonicMs();
    const key = `${limit}\0${who}`;
    const before = this.#limited.get(key);
    const isOver = before === undefined || atMs - before.atMs > LATELY_MS;
    const limited: Limited = { limit, who, max, times: isOver ? 1 : before.limited.times + 1 };
    if (before === undefined && this.#limited.size >= LIMITED_MAX) {
      this.#limited.delete(this.#limited.keys().next().value!);
    }
    this.#limited.set(key, { limited, atMs });
    this.#deps.onLimited(limited);
    return new WatchpostError("RESOURCE_EXHAUSTED", sentenceOf(limit, who, max, retryAfterMs), { retryAfterMs });
  }
}

function isLoopback(network: string): boolean {
  return network.startsWith("127.") || network === LOOPBACK_V6;
}

/** One whose use is counted. */
class Caller implements Allowance {
  readonly #settings: LimitSettings;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #refused: (limit: LimitName, retryAfterMs: number) => WatchpostError;
  readonly #rates: Partial<Record<RateLimitName, RateLimit>> = {};
  readonly #held: Record<HoldLimitName, number> = { streams: 0, subscriptions: 0, queries: 0 };

  constructor(
    settings: LimitSettings,
    clock: Pick<Clock, "monotonicMs">,
    refused: (limit: LimitName, retryAfterMs: number) => WatchpostError,
  ) {
    [this.#settings, this.#clock, this.#refused] = [settings, clock, refused];
  }

  /** It holds nothing, and has all back that it has used. */
  get isAsNew(): boolean {
    if (HOLD_LIMITS.some((limit) => this.#held[limit] > 0)) return false;
    const nowMs = this.#clock.monotonicMs();
    return RATE_LIMITS.every((limit) => this.#rates[limit]?.isFull(nowMs) !== false);
  }

  refusal(limit: RateLimitName): WatchpostError | undefined {
    const waitMs = this.#rates[limit]?.waitMs(this.#clock.monotonicMs()) ?? 0;
    return waitMs === 0 ? undefined : this.#refused(limit, waitMs);
  }

  use(limit: RateLimitName, count: number): void {
    const max = this.#settings[limit];
    if (max === Infinity) return;
    const nowMs = this.#clock.monotonicMs();
    let rate = this.#rates[limit];
    if (rate === undefined) {
      const { burst, perSecond } = RATES[limit](max);
      this.#rates[limit] = rate = new RateLimit(perSecond, burst, nowMs);
    }
    rate.use(count, nowMs);
  }

  hold(limit: HoldLimitName): () => void {
    if (this.#held[limit] >= this.#settings[limit]) throw this.#refused(limit, HOLD_RETRY_MS);
    this.#held[limit]++;
    return () => void this.#held[limit]--;
  }
}

const WORDS: Readonly<Record<LimitName, string>> = {
  connections: "would have one more connection than all may have open",
  connections_per_address: "has as many connections open as it may have",
  pings_per_second: "sends more pings than it may",
  streams: "has as many streams open as it may have",
  subscriptions: "has as many subscriptions open as it may have",
  queries: "has as many queries under way as it may have",
  messages_per_second: "sends more messages than it may",
  points_per_second: "sends more points than it may",
  new_series_per_hour: "has made as many series as it may",
  query_seconds_per_minute: "asks for more than it may",
};

function sentenceOf(limit: LimitName, who: string, max: number, retryAfterMs: number): string {
  return `${who} ${WORDS[limit]} (limits.${limit} is ${max}); try again in ${formatRoughDurationMs(retryAfterMs)}`;
}
