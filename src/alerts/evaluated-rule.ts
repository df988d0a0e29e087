/** A rule as its instances share it. */
import type { ConditionState } from "./conditions/condition-state.ts";
import type { Timing } from "./lifecycle.ts";
import type { Rule } from "./rule.ts";
import type { SeriesMarks } from "./series-marks.ts";

/** Of an instance among those of its rule: the id of its series (0: none), or of a group its values, as JSON. */
export type InstancePlace = number | string;

export interface EvaluatedRule {
  readonly rule: Rule;
  readonly timing: Timing;
  /** Silence after which a series is stale whose usual gaps are not known. */
  readonly staleAfterMs: number;
  readonly marks: SeriesMarks;
  makeState(seriesId: number): ConditionState | null;
}
