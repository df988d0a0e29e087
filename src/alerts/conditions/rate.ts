import type { Condition, Limit } from "../rule.ts";
import { setNothingCalm, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { meets } from "./limit.ts";
import { areOfOnePane, PANES_OF_WINDOW } from "./panes.ts";
import { droppedUntil, emptyCells, fittedCells, SAMPLE_CELLS } from "./recent-samples.ts";

type Rate = Extract<Condition, { kind: "rate" }>;

const US_PER_MS = 1_000;
const US_PER_SECOND = 1_000_000;
/** Half a window, less one. */
const PANES_OF_GAP = PANES_OF_WINDOW / 2 - 1;
/** More than rounding makes of a rate. */
const ROUNDING_SHARE = 1e-9;

/**
 * Change per second from the oldest sample of the window to the newest; of samples in one pane the first is kept. It is not
 * met while they are less than half the window apart, as at first and after a gap: two samples a millisecond apart would
 * make any noise a steep rise. A fall is a negative rate, that of a counter that starts over, too.
 *
 * A sample that is not so far from the farthest one kept as to meet the limit in half a window is only noted; its rate is
 * worked out when it is asked for.
 */
export class RateState implements ConditionState {
  readonly #paneUs: number;
  /** 1 where a rise may meet the limit, -1 where a fall may. */
  readonly #sign: 1 | -1;
  /** From the farthest sample, towards the limit, that does not meet it. */
  readonly #calmBy: number;
  #lastUs = -Infinity;
  #last = NaN;
  /** When the latest gap has left the window. */
  #gapNearUntilUs = -Infinity;
  #keptUs = -Infinity;
  /** Times `#sign`: no sample that is kept is below it. */
  #farthest = Infinity;
  #used = 0;
  #cells = emptyCells();
  /** Of samples that are kept: of the first that was in the window when a rate was worked out last. */
  #first = 0;
  #observed = NaN;
  #observedUs = -Infinity;
  readonly #limit: Limit;
  readonly #overUs: number;

  constructor({ limit, overMs }: Rate) {
    const sign = limit.direction === "above" ? 1 : -1;
    const halfSeconds = (overMs * US_PER_MS) / 2 / US_PER_SECOND;
    this.#limit = limit;
    this.#overUs = overMs * US_PER_MS;
    this.#paneUs = this.#overUs / PANES_OF_WINDOW;
    this.#sign = sign;
    const calmBy = sign * limit.at * halfSeconds * (1 - ROUNDING_SHARE);
    this.#calmBy = calmBy < 0 ? -Infinity : Math.min(calmBy, Number.MAX_VALUE);
  }

  get dueUs(): number {
    return Infinity;
  }

  get observed(): number {
    if (this.#observedUs !== this.#lastUs) this.#work();
    return this.#observed;
  }

  take(timeUs: number, value: number, level: number): number {
    const isGap = timeUs - this.#lastUs >= PANES_OF_GAP * this.#paneUs;
    if (isGap || timeUs < this.#gapNearUntilUs) this.#passGap(timeUs, isGap);
    this.#lastUs = timeUs;
    this.#last = value;
    const signed = this.#sign * value;
    if (!areOfOnePane(this.#keptUs, timeUs, this.#paneUs)) {
      this.#keptUs = timeUs;
      if (signed < this.#farthest) this.#farthest = signed;
      const cells = this.#cells;
      const used = this.#used + SAMPLE_CELLS;
      cells[used - 2] = timeUs;
      cells[used - 1] = value;
      this.#used = used;
      if (used === cells.length) this.#makeRoom();
    }
    if (level === 0 && signed - this.#farthest <= this.#calmBy) return 0;
    return this.#work() && meets(this.#limit, this.#observed, level > 0) ? 1 : 0;
  }

  becalm(calm: Calm): void {
    // No two of them are further apart than what is calm; those that are farther than the farthest so far move that.
    const half = (this.#calmBy / 2) * (1 - ROUNDING_SHARE);
    const near = this.#farthest - half;
    const far = this.#farthest + half;
    // Near a large number rounding may make more of it.
    if (!(far - near <= this.#calmBy)) return setNothingCalm(calm);
    calm.low = this.#sign > 0 ? near : -far;
    calm.high = this.#sign > 0 ? far : -near;
    calm.untilUs = Infinity;
    calm.areTaken = true;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }

  /** With a gap in the window what was observed last stands until there is enough to compare: it cannot be put off. */
  #passGap(timeUs: number, isGap: boolean): void {
    if (this.#observedUs !== this.#lastUs) this.#work();
    // Before the first sample nothing was.
    if (isGap && this.#lastUs > -Infinity) this.#gapNearUntilUs = timeUs + this.#overUs;
  }

  /** Observes the rate up to the newest sample; returns whether there is one. */
  #work(): boolean {
    const cells = this.#cells;
    this.#observedUs = this.#lastUs;
    while (cells[this.#first] <= this.#lastUs - this.#overUs) this.#first += SAMPLE_CELLS;
    const spanUs = this.#lastUs - cells[this.#first];
    if (!(2 * spanUs >= this.#overUs)) return false;
    this.#observed = (this.#last - cells[this.#first + 1]) / (spanUs / US_PER_SECOND);
    return true;
  }

  #makeRoom(): void {
    const used = droppedUntil(this.#cells, this.#used, this.#lastUs - this.#overUs);
    const cells = (this.#cells = fittedCells(this.#cells, used));
    this.#used = used;
    this.#first = 0;
    const sign = this.#sign;
    let farthest = Infinity;
    for (let at = 1; at < used; at += SAMPLE_CELLS) {
      const signed = sign * cells[at];
      if (signed < farthest) farthest = signed;
    }
    this.#farthest = farthest;
  }
}
