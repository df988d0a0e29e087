/** Who is told of an incident that nobody acknowledges, and when; and who is on call. */
import type { Severity } from "../severity.ts";

export interface EscalationStep {
  /** How long the incident has been unacknowledged, from the start of the loop. Not less than that of the step before. */
  readonly afterMs: number;
  /** Receivers and schedules; of a schedule, who is on call then. */
  readonly notify: readonly string[];
  /** Alerts below it are raised to it before anybody is told. */
  readonly raiseSeverity: Severity | undefined;
}

export interface EscalationPolicy {
  readonly name: string;
  /** At least one. */
  readonly steps: readonly EscalationStep[];
  /** How often all steps are gone through again: 0 to {@link REPEAT_MAX}. */
  readonly repeat: number;
  /** From the last step to the next loop, and behind the last loop to its being exhausted. Above 0. */
  readonly repeatAfterMs: number;
  /** An acknowledged incident that is not resolved within this escalates again. Above 0; undefined: never. */
  readonly ackTimeoutMs: number | undefined;
  /** From one reminder to the next, once the loops are exhausted. Above 0. */
  readonly repeatIntervalMs: number;
}

/** In [from, to), Unix milliseconds, somebody else is on call. */
export interface OnCallOverride {
  readonly fromMs: number;
  readonly toMs: number;
  readonly receiver: string;
}

export interface OnCallSchedule {
  readonly name: string;
  readonly timeZone: string;
  /** What a clock on the wall shows when the first participant's first shift begins: "2026-01-05T08:00". */
  readonly firstHandoff: string;
  /** Of a clock on the wall: 24 for daily, 168 for weekly. */
  readonly shiftHours: number;
  /** Receivers, in the order of their shifts; at least one. */
  readonly participants: readonly string[];
  /** Of several at one time the last one counts. */
  readonly overrides: readonly OnCallOverride[];
}

export interface EscalationConfig {
  readonly policies: readonly EscalationPolicy[];
  /** None has the name of a receiver. */
  readonly schedules: readonly OnCallSchedule[];
}

export const REPEAT_MAX = 5;
export const REPEAT_AFTER_MS = 30 * 60_000;
