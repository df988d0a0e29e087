/** A token bucket: so many at once, so many a second after. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** Takes one, or returns after how many milliseconds there is one. */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1_000);
    this.#tokens--;
    return 0;
  }
}

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
