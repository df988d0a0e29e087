import type { Condition } from "../rule.ts";
import type { Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { PANES_OF_WINDOW } from "./panes.ts";
import { droppedUntil, emptyCells, fittedCells, isWorthThinning, SAMPLE_CELLS, thinned } from "./recent-samples.ts";

type Stuck = Extract<Condition, { kind: "stuck" }>;

const US_PER_MS = 1_000;

/**
 * Met when all samples of the window, three or more, are within epsilon of each other, and the series has been seen for as
 * long as the window is; after a gap of that length it is seen anew. `observed` is the largest less the smallest.
 *
 * While two samples of the window are known to be further apart, and while all since some earlier time are not, nothing is
 * looked for; else it is among the samples that still are the largest or the smallest of some window.
 */
export class StuckState implements ConditionState {
  readonly #overUs: number;
  readonly #epsilon: number;
  #sinceUs = NaN;
  /** The newest sample, and when the one before came. */
  #lastUs = -Infinity;
  #last = NaN;
  #beforeUs = -Infinity;
  /** As long as this time is in the window, there is a sample of it and a later one more than epsilon from it. */
  #movedUs = -Infinity;
  /** All samples of the window are between these, if it was not moved. */
  #low = Infinity;
  #high = -Infinity;
  #cells = emptyCells();
  #used = 0;

  constructor({ overMs, epsilon }: Stuck) {
    this.#overUs = overMs * US_PER_MS;
    this.#epsilon = epsilon;
  }

  get dueUs(): number {
    return Infinity;
  }

  get observed(): number {
    if (this.#used === 0) return NaN;
    this.#thin();
    this.#look();
    return this.#high - this.#low;
  }

  take(timeUs: number, value: number): number {
    const fromUs = timeUs - this.#overUs;
    const lastUs = this.#lastUs;
    const areThree = this.#beforeUs > fromUs;
    if (lastUs <= fromUs) this.#sinceUs = timeUs;
    if (Math.abs(value - this.#last) > this.#epsilon) this.#movedUs = lastUs;
    this.#beforeUs = lastUs;
    this.#lastUs = timeUs;
    this.#last = value;
    if (value < this.#low) this.#low = value;
    if (value > this.#high) this.#high = value;
    const cells = this.#cells;
    const used = this.#used + SAMPLE_CELLS;
    cells[used - 2] = timeUs;
    cells[used - 1] = value;
    this.#used = used;
    if (used === cells.length) this.#makeRoom();
    return this.#movedUs <= fromUs && areThree && this.#sinceUs <= fromUs && this.#isStill(fromUs) ? 1 : 0;
  }

  becalm(calm: Calm): void {
    calm.low = -Infinity;
    calm.high = Infinity;
    calm.untilUs = Math.max(this.#movedUs, this.#sinceUs) + this.#overUs;
    calm.areTaken = true;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }

  #isStill(fromUs: number): boolean {
    if (this.#high - this.#low <= this.#epsilon) return true;
    this.#thin();
    this.#look();
    return this.#movedUs <= fromUs;
  }

  /** At all that is kept. */
  #look(): void {
    const cells = this.#cells;
    let [low, high] = [Infinity, -Infinity];
    for (let at = this.#used - SAMPLE_CELLS; at >= 0; at -= SAMPLE_CELLS) {
      const value = cells[at + 1];
      if (value < low) low = value;
      if (value > high) high = value;
      if (high - low > this.#epsilon && cells[at] > this.#movedUs) this.#movedUs = cells[at];
    }
    this.#low = low;
    this.#high = high;
  }

  #thin(): void {
    const left = thinned(this.#cells, this.#used, this.#overUs / PANES_OF_WINDOW, true, true);
    this.#used = droppedUntil(this.#cells, left, this.#lastUs - this.#overUs);
  }

  #makeRoom(): void {
    const leftUntilUs = this.#lastUs - this.#overUs * (1 + 2 / PANES_OF_WINDOW);
    this.#used = droppedUntil(this.#cells, this.#used, leftUntilUs);
    if (isWorthThinning(this.#used)) this.#thin();
    this.#cells = fittedCells(this.#cells, this.#used);
  }
}
