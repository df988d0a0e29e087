/** Range queries of whoever may ask for so many at once, and for so much of the store's time. */
import type { Clock } from "../model/clock.ts";
import type { Allowance } from "../wire/allowance.ts";
import type { RangeSource } from "./query-range.ts";

/**
 * The store as callers see it. Queries that are under way at once share its one thread: each is charged its share of the time that
 * passes meanwhile, also where it fails or is left.
 */
export class LimitedRanges {
  readonly #store: RangeSource;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #underWay = 0;
  /** What one would have been charged that is under way for ever, in milliseconds, as of `#atMs`. */
  #shareMs = 0;
  #atMs = 0;

  constructor(store: RangeSource, clock: Pick<Clock, "monotonicMs">) {
    [this.#store, this.#clock] = [store, clock];
  }

  /** Throws RESOURCE_EXHAUSTED where more is asked than may be. */
  of(allowance: Allowance | undefined): RangeSource {
    if (allowance === undefined) return this.#store;
    return {
      range: async (query, options) => {
        const refusal = allowance.refusal("query_seconds_per_minute");
        if (refusal !== undefined) throw refusal;
        const release = allowance.hold("queries");
        const begunMs = this.#pass(1);
        try {
          return await this.#store.range(query, options);
        } finally {
          release();
          allowance.use("query_seconds_per_minute", (this.#pass(-1) - begunMs) / 1_000);
        }
      },
    };
  }

  /** From now on there is one more or less. */
  #pass(more: number): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#underWay > 0) this.#shareMs += (nowMs - this.#atMs) / this.#underWay;
    this.#atMs = nowMs;
    this.#underWay += more;
    return this.#shareMs;
  }
}
