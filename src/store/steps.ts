/** Points of one series on their way into an answer: as they are, or step by step as one value. */
import { firstNotBefore } from "./column.ts";

/** What is known of a whole run of points without reading them; superseded ones left out. */
export interface RunSummary {
  /** Of its first and its last point. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly first: number;
  readonly last: number;
}

/** Takes the points of a series in order of time, each once, and writes rows. */
export interface Steps {
  /** Whether {@link summary} may be called: what it tells is all that is needed. */
  readonly takesSummaries: boolean;
  /** Rows [from, to): ascending times after everything taken before. */
  take(timesUs: Float64Array, values: Float64Array, from: number, to: number): void;
  /** A run that lies within one step, after everything taken before. */
  summary(run: RunSummary): void;
  /** The series has ended. */
  end(): void;
}

/** The start of the step a time lies in. Exact for every time; a quotient would be rounded from the year 2112 on. */
export function stepOf(timeUs: number, stepUs: number): number {
  return timeUs - (timeUs % stepUs);
}

/** Calls `take` with the rows of each step: its start, and [from, to). */
export function forEachStep(
  timesUs: Float64Array,
  from: number,
  to: number,
  stepUs: number,
  take: (stepStartUs: number, from: number, to: number) => void,
): void {
  let usual = 1;
  for (let at = from; at < to;) {
    const start = stepOf(timesUs[at], stepUs);
    const end = start + stepUs;
    // Sensors are regular: a step mostly has as many rows as the one before.
    const guess = Math.min(at + usual, to);
    const isRight = timesUs[guess - 1] < end && (guess === to || timesUs[guess] >= end);
    const next = isRight ? guess : firstNotBefore(timesUs, at, to, end);
    take(start, at, next);
    usual = next - at;
    at = next;
  }
}
