/** Which series a replay shows the points of. */
import { compileGlob, isGlob } from "../../model/glob.ts";
import { valueInKey } from "../../model/matcher.ts";
import { tagOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import type { SeriesSelector } from "./about.ts";

export interface SessionSeries {
  /** Ascending. */
  readonly ids: Uint32Array;
  readonly keys: readonly string[];
  /** There were more than may be. */
  readonly isCut: boolean;
}

export const SERIES_MAX = 1_000;
/** Keys looked at in one turn of the event loop. */
const KEYS_AT_ONCE = 4_096;

/** `sees`: of a series' key; those that it does not take are as if they were not there. `pause`: lets others have their turn. */
export async function seriesOf(
  selectors: readonly SeriesSelector[],
  registry: SeriesRegistry,
  sees: (key: string) => boolean,
  pause: () => Promise<void>,
): Promise<SessionSeries> {
  const ids = new Set<number>();
  const tests = selectors.map(testOf);
  const exact = new Set(selectors.flatMap(({ metric = "*" }) => (isGlob(metric) ? [] : [metric])));
  const hasGlobs = selectors.some(({ metric = "*" }) => isGlob(metric));
  let looked = 0;
  for (const metric of hasGlobs ? [...registry.metrics()] : exact) {
    const ofMetric = tests.filter((test) => test.matchesMetric(metric));
    if (hasGlobs && ++looked % KEYS_AT_ONCE === 0) await pause();
    if (ofMetric.length === 0) continue;
    for (const id of [...registry.idsOfMetric(metric)]) {
      if (++looked % KEYS_AT_ONCE === 0) await pause();
      if (ids.size > SERIES_MAX || !registry.has(id)) continue;
      const key = registry.keyOf(id);
      if (ofMetric.some((test) => test.matchesKey(key)) && sees(key)) ids.add(id);
    }
  }
  const kept = [...ids].filter((id) => registry.has(id)).sort((a, b) => a - b);
  const shown = kept.slice(0, SERIES_MAX);
  return { ids: Uint32Array.from(shown), keys: shown.map((id) => registry.keyOf(id)), isCut: kept.length > SERIES_MAX };
}

function testOf({ metric = "*", source, device, tags = {} }: SeriesSelector) {
  const wanted = Object.entries(tags);
  return {
    matchesMetric: compileGlob(metric),
    matchesKey: (key: string) =>
      (source === undefined || valueInKey(key, "source") === source) &&
      (device === undefined || valueInKey(key, "device") === device) &&
      wanted.every(([tag, value]) => tagOfKey(key, tag) === value),
  };
}
