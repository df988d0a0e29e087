import { quantileOf } from "../../model/quantile.ts";
import { LogHistogramWindow } from "./log-histogram-window.ts";
import { RowQueue } from "./row-queue.ts";
import { SortedValues } from "./sorted-values.ts";

const [TIME, VALUE] = [0, 1];
const COLUMNS = 2;
/** An hour of a sample a second is within it. */
const EXACT_MAX = 4_096;

/**
 * A quantile of a window: exact up to 4,096 samples; past that of logarithmic histograms, until a whole window has come
 * with no more than half of them.
 */
export class QuantileWindow {
  readonly #overUs: number;
  readonly #q: number;
  /** Null while there are too many samples. */
  #exact: ExactWindow | null;
  /** Null while `#exact` has all samples of the window. */
  #histograms: LogHistogramWindow | null = null;
  #exactSinceUs = -Infinity;

  /** `q` from 0 to 1. */
  constructor(overUs: number, q: number) {
    this.#overUs = overUs;
    this.#q = q;
    this.#exact = new ExactWindow(overUs);
  }

  /** Whether the next quantiles are those of a window that begins with the oldest sample of this one. */
  get isExact(): boolean {
    return this.#histograms === null;
  }

  /** The quantile of the window that ends with this sample; times ascend strictly. */
  take(timeUs: number, value: number): number {
    this.#histograms?.take(timeUs, value);
    this.#exact?.take(timeUs, value);
    this.#choose(timeUs);
    return this.#histograms?.quantile(this.#q) ?? quantileOf(this.#exact!.ascending, this.#q);
  }

  #choose(timeUs: number): void {
    if (this.#exact === null) {
      if (this.#histograms!.total > EXACT_MAX / 2) return;
      this.#exact = new ExactWindow(this.#overUs);
      this.#exactSinceUs = timeUs;
    } else if (this.#exact.total > EXACT_MAX) {
      this.#histograms ??= this.#exact.poured();
      this.#exact = null;
    } else if (timeUs - this.#exactSinceUs >= this.#overUs) {
      this.#histograms = null;
    }
  }
}

class ExactWindow {
  readonly #overUs: number;
  readonly #samples = new RowQueue(COLUMNS);
  readonly #sorted = new SortedValues();

  constructor(overUs: number) {
    this.#overUs = overUs;
  }

  get total(): number {
    return this.#samples.length;
  }

  get ascending(): Float64Array {
    return this.#sorted.ascending;
  }

  take(timeUs: number, value: number): void {
    const samples = this.#samples;
    while (samples.length > 0 && samples.get(0, TIME) <= timeUs - this.#overUs) {
      this.#sorted.remove(samples.get(0, VALUE));
      samples.shift();
    }
    const row = samples.push();
    samples.set(row, TIME, timeUs);
    samples.set(row, VALUE, value);
    this.#sorted.add(value);
  }

  poured(): LogHistogramWindow {
    const histograms = new LogHistogramWindow(this.#overUs);
    for (let row = 0; row < this.#samples.length; row++) {
      histograms.take(this.#samples.get(row, TIME), this.#samples.get(row, VALUE));
    }
    return histograms;
  }
}
