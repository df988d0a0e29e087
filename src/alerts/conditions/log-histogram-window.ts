import { bucketOf, coarser, LogHistogram } from "./log-histogram.ts";
import { Panes } from "./panes.ts";

/** A histogram each. */
export const HISTOGRAMS_OF_WINDOW = 32;
/** Of all histograms together; most sensors need some hundreds. A window of as many in each takes two megabytes. */
const BUCKETS_MAX = 2_048;

interface Part {
  readonly histogram: LogHistogram;
  /** Of its newest sample. */
  lastUs: number;
}

/**
 * Quantiles of a window of any number of samples, within 1 %. Samples leave by thirty-seconds of the window. Where they
 * spread over more than 2,048 buckets, which take five orders of magnitude, pairs of buckets become one, which makes it
 * 2 %, and so on (uniform collapse, as in UDDSketch, Epicoco et al. 2020); later samples have fine ones again once there
 * is room.
 */
export class LogHistogramWindow {
  readonly #overUs: number;
  readonly #panes: Panes;
  readonly #parts: Part[] = [];
  readonly #all = new LogHistogram();
  /** Last digits of a bucket's number that are left out. */
  #digits = 0;

  constructor(overUs: number) {
    this.#overUs = overUs;
    this.#panes = new Panes(overUs / HISTOGRAMS_OF_WINDOW);
  }

  get total(): number {
    return this.#all.total;
  }

  quantile(q: number): number {
    return this.#all.quantile(q);
  }

  /** Times ascend strictly. */
  take(timeUs: number, value: number): void {
    const parts = this.#parts;
    while (parts.length > 0 && parts[0].lastUs <= timeUs - this.#overUs) this.#all.subtract(parts.shift()!.histogram);
    if (this.#panes.begins(timeUs)) {
      parts.push({ histogram: new LogHistogram(), lastUs: timeUs });
      if (2 * this.#all.length <= BUCKETS_MAX && this.#digits > 0) this.#digits--;
    }
    const newest = parts[parts.length - 1];
    newest.lastUs = timeUs;
    const bucket = coarser(bucketOf(value), this.#digits);
    newest.histogram.add(bucket, value);
    this.#all.add(bucket, value);
    while (this.#all.length > BUCKETS_MAX) this.#coarsen();
  }

  /** All alike, so that each part can be subtracted. */
  #coarsen(): void {
    this.#digits++;
    this.#all.coarsen(this.#digits);
    for (const { histogram } of this.#parts) histogram.coarsen(this.#digits);
  }
}
