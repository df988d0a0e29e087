/** What rules are about that are evaluated here comes from other nodes as long as somebody here wants it. */
import type { Clock } from "../../model/clock.ts";
import type { SeriesMatcher } from "../../model/matcher.ts";
import type { BoundRule } from "../bound-rule.ts";
import type { Engine } from "../engine.ts";
import { isOfSeries } from "../series-of-rule.ts";

export interface RuleWantsDeps {
  readonly engine: Pick<Engine, "rules">;
  readonly clock: Pick<Clock, "after">;
  /** What it matches is to come, until what this returns is called. */
  want(matcher: SeriesMatcher): () => void;
  /** After so long other nodes know what is wanted here, and have sent it. */
  readonly wantedAfterMs: number;
}

export class RuleWants {
  readonly #deps: RuleWantsDeps;
  readonly #unwant = new Map<SeriesMatcher, () => void>();
  /** That are to be evaluated here soon. */
  readonly #ahead = new Map<BoundRule, number>();
  #isChanged = false;
  #isClosed = false;

  constructor(deps: RuleWantsDeps) {
    this.#deps = deps;
  }

  /** Rules are others, or are to be, or are evaluated elsewhere: many at once are looked at once. */
  changed(): void {
    if (!this.#isChanged) queueMicrotask(() => this.look());
    this.#isChanged = true;
  }

  /**
   * Rules are to be evaluated here: resolves once what they are about comes. What it returns is called when they are, or are not going
   * to be, once or more often.
   */
  async ahead(rules: readonly BoundRule[]): Promise<() => void> {
    const count = (by: number) => {
      for (const bound of rules) {
        const left = (this.#ahead.get(bound) ?? 0) + by;
        if (left > 0) this.#ahead.set(bound, left);
        else this.#ahead.delete(bound);
      }
    };
    const isNew = rules.some(({ matcher }) => !this.#unwant.has(matcher));
    count(1);
    this.look();
    if (isNew && this.#deps.wantedAfterMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#deps.clock.after(this.#deps.wantedAfterMs, resolve);
      await promise;
    }
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      count(-1);
      this.changed();
    };
  }

  look(): void {
    this.#isChanged = false;
    if (this.#isClosed) return;
    const { engine, want } = this.#deps;
    const before = new Set(this.#unwant.keys());
    for (const bound of engine.rules.values()) {
      if (!this.#isWanted(bound)) continue;
      before.delete(bound.matcher);
      if (!this.#unwant.has(bound.matcher)) this.#unwant.set(bound.matcher, want(bound.matcher));
    }
    for (const matcher of before) {
      this.#unwant.get(matcher)!();
      this.#unwant.delete(matcher);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const unwant of this.#unwant.values()) unwant();
    this.#unwant.clear();
  }

  #isWanted(bound: BoundRule): boolean {
    if (!isOfSeries(bound.rule) || bound.rule.isDisabled) return false;
    return !bound.isLent || this.#ahead.has(bound);
  }
}
