/** A rule that is in force, with its instances. */
import { compileMatcher, type SeriesMatcher } from "../model/matcher.ts";
import { conditionStateOf, hasSeriesState } from "./conditions/condition-state-of.ts";
import type { ConditionState } from "./conditions/condition-state.ts";
import type { EvaluatedRule, InstancePlace } from "./evaluated-rule.ts";
import type { Instance } from "./instance.ts";
import type { Condition, Rule } from "./rule.ts";
import type { SeasonalProfiles } from "./seasonal-profiles.ts";
import { OWN_MARKS, type SeriesMarks } from "./series-marks.ts";

export interface BoundRule extends EvaluatedRule {
  rule: Rule;
  /** What came before that is not for it. */
  readonly sinceMs: number;
  readonly matcher: SeriesMatcher;
  /** By place. */
  readonly instances: Map<InstancePlace, Instance>;
  series: number;
  /** Another node evaluates it: its instances have no probes here, and those that are not open are left out. */
  isLent: boolean;
}

export interface BoundRuleDeps {
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  readonly profiles: SeasonalProfiles;
  /** Left out: {@link OWN_MARKS}. */
  readonly marks?: SeriesMarks;
}

/** Without instances yet. */
export function boundRule(
  rule: Rule,
  sinceMs: number,
  { staleAfterMs, profiles, marks = OWN_MARKS }: BoundRuleDeps,
): BoundRule {
  return {
    rule,
    sinceMs,
    timing: { holdUs: rule.holdMs * 1_000, keepFiringUs: rule.keepFiringMs * 1_000 },
    staleAfterMs,
    marks,
    makeState: stateMakerOf(rule.condition, profiles),
    matcher: compileMatcher([rule.metric || "*"], {}, "rule.metric", rule.matchers),
    instances: new Map(),
    series: 0,
    isLent: false,
  };
}

function stateMakerOf(condition: Condition, profiles: SeasonalProfiles): (seriesId: number) => ConditionState | null {
  if (["absence", "device", "watchdog"].includes(condition.kind)) return () => null;
  if (condition.kind === "seasonal") {
    return (seriesId) => conditionStateOf(condition, { profile: profiles.of(seriesId, condition) });
  }
  if (hasSeriesState(condition)) return () => conditionStateOf(condition);
  const shared = conditionStateOf(condition);
  return () => shared;
}
