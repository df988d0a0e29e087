/** What summaries of parts tell: first, last, extremes, sums and counts. */
import type { SeriesRows } from "./series-rows.ts";
import { forEachStep, stepOf, type RunSummary, type Steps } from "./steps.ts";

export type SummaryFunction = "last" | "first" | "min" | "max" | "avg" | "sum" | "count";

export class SummarySteps implements Steps {
  readonly takesSummaries = true;
  readonly #stepUs: number;
  readonly #func: SummaryFunction;
  readonly #into: SeriesRows;
  /** Of the step being gathered; NaN when there is none. */
  #start = NaN;
  #count = 0;
  #min = 0;
  #max = 0;
  #sum = 0;
  #first = 0;
  #last = 0;

  constructor(stepUs: number, func: SummaryFunction, into: SeriesRows) {
    this.#stepUs = stepUs;
    this.#func = func;
    this.#into = into;
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    const func = this.#func;
    forEachStep(timesUs, from, to, this.#stepUs, (start, at, end) => {
      this.#enter(start, values[at]);
      this.#count += end - at;
      this.#last = values[end - 1];
      if (func === "avg" || func === "sum") this.#sum += sumOf(values, at, end);
      else if (func === "min") this.#min = Math.min(this.#min, minOf(values, at, end));
      else if (func === "max") this.#max = Math.max(this.#max, maxOf(values, at, end));
    });
  }

  summary(run: RunSummary): void {
    this.#enter(stepOf(run.fromUs, this.#stepUs), run.first);
    this.#count += run.count;
    this.#sum += run.sum;
    this.#min = Math.min(this.#min, run.min);
    this.#max = Math.max(this.#max, run.max);
    this.#last = run.last;
  }

  end(): void {
    if (!Number.isNaN(this.#start)) this.#into.push(this.#start, this.#value());
    this.#start = NaN;
  }

  #enter(start: number, first: number): void {
    if (start === this.#start) return;
    this.end();
    this.#start = start;
    this.#count = 0;
    this.#sum = 0;
    this.#min = Infinity;
    this.#max = -Infinity;
    this.#first = first;
  }

  #value(): number {
    switch (this.#func) {
      case "last":
        return this.#last;
      case "first":
        return this.#first;
      case "min":
        return this.#min;
      case "max":
        return this.#max;
      case "sum":
        return this.#sum;
      case "count":
        return this.#count;
      case "avg":
        return this.#sum / this.#count;
    }
  }
}

function sumOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  return sum;
}

function minOf(values: Float64Array, from: number, to: number): number {
  let min = values[from];
  for (let i = from + 1; i < to; i++) if (values[i] < min) min = values[i];
  return min;
}

function maxOf(values: Float64Array, from: number, to: number): number {
  let max = values[from];
  for (let i = from + 1; i < to; i++) if (values[i] > max) max = values[i];
  return max;
}
