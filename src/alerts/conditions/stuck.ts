import type { Condition } from "../rule.ts";
import type { ConditionState } from "./condition-state.ts";
import { ExtremeWindow } from "./extreme-window.ts";

type Stuck = Extract<Condition, { kind: "stuck" }>;

const US_PER_MS = 1_000;

/**
 * Met when all samples of the window, three or more, are within epsilon of each other, and the series has been seen for as
 * long as the window is; after a gap of that length it is seen anew. `observed` is the largest less the smallest.
 */
export class StuckState implements ConditionState {
  readonly #condition: Stuck;
  readonly #smallest: ExtremeWindow;
  readonly #largest: ExtremeWindow;
  #sinceUs = NaN;
  /** Of the latest sample and the one before. */
  #lastUs = -Infinity;
  #beforeUs = -Infinity;
  observed = NaN;

  constructor(condition: Stuck) {
    const overUs = condition.overMs * US_PER_MS;
    this.#condition = condition;
    this.#smallest = new ExtremeWindow(overUs, "min");
    this.#largest = new ExtremeWindow(overUs, "max");
  }

  get dueUs(): number {
    return Infinity;
  }

  take(timeUs: number, value: number): number {
    const fromUs = timeUs - this.#condition.overMs * US_PER_MS;
    if (this.#lastUs <= fromUs) this.#sinceUs = timeUs;
    const areThree = this.#beforeUs > fromUs;
    this.#beforeUs = this.#lastUs;
    this.#lastUs = timeUs;
    this.observed = this.#largest.take(timeUs, value) - this.#smallest.take(timeUs, value);
    return areThree && this.#sinceUs <= fromUs && this.observed <= this.#condition.epsilon ? 1 : 0;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}
