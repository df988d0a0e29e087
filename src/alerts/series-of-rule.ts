/** Which series a rule is about, and to which instance of it each belongs. */
import { matchingSeries, valueForFilter } from "../model/matcher.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { BoundRule } from "./bound-rule.ts";
import type { InstancePlace } from "./evaluated-rule.ts";
import type { Rule } from "./rule.ts";

/** Whether points are what it is about. */
export function isOfSeries({ condition }: Rule): boolean {
  return condition.kind !== "watchdog" && condition.kind !== "device";
}

/** Ids; of rules that are disabled, too. */
export function seriesOfRule(
  { rule, matcher }: Pick<BoundRule, "rule" | "matcher">,
  registry: SeriesRegistry,
): number[] {
  return isOfSeries(rule) ? matchingSeries(registry, matcher) : [];
}

export function placeOfSeries({ groupBy }: Rule, seriesId: number, registry: SeriesRegistry): InstancePlace {
  if (groupBy === undefined) return seriesId;
  const identity = registry.identityOf(seriesId);
  return JSON.stringify(groupBy.map((key) => valueForFilter(identity, key)));
}
