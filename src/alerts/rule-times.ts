/** When rules whose alerts fire begin or cease to notify, by their times of day. Pure. */
import { nextChangeMs } from "./active-time.ts";
import type { Rule } from "./rule.ts";

export class RuleTimes {
  readonly #known = new Set<Rule>();
  #nextMs = Infinity;

  /** When all alerts of rules that have such times are to be looked at anew, after {@link clear}; Infinity: never. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** An alert of the rule was looked at. Returns whether {@link nextMs} is earlier now. */
  note(rule: Rule, nowMs: number): boolean {
    if (rule.activeTimes.length === 0 || this.#known.has(rule)) return false;
    this.#known.add(rule);
    const changeMs = nextChangeMs(rule.activeTimes, nowMs);
    if (changeMs >= this.#nextMs) return false;
    this.#nextMs = changeMs;
    return true;
  }

  clear(): void {
    this.#known.clear();
    this.#nextMs = Infinity;
  }
}
