/** Points of one series on their way into an answer: as they are, or step by step as one value. */
import { firstNotBefore } from "./column.ts";

/** What is known of a whole run of points without reading them; superseded ones left out. */
export interface RunSummary {
  /** Of its first and its last point. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Takes the points of a series in order of time, each once, and writes rows. Points of a step may come after a run of it
 * that ends later than they do: late ones, of whose window there is only a rollup row.
 */
export interface Steps {
  /** Whether {@link summary} may be called: what it tells is all that is needed. */
  readonly takesSummaries: boolean;
  /** Rows [from, to): ascending times after everything taken before. */
  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void;
  /** A run that lies within one step, after everything taken before. */
  summary(run: RunSummary): void;
  /** The series has ended. */
  end(): void;
}

/** The start of the step a time lies in. Exact for every time; a quotient would be rounded from the year 2112 on. */
export function stepOf(timeUs: number, stepUs: number): number {
  return timeUs - (timeUs % stepUs);
}

/** Calls `take` with the rows of each step: its start, and [from, to). */
export function forEachStep(
  timesUs: Float64Array,
  from: number,
  to: number,
  stepUs: number,
  take: (stepStartUs: number, from: number, to: number) => void,
): void {
  let [usual, start] = [1, NaN];
  for (let at = from; at < to;) {
    start = stepBehind(start, stepUs, timesUs[at]);
    const next = endOfStep(timesUs, at, to, start + stepUs, usual);
    take(start, at, next);
    usual = next - at;
    at = next;
  }
}

/** Rows cut into steps, as columns; reused. */
export class StepCuts {
  /** Of each step: its start, and the row behind its last one. */
  startsUs = new Float64Array(256);
  ends = new Uint32Array(256);
  length = 0;

  /** Replaces what is there by the steps of rows [from, to). */
  cut(timesUs: Float64Array, from: number, to: number, stepUs: number): void {
    let [usual, length, start] = [1, 0, NaN];
    for (let at = from; at < to;) {
      if (length === this.ends.length) this.#grow();
      start = stepBehind(start, stepUs, timesUs[at]);
      const next = endOfStep(timesUs, at, to, start + stepUs, usual);
      this.startsUs[length] = start;
      this.ends[length++] = next;
      usual = next - at;
      at = next;
    }
    this.length = length;
  }

  #grow(): void {
    const [startsUs, ends] = [new Float64Array(2 * this.ends.length), new Uint32Array(2 * this.ends.length)];
    startsUs.set(this.startsUs);
    ends.set(this.ends);
    [this.startsUs, this.ends] = [startsUs, ends];
  }
}

/** The step of a time behind the step at `start`, or the first: mostly the next one, which takes no division. */
function stepBehind(start: number, stepUs: number, timeUs: number): number {
  return timeUs < start + 2 * stepUs ? start + stepUs : stepOf(timeUs, stepUs);
}

/** The first row in (at, to) that is at or after `endUs`. Sensors are regular: mostly `usual` rows on. */
function endOfStep(timesUs: Float64Array, at: number, to: number, endUs: number, usual: number): number {
  const guess = Math.min(at + usual, to);
  const isRight = timesUs[guess - 1] < endUs && (guess === to || timesUs[guess] >= endUs);
  return isRight ? guess : firstNotBefore(timesUs, at, to, endUs);
}
