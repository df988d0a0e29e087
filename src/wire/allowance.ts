/** What whoever calls may still use up: kept by the gate, asked where it is used, for much of it only its method can count. */
import type { WatchpostError } from "../model/errors.ts";

/** Used up, and there again with time. A message is a call, or a batch in one. */
export const RATE_LIMITS = [
  "messages_per_second",
  "points_per_second",
  "new_series_per_hour",
  "query_seconds_per_minute",
] as const;
/** At once. */
export const HOLD_LIMITS = ["streams", "subscriptions", "queries"] as const;
/** Of connections: at once, and of one. */
export const CONNECTION_LIMITS = ["connections", "connections_per_address", "pings_per_second"] as const;
export const LIMIT_NAMES = [...CONNECTION_LIMITS, ...HOLD_LIMITS, ...RATE_LIMITS] as const;

export type RateLimitName = (typeof RATE_LIMITS)[number];
export type HoldLimitName = (typeof HOLD_LIMITS)[number];
export type LimitName = (typeof LIMIT_NAMES)[number];

export interface Allowance {
  /** RESOURCE_EXHAUSTED with RetryInfo where nothing is left; undefined: something is. */
  refusal(limit: RateLimitName): WatchpostError | undefined;
  /** So much was used, also where less was left: then nothing is for a while. */
  use(limit: RateLimitName, count: number): void;
  /** One more at once, until what is returned is called, once. Throws RESOURCE_EXHAUSTED. */
  hold(limit: HoldLimitName): () => void;
}

/** Of whoever connects, before it is known who that is. */
export interface ConnectionLimits {
  /** One more from there. Throws RESOURCE_EXHAUSTED. */
  enter(address: string): OpenConnection;
}

export interface OpenConnection {
  /** It has sent one: RESOURCE_EXHAUSTED where it sends too many. */
  ping(): WatchpostError | undefined;
  /** It is closed. To be called once. */
  leave(): void;
}
