/** How much a series changes from step to step: each point counts from the one before it, also over the steps' borders. */
import type { SeriesRows } from "./series-rows.ts";
import { forEachStep, stepOf, type RunSummary, type Steps } from "./steps.ts";

type ChangeFunction = "rate" | "increase" | "delta";

/**
 * `delta`: last value less the last one before the step. `increase`: the same of a counter, where a fall is a reset to 0,
 * so that all steps together are the growth over the range. `rate`: increase per second between these two points. In the
 * first step with points the first of them stands for the one before; a rate over no time is left out.
 */
export class ChangeSteps implements Steps {
  readonly takesSummaries: boolean;
  readonly #stepUs: number;
  readonly #func: ChangeFunction;
  readonly #into: SeriesRows;
  #start = NaN;
  #change = 0;
  /** Where the change of the step counts from. */
  #fromUs = 0;
  /** The point taken last; NaN before the first. */
  #timeUs = NaN;
  #value = 0;

  constructor(stepUs: number, func: ChangeFunction, into: SeriesRows) {
    this.#stepUs = stepUs;
    this.#func = func;
    this.#into = into;
    // The first and the last value of a run do not tell whether a counter was reset in between.
    this.takesSummaries = func === "delta";
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    const isCounter = this.#func !== "delta";
    forEachStep(timesUs, from, to, this.#stepUs, (start, at, end) => {
      this.#enter(start, timesUs[at], values[at]);
      if (timesUs[end - 1] < this.#timeUs) return;
      let before = this.#value;
      let change = 0;
      if (isCounter) {
        for (let i = at; i < end; i++) {
          const value = values[i];
          change += value >= before ? value - before : value;
          before = value;
        }
      } else change = values[end - 1] - before;
      this.#change += change;
      this.#timeUs = timesUs[end - 1];
      this.#value = values[end - 1];
    });
  }

  summary(run: RunSummary): void {
    this.#enter(stepOf(run.fromUs, this.#stepUs), run.fromUs, run.first);
    if (run.toUs < this.#timeUs) return;
    this.#change += run.last - this.#value;
    this.#timeUs = run.toUs;
    this.#value = run.last;
  }

  end(): void {
    this.#finish();
    this.#timeUs = NaN;
  }

  #enter(start: number, firstUs: number, first: number): void {
    if (start === this.#start) return;
    this.#finish();
    this.#start = start;
    this.#change = 0;
    if (Number.isNaN(this.#timeUs)) {
      this.#timeUs = firstUs;
      this.#value = first;
    }
    this.#fromUs = this.#timeUs;
  }

  #finish(): void {
    const seconds = (this.#timeUs - this.#fromUs) / 1e6;
    if (this.#func !== "rate") {
      if (!Number.isNaN(this.#start)) this.#into.push(this.#start, this.#change);
    } else if (seconds > 0 && !Number.isNaN(this.#start)) this.#into.push(this.#start, this.#change / seconds);
    this.#start = NaN;
  }
}
