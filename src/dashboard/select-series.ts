/** Which series a request means, found in slices: the same as matchingSeries does at once. */
import type { SeriesMatcher } from "../model/matcher.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeesSeries } from "../model/series-scopes.ts";
import type { Work } from "./sliced-work.ts";

/** Few, for a matcher may be a costly regular expression. */
const SERIES_PER_CHECK = 16;
const FOUND_MIN = 1_024;

/** Ids of the series that match and are seen, metric by metric, ascending within each. One that is deleted meanwhile may be among them. */
export function* selectSeries(
  registry: SeriesRegistry,
  matcher: SeriesMatcher,
  sees: SeesSeries,
): Work<Uint32Array<ArrayBuffer>> {
  let found = new Uint32Array(FOUND_MIN);
  let count = 0;
  let looked = 0;
  for (const metric of matcher.hasMetricGlobs ? registry.metrics() : matcher.exactMetrics) {
    if (++looked % SERIES_PER_CHECK === 0) yield;
    if (!matcher.matchesMetric(metric)) continue;
    const ids = registry.idsOfMetric(metric);
    for (let i = 0; i < ids.length; i++) {
      if (++looked % SERIES_PER_CHECK === 0) yield;
      if (!registry.has(ids[i]) || !matcher.matchesKey(registry.keyOf(ids[i])) || !sees(ids[i])) continue;
      if (count === found.length) {
        const larger = new Uint32Array(2 * count);
        larger.set(found);
        found = larger;
      }
      found[count++] = ids[i];
    }
  }
  return found.subarray(0, count);
}
