/** Which {@link Steps} answer what is asked. */
import type { StepFunction } from "./protocol.ts";
import { SeriesRows } from "./series-rows.ts";
import type { Steps } from "./steps.ts";
import { ChangeSteps } from "./steps-change.ts";
import { QuantileSteps, SpreadSteps } from "./steps-spread.ts";
import { SummarySteps } from "./steps-summary.ts";

/** `stepUs` 0: every point is a row of its own. */
export function stepsOf(stepUs: number, func: StepFunction, into: SeriesRows): Steps {
  if (stepUs === 0) return new AllRows(into);
  switch (func) {
    case "stddev":
      return new SpreadSteps(stepUs, into);
    case "rate":
    case "increase":
    case "delta":
      return new ChangeSteps(stepUs, func, into);
    case "p50":
    case "p90":
    case "p95":
    case "p99":
      return new QuantileSteps(stepUs, Number(func.slice(1)) / 100, into);
    default:
      return new SummarySteps(stepUs, func, into);
  }
}

class AllRows implements Steps {
  readonly takesSummaries = false;
  readonly #into: SeriesRows;

  constructor(into: SeriesRows) {
    this.#into = into;
  }

  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void {
    this.#into.append(timesUs.subarray(from, to), values.subarray(from, to));
  }

  summary(): void {}

  end(): void {}
}

/** Whether summaries of parts of a step tell what the function is of all of it. */
export function takesSummaries(func: StepFunction): boolean {
  return stepsOf(1, func, new SeriesRows()).takesSummaries;
}
