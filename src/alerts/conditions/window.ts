import type { Condition } from "../rule.ts";
import type { ConditionState } from "./condition-state.ts";
import { CountWindow } from "./count-window.ts";
import { ExtremeWindow } from "./extreme-window.ts";
import { meets } from "./limit.ts";
import { QuantileWindow } from "./quantile-window.ts";
import { SumWindow } from "./sum-window.ts";

type Window = Extract<Condition, { kind: "window" }>;
/** The aggregate of the window that ends with this sample. */
type Aggregate = (timeUs: number, value: number) => number;

const US_PER_MS = 1_000;

/** An aggregate other than count, of the window (timeUs - over, timeUs] of each sample. It changes only with samples. */
export class WindowState implements ConditionState {
  readonly #condition: Window;
  readonly #aggregate: Aggregate;
  /** Null where one sample is enough. */
  readonly #samples: CountWindow | null;
  observed = NaN;

  constructor(condition: Window) {
    const overUs = condition.overMs * US_PER_MS;
    this.#condition = condition;
    this.#aggregate = aggregateOf(condition, overUs);
    this.#samples = condition.pointsMin > 1 ? new CountWindow(overUs) : null;
  }

  get dueUs(): number {
    return Infinity;
  }

  take(timeUs: number, value: number, level: number): number {
    const { limit, pointsMin } = this.#condition;
    this.observed = this.#aggregate(timeUs, value);
    this.#samples?.take(timeUs);
    if (this.#samples !== null && this.#samples.total < pointsMin) return 0;
    return meets(limit, this.observed, level > 0) ? 1 : 0;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }
}

function aggregateOf({ func }: Window, overUs: number): Aggregate {
  switch (func) {
    case "avg":
    case "sum": {
      const window = new SumWindow(overUs);
      const isMean = func === "avg";
      return (timeUs, value) => {
        window.take(timeUs, value);
        return isMean ? window.mean : window.sum;
      };
    }
    case "min":
    case "max": {
      const window = new ExtremeWindow(overUs, func);
      return (timeUs, value) => window.take(timeUs, value);
    }
    case "p95": {
      const window = new QuantileWindow(overUs, 0.95);
      return (timeUs, value) => window.take(timeUs, value);
    }
    case "count":
      throw new RangeError('a window\'s function is "count"; wanted one that only changes with samples');
  }
}
