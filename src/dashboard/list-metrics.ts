/** ListMetrics: the names there are, in order, with what stands behind each. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SeriesRegistry } from "../model/series-registry.ts";
import { SEES_ALL, type SeesSeries } from "../model/series-scopes.ts";
import type { ListMetricsRequest, ListMetricsResponseSchema } from "../wire/gen/history_pb.ts";
import { firstInOrder } from "./in-order.ts";
import { earliestOfGroups, groupSeries, lastTimeOf, MissingNames, pageLimit, timestampOrNone } from "./listing.ts";
import type { ListingDeps } from "./listing.ts";
import type { LatestValues } from "./latest-values.ts";
import type { Work } from "./sliced-work.ts";

const NAMES_PER_CHECK = 512;
const IDS_PER_CHECK = 4_096;

/** Throws INVALID_ARGUMENT naming the field. */
export async function listMetrics(
  { prefix, after, limit }: ListMetricsRequest,
  { registry, latest, store, sliced, sees, learn }: ListingDeps,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListMetricsResponseSchema>> {
  const count = pageLimit(limit);
  const { names, total, more } = await sliced.run(pageOfNames({ prefix, after, count }, registry, sees), signal);
  const idsOfName = await sliced.run(seenOfNames(names, registry, sees), signal);
  const { ids, groups } = await sliced.run(groupSeries(idsOfName, registry.idEnd), signal);
  const missing = new MissingNames();
  const { onMissing } = missing;
  await learn(ids, { signal, onMissing });
  const lastsUs = await sliced.run(latestOfGroups(idsOfName, latest), signal);
  const timesUs = await store.extents(ids, { signal, onMissing });
  const firstsUs = await sliced.run(earliestOfGroups(timesUs, groups, names.length), signal);
  const metrics = names.map((name, i) => ({
    name,
    series: BigInt(idsOfName[i].length),
    firstSeen: timestampOrNone(firstsUs[i]),
    lastSeen: timestampOrNone(lastsUs[i]),
  }));
  return { metrics, total: BigInt(total), more, missingNodes: missing.all };
}

interface WantedNames {
  readonly prefix: string;
  readonly after: string;
  readonly count: number;
}

function* pageOfNames(
  { prefix, after, count }: WantedNames,
  registry: SeriesRegistry,
  sees: SeesSeries,
): Work<{ names: string[]; total: number; more: boolean }> {
  const left: string[] = [];
  let total = 0;
  let looked = 0;
  for (const name of registry.metrics()) {
    if (++looked % NAMES_PER_CHECK === 0) yield;
    if (!name.startsWith(prefix) || !(yield* isAnySeen(registry.idsOfMetric(name), sees))) continue;
    total++;
    if (name > after) left.push(name);
  }
  const names = yield* firstInOrder(left, count, (a, b) => (a < b ? -1 : 1));
  return { names, total, more: left.length > names.length };
}

function* isAnySeen(ids: readonly number[], sees: SeesSeries): Work<boolean> {
  for (let i = 0; i < ids.length; i++) {
    if (sees(ids[i])) return true;
    if ((i + 1) % NAMES_PER_CHECK === 0) yield;
  }
  return false;
}

function* seenOfNames(names: readonly string[], registry: SeriesRegistry, sees: SeesSeries): Work<number[][]> {
  if (sees === SEES_ALL) return names.map((name) => registry.idsOfMetric(name).slice());
  const idsOfName: number[][] = [];
  let looked = 0;
  for (const name of names) {
    const seen: number[] = [];
    const ids = registry.idsOfMetric(name);
    for (let i = 0; i < ids.length; i++) {
      if (++looked % NAMES_PER_CHECK === 0) yield;
      if (sees(ids[i])) seen.push(ids[i]);
    }
    idsOfName.push(seen);
  }
  return idsOfName;
}

function* latestOfGroups(idsOfGroup: readonly (readonly number[])[], latest: LatestValues): Work<Float64Array> {
  const lastsUs = new Float64Array(idsOfGroup.length).fill(-Infinity);
  let looked = 0;
  for (const [group, ids] of idsOfGroup.entries()) {
    for (let i = 0; i < ids.length; i++) {
      if (++looked % IDS_PER_CHECK === 0) yield;
      lastsUs[group] = Math.max(lastsUs[group], lastTimeOf(latest, ids[i]));
    }
  }
  return lastsUs;
}
