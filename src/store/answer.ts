/** Builds the answer of a range query: raw rows, or rows of steps, series by series. */
import { WatchpostError } from "../model/errors.ts";
import { Float64Column } from "./column.ts";
import type { RangeQuery, RangeResult } from "./protocol.ts";

/** What is known of a whole run of points without reading them; superseded ones left out. */
export interface RunSummary {
  readonly fromUs: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly last: number;
}

/** The start of the step a time lies in. Exact for every time; a quotient would be rounded from the year 2112 on. */
export function stepOf(timeUs: number, stepUs: number): number {
  return timeUs - (timeUs % stepUs);
}

export class Answer {
  readonly #query: RangeQuery;
  readonly #offsets: Uint32Array;
  readonly #timesUs = new Float64Column();
  readonly #values = new Float64Column();
  readonly #counts = new Float64Column();
  readonly #mins = new Float64Column();
  readonly #maxs = new Float64Column();
  readonly #sums = new Float64Column();
  readonly #firsts = new Float64Column();
  readonly #lasts = new Float64Column();
  #series = 0;
  /** Of the step being gathered; NaN when there is none. */
  #stepUs = NaN;
  #count = 0;
  #min = 0;
  #max = 0;
  #sum = 0;
  #first = 0;
  #last = 0;

  constructor(query: RangeQuery) {
    this.#query = query;
    this.#offsets = new Uint32Array(query.seriesIds.length + 1);
  }

  /** Rows [from, to): ascending times after everything added to this series, each time once. */
  addRows(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    const { stepUs } = this.#query;
    if (stepUs === 0) {
      this.#timesUs.append(timesUs.subarray(from, to));
      this.#values.append(values.subarray(from, to));
      this.#checkSize();
      return;
    }
    for (let i = from; i < to;) {
      const step = stepOf(timesUs[i], stepUs);
      const stepEnd = step + stepUs;
      const first = values[i];
      let [min, max, sum] = [first, first, 0];
      let next = i;
      for (; next < to && timesUs[next] < stepEnd; next++) {
        const value = values[next];
        if (value < min) min = value;
        if (value > max) max = value;
        sum += value;
      }
      this.#addToStep(step, next - i, min, max, sum, first, values[next - 1]);
      i = next;
    }
  }

  /** A run that lies within one step, after everything added to this series. */
  addSummary(run: RunSummary): void {
    const { stepUs } = this.#query;
    const step = stepOf(run.fromUs, stepUs);
    this.#addToStep(step, run.count, run.min, run.max, run.sum, run.first, run.last);
  }

  /** The next rows are of the next series. */
  endSeries(): void {
    this.#endStep();
    this.#offsets[++this.#series] = this.#timesUs.length;
  }

  finish(): RangeResult {
    return {
      seriesIds: this.#query.seriesIds,
      offsets: this.#offsets,
      timesUs: this.#timesUs.cells,
      values: this.#values.cells,
      steps:
        this.#query.stepUs === 0
          ? null
          : {
              counts: this.#counts.cells,
              mins: this.#mins.cells,
              maxs: this.#maxs.cells,
              sums: this.#sums.cells,
              firsts: this.#firsts.cells,
              lasts: this.#lasts.cells,
            },
    };
  }

  #addToStep(step: number, count: number, min: number, max: number, sum: number, first: number, last: number): void {
    if (step !== this.#stepUs) {
      this.#endStep();
      this.#stepUs = step;
      this.#count = count;
      this.#min = min;
      this.#max = max;
      this.#sum = sum;
      this.#first = first;
    } else {
      this.#count += count;
      if (min < this.#min) this.#min = min;
      if (max > this.#max) this.#max = max;
      this.#sum += sum;
    }
    this.#last = last;
  }

  #endStep(): void {
    if (Number.isNaN(this.#stepUs)) return;
    this.#timesUs.push(this.#stepUs);
    this.#counts.push(this.#count);
    this.#mins.push(this.#min);
    this.#maxs.push(this.#max);
    this.#sums.push(this.#sum);
    this.#firsts.push(this.#first);
    this.#lasts.push(this.#last);
    this.#stepUs = NaN;
    this.#checkSize();
  }

  #checkSize(): void {
    const rows = this.#timesUs.length;
    const { pointsMax, seriesIds, stepUs } = this.#query;
    if (rows <= pointsMax) return;
    throw new WatchpostError(
      "RESOURCE_EXHAUSTED",
      `the answer has ${rows} ${stepUs === 0 ? "points" : "steps"} after ${this.#series + 1} of ${seriesIds.length} ` +
        `series; at most ${pointsMax} are allowed: ask for fewer series, a shorter range or ${stepUs === 0 ? "a" : "a larger"} step`,
    );
  }
}
