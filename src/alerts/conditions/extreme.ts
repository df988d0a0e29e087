import type { Condition, Limit } from "../rule.ts";
import { setCalmWithin, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { areOfOnePane, PANES_OF_WINDOW } from "./panes.ts";
import { droppedUntil, emptyCells, fittedCells, isWorthThinning, SAMPLE_CELLS, thinned } from "./recent-samples.ts";

type Window = Extract<Condition, { kind: "window" }>;

const US_PER_MS = 1_000;

/**
 * Maximum or minimum of the window (timeUs - over, timeUs] of each sample. What decides is when a sample was last beyond
 * the limit, or, where all have to be beyond it, was not; the extreme itself is looked for when it is asked for, among the
 * samples that still are the extreme of some window.
 */
export class ExtremeState implements ConditionState {
  readonly #limit: Limit;
  readonly #isAbove: boolean;
  readonly #at: number;
  readonly #clearAt: number;
  readonly #isMax: boolean;
  /** Whether it is met where one sample is beyond the limit; else all have to be, and it is not where one is not. */
  readonly #isAny: boolean;
  readonly #overUs: number;
  readonly #paneUs: number;
  #lastUs = -Infinity;
  /** When a sample was last that decides; those of a pane leave with its newest. */
  #decidedUs = -Infinity;
  /** The same once it is met. */
  #clearDecidedUs = -Infinity;
  #cells = emptyCells();
  #used = 0;

  constructor({ func, overMs, limit }: Window) {
    const { direction, at, clearAt } = limit;
    this.#limit = limit;
    this.#isAbove = direction === "above";
    this.#at = at;
    this.#clearAt = clearAt;
    this.#isMax = func === "max";
    this.#isAny = this.#isMax === this.#isAbove;
    this.#overUs = overMs * US_PER_MS;
    this.#paneUs = this.#overUs / PANES_OF_WINDOW;
  }

  get dueUs(): number {
    return Infinity;
  }

  get observed(): number {
    if (this.#used === 0) return NaN;
    this.#used = this.#thinned();
    return this.#cells[1];
  }

  take(timeUs: number, value: number, level: number): number {
    const isAny = this.#isAny;
    const isAbove = this.#isAbove;
    const lastUs = this.#lastUs;
    const isPaneOfLast = areOfOnePane(lastUs, timeUs, this.#paneUs);
    const isDecisive = (isAbove ? value > this.#at : value < this.#at) === isAny;
    const isClearDecisive = (isAbove ? value > this.#clearAt : value < this.#clearAt) === isAny;
    if (isDecisive || (isPaneOfLast && this.#decidedUs === lastUs)) this.#decidedUs = timeUs;
    if (isClearDecisive || (isPaneOfLast && this.#clearDecidedUs === lastUs)) this.#clearDecidedUs = timeUs;
    this.#lastUs = timeUs;
    const cells = this.#cells;
    const used = this.#used + SAMPLE_CELLS;
    cells[used - 2] = timeUs;
    cells[used - 1] = value;
    this.#used = used;
    if (used === cells.length) this.#makeRoom();
    const decidedUs = level > 0 ? this.#clearDecidedUs : this.#decidedUs;
    return decidedUs > timeUs - this.#overUs === isAny ? 1 : 0;
  }

  becalm(calm: Calm): void {
    // Where one sample beyond it is enough there is none; where all have to be, each that is not keeps them from it.
    setCalmWithin(this.#limit, true, calm);
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }

  #thinned(): number {
    const isMax = this.#isMax;
    const left = thinned(this.#cells, this.#used, this.#paneUs, isMax, !isMax);
    return droppedUntil(this.#cells, left, this.#lastUs - this.#overUs);
  }

  #makeRoom(): void {
    const leftUntilUs = this.#lastUs - this.#overUs - 2 * this.#paneUs;
    this.#used = droppedUntil(this.#cells, this.#used, leftUntilUs);
    if (isWorthThinning(this.#used)) this.#used = this.#thinned();
    this.#cells = fittedCells(this.#cells, this.#used);
  }
}
