/** How the points of a step are spread: standard deviation and quantiles. */
import type { DDSketch } from "@datadog/sketches-js";
import { Float64Column } from "./column.ts";
import { quantileOf } from "../model/quantile.ts";
import type { SeriesRows } from "./series-rows.ts";
import { forEachStep, type Steps } from "./steps.ts";

/** Points of a step whose quantiles are exact; past it they are within 1 % of the value (DDSketch, Masson et al. 2019). */
const EXACT_MAX = 100_000;
const RELATIVE_ACCURACY = 0.01;

/** Standard deviation of the population, by Welford's method (1962): no large sums are subtracted from each other. */
export class SpreadSteps implements Steps {
  readonly takesSummaries = false;
  readonly #stepUs: number;
  readonly #into: SeriesRows;
  #start = NaN;
  #count = 0;
  #mean = 0;
  #squares = 0;

  constructor(stepUs: number, into: SeriesRows) {
    this.#stepUs = stepUs;
    this.#into = into;
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    forEachStep(timesUs, from, to, this.#stepUs, (start, at, end) => {
      if (start !== this.#start) this.#enter(start);
      for (let i = at; i < end; i++) {
        const difference = values[i] - this.#mean;
        this.#mean += difference / ++this.#count;
        this.#squares += difference * (values[i] - this.#mean);
      }
    });
  }

  summary(): void {}

  end(): void {
    if (!Number.isNaN(this.#start)) this.#into.push(this.#start, Math.sqrt(this.#squares / this.#count));
    this.#start = NaN;
  }

  #enter(start: number): void {
    this.end();
    this.#start = start;
    this.#count = this.#mean = this.#squares = 0;
  }
}

export class QuantileSteps implements Steps {
  readonly takesSummaries = false;
  readonly #stepUs: number;
  readonly #q: number;
  readonly #into: SeriesRows;
  readonly #values = new Float64Column();
  #sketch: DDSketch | null = null;
  #start = NaN;

  /** `q` from 0 to 1. */
  constructor(stepUs: number, q: number, into: SeriesRows) {
    this.#stepUs = stepUs;
    this.#q = q;
    this.#into = into;
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    forEachStep(timesUs, from, to, this.#stepUs, (start, at, end) => {
      if (start !== this.#start) {
        this.end();
        this.#start = start;
      }
      this.#values.append(values.subarray(at, end));
      if (this.#values.length > EXACT_MAX) this.#pour();
    });
  }

  summary(): void {}

  end(): void {
    if (Number.isNaN(this.#start)) return;
    if (this.#sketch !== null) this.#pour();
    const value = this.#sketch?.getValueAtQuantile(this.#q) ?? quantileOf(this.#values.cells.sort(), this.#q);
    this.#into.push(this.#start, value);
    this.#values.length = 0;
    this.#sketch = null;
    this.#start = NaN;
  }

  #pour(): void {
    this.#sketch ??= newSketch();
    for (const value of this.#values.cells) this.#sketch.accept(value);
    this.#values.length = 0;
  }
}

/** Late: few steps have so many points. */
function newSketch(): DDSketch {
  const { DDSketch } = require("@datadog/sketches-js") as typeof import("@datadog/sketches-js");
  return new DDSketch({ relativeAccuracy: RELATIVE_ACCURACY });
}
