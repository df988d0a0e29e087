import type { Condition } from "../rule.ts";
import { CountWindow } from "./count-window.ts";
import { ExtremeWindow } from "./extreme-window.ts";
import { QuantileWindow } from "./quantile-window.ts";
import { SumWindow } from "./sum-window.ts";

type Window = Extract<Condition, { kind: "window" }>;

/** What a window is compared by, kept up with each sample. */
export interface WindowAggregate {
  /** Of the window that ends with this sample; times ascend strictly. */
  take(timeUs: number, value: number): number;
  /** Whether one that is made anew from the samples of the window says the same from then on. */
  isOfSamples(): boolean;
}

const always = () => true;

/** Throws RangeError for count, which changes without samples. */
export function aggregateOf({ func }: Window, overUs: number): WindowAggregate {
  switch (func) {
    case "avg":
    case "sum": {
      const window = new SumWindow(overUs);
      const isMean = func === "avg";
      const take = (timeUs: number, value: number) => {
        window.take(timeUs, value);
        return isMean ? window.mean : window.sum;
      };
      return { take, isOfSamples: always };
    }
    case "min":
    case "max": {
      const window = new ExtremeWindow(overUs, func);
      return { take: (timeUs, value) => window.take(timeUs, value), isOfSamples: always };
    }
    case "p95": {
      const window = new QuantileWindow(overUs, 0.95);
      return { take: (timeUs, value) => window.take(timeUs, value), isOfSamples: () => window.isExact };
    }
    case "count":
      throw new RangeError('a window\'s function is "count"; wanted one that only changes with samples');
  }
}

/** With how many samples there are. */
export class CountedAggregate {
  readonly #aggregate: WindowAggregate;
  readonly #pointsMin: number;
  /** Null where one sample is enough. */
  readonly #samples: CountWindow | null;
  observed = NaN;

  constructor(condition: Window, overUs: number) {
    this.#aggregate = aggregateOf(condition, overUs);
    this.#pointsMin = condition.pointsMin;
    this.#samples = condition.pointsMin > 1 ? new CountWindow(overUs) : null;
  }

  /** Whether there are as many samples as are asked for. */
  get isEnough(): boolean {
    return this.#samples === null || this.#samples.total >= this.#pointsMin;
  }

  get isOfSamples(): boolean {
    return this.#aggregate.isOfSamples();
  }

  take(timeUs: number, value: number): void {
    this.observed = this.#aggregate.take(timeUs, value);
    this.#samples?.take(timeUs);
  }
}
