import type { Calm } from "./calm.ts";

/**
 * What one series is to the condition of one rule. Levels: 0 where the condition is not met; 1 where it is; of a ladder
 * the number of the highest step that is met. No clock: time comes with samples.
 */
export interface ConditionState {
  /** When the level may change without a sample, Unix microseconds; Infinity: never. */
  readonly dueUs: number;
  /**
   * What the limit was compared with last, for the alert's text: an average, a rate; NaN before the first. Where no limit
   * could be met it may have been put off: it is worked out when it is asked for.
   */
  readonly observed: number;
  /**
   * Says through which samples the level stays, which is 0 after the latest one. They may be kept back then, to be taken
   * later and in order, before anything else is asked of the state.
   */
  becalm(calm: Calm): void;
  /** The level from a sample on that is newer than all before; `level` is the one that stood. */
  take(timeUs: number, value: number, level: number): number;
  /** The level at a time that is not before {@link dueUs}, nor before the latest sample. */
  elapse(timeUs: number, level: number): number;
}
