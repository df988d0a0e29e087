/** How much members of sessions may say. */
import { RateLimit } from "../model/rate-limit.ts";

const BURST_SECONDS = 5;
const NAMES_MAX = 10_000;

/** One for each name; those that were made first are forgotten past a bound. */
export class RateLimits {
  readonly #make: () => RateLimit;
  readonly #byName = new Map<string, RateLimit>();

  constructor(make: () => RateLimit) {
    this.#make = make;
  }

  of(name: string): RateLimit {
    let limit = this.#byName.get(name);
    if (limit !== undefined) return limit;
    const [first] = this.#byName.keys();
    if (first !== undefined && this.#byName.size >= NAMES_MAX) this.#byName.delete(first);
    this.#byName.set(name, (limit = this.#make()));
    return limit;
  }
}

/** Of one who sends messages. */
export function memberLimit(messagesPerSecond: number, nowMs: number): RateLimit {
  return new RateLimit(messagesPerSecond, messagesPerSecond * BURST_SECONDS, nowMs);
}
