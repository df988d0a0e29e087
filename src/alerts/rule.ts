/** What a rule says, checked and with defaults filled in: what the evaluator works with. */
import type { TagMatcher } from "../model/matcher.ts";
import type { Severity } from "./severity.ts";

/** Met above or below `at`; once met until the value is back at `clearAt`, which is `at` or on the calm side of it. */
export interface Limit {
  readonly direction: "above" | "below";
  readonly at: number;
  readonly clearAt: number;
}

export interface LadderStep {
  readonly severity: Severity;
  readonly limit: Limit;
}

export type WindowFunction = "avg" | "min" | "max" | "sum" | "p95" | "count";
export type Direction = "above" | "below" | "both";

export type Condition =
  | { readonly kind: "threshold"; readonly limit: Limit }
  /** Ascending by severity, all in one direction. */
  | { readonly kind: "ladder"; readonly steps: readonly LadderStep[] }
  /** Met inside of [low, high], or outside; `margin`: how far back over the edge it has to come. */
  | {
      readonly kind: "range";
      readonly low: number;
      readonly high: number;
      readonly isOutside: boolean;
      readonly margin: number;
    }
  /** Over the window that ends with the latest sample; with fewer samples than `pointsMin` it is not met. */
  | {
      readonly kind: "window";
      readonly func: WindowFunction;
      readonly overMs: number;
      readonly limit: Limit;
      readonly pointsMin: number;
    }
  /** Change per second between the ends of the window. */
  | { readonly kind: "rate"; readonly overMs: number; readonly limit: Limit }
  /** Of the last m samples n are over the limit. */
  | { readonly kind: "n_of_m"; readonly n: number; readonly m: number; readonly limit: Limit }
  /** Samples come, and none differs from the others of the window by more than epsilon. */
  | { readonly kind: "stuck"; readonly overMs: number; readonly epsilon: number }
  /** Nothing is heard; undefined: for several times as long as is usual for the series. */
  | { readonly kind: "absence"; readonly afterMs: number | undefined }
  /** Standard deviations from the exponentially weighted mean of the series' own past. */
  | {
      readonly kind: "deviation";
      readonly sigmas: number;
      readonly spanMs: number;
      readonly direction: Direction;
      readonly pointsMin: number;
    }
  /** Standard deviations from what is usual at this hour of the week. */
  | {
      readonly kind: "seasonal";
      readonly sigmas: number;
      readonly weeks: number;
      readonly direction: Direction;
      readonly timeZone: string;
    }
  /** Of devices that have one of these statuses. */
  | { readonly kind: "device"; readonly statuses: readonly string[] }
  /** Always met, without a series: shows that alerts get through. */
  | { readonly kind: "watchdog" };

/** Days of the week, 0 is Sunday, and minutes of the day, [from, to) in a time zone; over midnight where to ≤ from. */
export interface ActiveTime {
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly timeZone: string;
}

export type NoData = "keep" | "fire" | "resolve";

/** What a rule may have opened for its alerts. */
export const OPENINGS = ["session", "issue"] as const;
export type Opening = (typeof OPENINGS)[number];

export interface Rule {
  /** Unique. */
  readonly name: string;
  /** Exact name or glob. */
  readonly metric: string;
  readonly matchers: readonly TagMatcher[];
  /** One instance for each set of values of these tags; undefined: one for each series. */
  readonly groupBy: readonly string[] | undefined;
  readonly condition: Condition;
  /** Of all conditions but a ladder. */
  readonly severity: Severity;
  /** How long the condition must hold before the alert fires. */
  readonly holdMs: number;
  /** How long it goes on firing when the condition is no longer met. */
  readonly keepFiringMs: number;
  /** Age at arrival from which a point is late; undefined: by the series' own gaps. */
  readonly lateAfterMs: number | undefined;
  readonly notifyLate: boolean;
  readonly noData: NoData;
  /** Empty: always. */
  readonly activeTimes: readonly ActiveTime[];
  /** Templates. */
  readonly title: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly runbook: string;
  /** Name of an escalation policy; "": none. */
  readonly escalation: string;
  /** For the incident of an alert that fires, one of each; in the order of {@link OPENINGS}. */
  readonly opens: readonly Opening[];
  readonly isDisabled: boolean;
  /** Rules from a file cannot be changed by a call. */
  readonly isFromFile: boolean;
}

/** Of a level of the rule's condition, from 1. */
export function severityOf({ condition, severity }: Rule, level: number): Severity {
  if (condition.kind !== "ladder") return severity;
  return condition.steps[Math.min(Math.max(level, 1), condition.steps.length) - 1].severity;
}
