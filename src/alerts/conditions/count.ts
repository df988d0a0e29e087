import type { Condition } from "../rule.ts";
import { setNothingCalm, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { CountWindow } from "./count-window.ts";
import { meets } from "./limit.ts";

type Window = Extract<Condition, { kind: "window" }>;

const US_PER_MS = 1_000;

/**
 * How many samples came within the window. It changes without samples, too, as the window runs empty. Too few is not said
 * of a series before a whole window has passed since its first sample.
 */
export class CountState implements ConditionState {
  readonly #condition: Window;
  readonly #samples: CountWindow;
  /** From when on there may be too few. */
  #judgedFromUs: number;
  dueUs: number;
  observed = NaN;

  /** `seenSinceUs`: when the series had its first sample; Infinity: the first that is taken is its first. */
  constructor(condition: Window, seenSinceUs: number) {
    const { overMs, limit } = condition;
    const isBelow = limit.direction === "below";
    this.#condition = condition;
    this.#samples = new CountWindow(overMs * US_PER_MS, isBelow ? Math.ceil(limit.at) - 1 : Math.floor(limit.clearAt));
    this.#judgedFromUs = seenSinceUs + overMs * US_PER_MS;
    this.dueUs = this.#dueUs(0);
  }

  take(timeUs: number, _value: number, level: number): number {
    if (this.#judgedFromUs === Infinity) this.#judgedFromUs = timeUs + this.#condition.overMs * US_PER_MS;
    this.#samples.take(timeUs);
    return this.#judge(timeUs, level);
  }

  becalm(calm: Calm): void {
    setNothingCalm(calm);
  }

  elapse(timeUs: number, level: number): number {
    this.#samples.elapse(timeUs);
    return this.#judge(timeUs, level);
  }

  #judge(timeUs: number, level: number): number {
    const { limit } = this.#condition;
    this.observed = this.#samples.total;
    const isTooSoon = limit.direction === "below" && level === 0 && timeUs < this.#judgedFromUs;
    const next = !isTooSoon && meets(limit, this.#samples.total, level > 0) ? 1 : 0;
    this.dueUs = this.#dueUs(next);
    return next;
  }

  /** Fewer samples make a level of below, and end one of above. */
  #dueUs(level: number): number {
    if (this.#condition.limit.direction === "above") return level === 0 ? Infinity : this.#samples.fewFromUs;
    return level === 0 ? Math.max(this.#judgedFromUs, this.#samples.fewFromUs) : Infinity;
  }
}
