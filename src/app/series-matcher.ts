import { compileMatcher, type SeriesMatcher } from "../model/matcher.ts";
import { parseTagConditions } from "../model/tag-conditions.ts";

export interface SeriesSettings {
  readonly metrics: string;
  readonly sources: string;
  readonly tags: string | undefined;
}

/** Which series settings mean; undefined: all. `field`: the setting of the metrics. */
export function seriesMatcherOf({ metrics, sources, tags }: SeriesSettings, field: string): SeriesMatcher | undefined {
  if (metrics === "*" && sources === "*" && tags === undefined) return undefined;
  const matchers = tags === undefined ? [] : parseTagConditions(tags);
  return compileMatcher(metrics.split("|"), { source: sources }, field, matchers);
}
