/** What summaries of parts tell: first, last, extremes, sums and counts. */
import type { SeriesRows } from "./series-rows.ts";
import { StepCuts, stepOf, type RunSummary, type Steps } from "./steps.ts";

export type SummaryFunction = "last" | "first" | "min" | "max" | "avg" | "sum" | "count";

export class SummarySteps implements Steps {
  readonly takesSummaries = true;
  readonly #stepUs: number;
  readonly #func: SummaryFunction;
  readonly #into: SeriesRows;
  readonly #cuts = new StepCuts();
  /** Values of whole steps. */
  #cells = new Float64Array(256);
  /** Of the step being gathered; NaN when there is none. */
  #start = NaN;
  #count = 0;
  #min = 0;
  #max = 0;
  #sum = 0;
  #first = 0;
  #last = 0;
  #lastUs = -Infinity;

  constructor(stepUs: number, func: SummaryFunction, into: SeriesRows) {
    this.#stepUs = stepUs;
    this.#func = func;
    this.#into = into;
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    this.#cuts.cut(timesUs, from, to, this.#stepUs);
    const { startsUs, ends, length } = this.#cuts;
    // The first and the last step may have more rows elsewhere; those between are whole.
    this.#gather(startsUs[0], timesUs, values, from, ends[0]);
    if (length > 2) this.#addWhole(values);
    if (length > 1) this.#gather(startsUs[length - 1], timesUs, values, ends[length - 2], to);
  }

  summary(run: RunSummary): void {
    this.#enter(stepOf(run.fromUs, this.#stepUs), run.first);
    this.#count += run.count;
    this.#sum += run.sum;
    this.#min = Math.min(this.#min, run.min);
    this.#max = Math.max(this.#max, run.max);
    this.#noteLast(run.toUs, run.last);
  }

  end(): void {
    if (!Number.isNaN(this.#start)) this.#into.push(this.#start, this.#value());
    this.#start = NaN;
  }

  #gather(start: number, timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    this.#enter(start, values[from]);
    this.#count += to - from;
    this.#noteLast(timesUs[to - 1], values[to - 1]);
    const func = this.#func;
    if (func === "avg" || func === "sum") this.#sum += sumOf(values, from, to);
    else if (func === "min") this.#min = Math.min(this.#min, minOf(values, from, to));
    else if (func === "max") this.#max = Math.max(this.#max, maxOf(values, from, to));
  }

  #addWhole(values: Float64Array): void {
    const { startsUs, ends, length } = this.#cuts;
    if (this.#cells.length < length) this.#cells = new Float64Array(ends.length);
    this.end();
    const reduce = REDUCERS[this.#func];
    for (let i = 1; i < length - 1; i++) this.#cells[i] = reduce(values, ends[i - 1], ends[i]);
    this.#into.append(startsUs.subarray(1, length - 1), this.#cells.subarray(1, length - 1));
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
    this.#lastUs = -Infinity;
  }

  /** Late points beside a rollup row come after it, though not always at a later time. */
  #noteLast(timeUs: number, value: number): void {
    if (timeUs < this.#lastUs) return;
    this.#lastUs = timeUs;
    this.#last = value;
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

const REDUCERS: Record<SummaryFunction, (values: Float64Array, from: number, to: number) => number> = {
  last: (values, _, to) => values[to - 1],
  first: (values, from) => values[from],
  min: minOf,
  max: maxOf,
  avg: (values, from, to) => sumOf(values, from, to) / (to - from),
  sum: sumOf,
  count: (_, from, to) => to - from,
};

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
