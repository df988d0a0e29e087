export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

const DEFAULTS: BackoffOptions = { firstMs: 200, maxMs: 10_000 };

/**
 * How long to wait before attempt `attempt` (from 1): doubling up to a bound, with half of it by chance, so that many
 * clients of a restarted server do not come back at once. `random` is uniform in [0, 1).
 */
export function backoffMs(attempt: number, random: number, { firstMs, maxMs }: BackoffOptions = DEFAULTS): number {
  const wholeMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return wholeMs / 2 + (random * wholeMs) / 2;
}
