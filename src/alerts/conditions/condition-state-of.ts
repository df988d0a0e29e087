/** From what a rule says to what its series are judged by. */
import type { Condition } from "../rule.ts";
import type { ConditionState } from "./condition-state.ts";
import { CountState } from "./count.ts";
import { DeviationState } from "./deviation.ts";
import { ExtremeState } from "./extreme.ts";
import { LadderState } from "./ladder.ts";
import { HISTOGRAMS_OF_WINDOW } from "./log-histogram-window.ts";
import { NOfMState } from "./n-of-m.ts";
import { PANES_OF_WINDOW } from "./panes.ts";
import { RangeState } from "./range.ts";
import { RateState } from "./rate.ts";
import type { SeasonalProfile } from "./seasonal-profile.ts";
import { SeasonalState } from "./seasonal.ts";
import { StuckState } from "./stuck.ts";
import { ThresholdState } from "./threshold.ts";
import { WindowState } from "./window.ts";

export interface ConditionDeps {
  /** For seasonal; missing: it is never met. */
  readonly profile?: SeasonalProfile | null;
  /** For count: when the series had its first sample, Unix microseconds; missing: the first that is taken is its first. */
  readonly seenSinceUs?: number;
}

const US_PER_MS = 1_000;
/** After so many spans what was before weighs less than a ten-thousandth. */
const SPANS_BACK = 10;

/**
 * A state that has seen nothing: for one series, or for all of the rule where {@link hasSeriesState} says no. Absence,
 * device and watchdog have no samples to be judged by; for them it throws RangeError.
 */
export function conditionStateOf(condition: Condition, deps: ConditionDeps = {}): ConditionState {
  switch (condition.kind) {
    case "threshold":
      return new ThresholdState(condition.limit);
    case "ladder":
      return new LadderState(condition.steps);
    case "range":
      return new RangeState(condition);
    case "window":
      if (condition.func === "count") return new CountState(condition, deps.seenSinceUs ?? Infinity);
      return isExtreme(condition) ? new ExtremeState(condition) : new WindowState(condition);
    case "rate":
      return new RateState(condition);
    case "n_of_m":
      return new NOfMState(condition);
    case "stuck":
      return new StuckState(condition);
    case "deviation":
      return new DeviationState(condition);
    case "seasonal":
      return new SeasonalState(condition, deps.profile ?? null);
    case "absence":
    case "device":
    case "watchdog":
      throw new RangeError(`no state for a condition of ${condition.kind}; wanted one that is judged by samples`);
  }
}

/** Where the samples that are the extreme of some window tell all of it: not how many others there are. */
function isExtreme({ func, pointsMin }: Extract<Condition, { kind: "window" }>): boolean {
  return (func === "min" || func === "max") && pointsMin <= 1;
}

/** Whether each series needs a state of its own; otherwise one may serve all of the rule. */
export function hasSeriesState({ kind }: Condition): boolean {
  return !STATELESS.has(kind);
}

/**
 * How old samples may be that matter to a state, microseconds of event time. A state that takes those of so long, at least
 * {@link lookbackPoints}, and then elapses with the level that stood, judges like one that never stopped; that of a
 * deviation, whose past has no end, very nearly.
 */
export function lookbackUs(condition: Condition): number {
  switch (condition.kind) {
    case "window": {
      const panes = condition.func === "p95" ? HISTOGRAMS_OF_WINDOW : PANES_OF_WINDOW;
      return wholePanesUs(condition.overMs, panes);
    }
    case "rate":
      return wholePanesUs(condition.overMs, PANES_OF_WINDOW);
    case "stuck":
      // Where a window before this one is empty, the series was seen anew.
      return wholePanesUs(condition.overMs, PANES_OF_WINDOW) + condition.overMs * US_PER_MS;
    case "deviation":
      return SPANS_BACK * condition.spanMs * US_PER_MS;
    default:
      return 0;
  }
}

/** How many of the newest samples matter to a state however old they are. */
export function lookbackPoints(condition: Condition): number {
  switch (condition.kind) {
    case "n_of_m":
      return condition.m;
    case "deviation":
      return condition.pointsMin;
    default:
      return 0;
  }
}

/** A window, and the rest of the pane in which it begins. */
function wholePanesUs(overMs: number, panes: number): number {
  return Math.ceil(overMs * US_PER_MS * (1 + 1 / panes));
}

const STATELESS: ReadonlySet<Condition["kind"]> = new Set([
  "threshold",
  "ladder",
  "range",
  "absence",
  "device",
  "watchdog",
]);
