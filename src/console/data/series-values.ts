/** What is known of the values of a series. */
import type { NamedSeries } from "./series-labels.ts";

export interface LastValue extends NamedSeries {
  readonly key: string;
  readonly value: number;
  readonly timeMs: number;
  /** Silent for longer than it usually is. */
  readonly isStale: boolean;
}

export interface StepSeries extends NamedSeries {
  readonly key: string;
  /** Of the beginnings of steps, ascending; a step without points is missing. */
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
}

export interface StepValuesState {
  readonly series: readonly StepSeries[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly isRead: boolean;
  /** What the values do not say by themselves, such as that some of what is stored is damaged. */
  readonly notes: readonly string[];
  /** Why what is shown is not as new as it should be; "": it is. */
  readonly failure: string;
}
