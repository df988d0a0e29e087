/** Sources that somebody sees all of. */
import type { Scope } from "../model/access.ts";
import { sourceOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";

const SERIES_AT_ONCE = 20_000;

/** What is counted by source alone is for those who see each series of it; of one without series its name decides. */
export async function wholeSources(
  scope: Scope,
  registry: Pick<SeriesRegistry, "idEnd" | "has" | "keyOf">,
  scopes: Pick<SeriesScopes, "seesSeries" | "takes">,
): Promise<(source: string) => boolean> {
  if (scope.isEverything) return () => true;
  const sees = scopes.seesSeries(scope);
  const isSeen = new Map<string, boolean>();
  for (let id = 1; id < registry.idEnd; id++) {
    if (id % SERIES_AT_ONCE === 0) await new Promise((resolve) => void setImmediate(resolve));
    if (!registry.has(id)) continue;
    const source = sourceOfKey(registry.keyOf(id));
    if (isSeen.get(source) !== false) isSeen.set(source, sees(id));
  }
  return (source) => isSeen.get(source) ?? scopes.takes(scope, { source });
}
