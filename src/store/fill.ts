/** Puts values into the steps of a series that have none. */
import type { Fill } from "./protocol.ts";
import type { SeriesRows } from "./series-rows.ts";

/** Starts of the first and the last step that may be filled, both inclusive. */
export interface StepSpan {
  readonly firstUs: number;
  readonly lastUs: number;
}

/**
 * Copies `rows` to `into` with every step of `span` in it, as far as `fill` has a value for it: `previous` has none
 * before the first row, `linear` none outside of the rows.
 */
export function fillSteps(rows: SeriesRows, fill: Fill, stepUs: number, span: StepSpan, into: SeriesRows): void {
  const { timesUs, values, length } = rows;
  let at = 0;
  for (let stepStartUs = span.firstUs; stepStartUs <= span.lastUs; stepStartUs += stepUs) {
    if (at < length && timesUs[at] === stepStartUs) {
      into.push(stepStartUs, values[at++]);
      continue;
    }
    switch (fill) {
      case "null":
        into.push(stepStartUs, NaN);
        break;
      case "zero":
        into.push(stepStartUs, 0);
        break;
      case "previous":
        if (at > 0) into.push(stepStartUs, values[at - 1]);
        break;
      case "linear":
        if (at > 0 && at < length) into.push(stepStartUs, between(timesUs, values, at, stepStartUs));
        break;
    }
  }
}

/** On the line through rows `at` - 1 and `at`. */
function between(timesUs: Float64Array, values: Float64Array, at: number, timeUs: number): number {
  const share = (timeUs - timesUs[at - 1]) / (timesUs[at] - timesUs[at - 1]);
  return values[at - 1] + share * (values[at] - values[at - 1]);
}
