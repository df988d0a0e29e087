/** ListMetrics: the names there are, in order, with what stands behind each. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { ListMetricsRequest, ListMetricsResponseSchema } from "../wire/gen/history_pb.ts";
import { firstInOrder } from "./in-order.ts";
import { earliestOfGroups, groupSeries, lastTimeOf, pageLimit, timestampOrNone, type ListingDeps } from "./listing.ts";
import type { LatestValues } from "./latest-values.ts";
import type { Work } from "./sliced-work.ts";

const NAMES_PER_CHECK = 512;
const IDS_PER_CHECK = 4_096;

/** Throws INVALID_ARGUMENT naming the field. */
export async function listMetrics(
  { prefix, after, limit }: ListMetricsRequest,
  { registry, latest, store, sliced }: ListingDeps,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListMetricsResponseSchema>> {
  const count = pageLimit(limit);
  const { names, total, more } = await sliced.run(pageOfNames(registry, prefix, after, count), signal);
  const idsOfName = names.map((name) => registry.idsOfMetric(name).slice());
  const lastsUs = await sliced.run(latestOfGroups(idsOfName, latest), signal);
  const { ids, groups } = await sliced.run(groupSeries(idsOfName, registry.idEnd), signal);
  const timesUs = await store.extents(ids, { signal });
  const firstsUs = await sliced.run(earliestOfGroups(timesUs, groups, names.length), signal);
  const metrics = names.map((name, i) => ({
    name,
    series: BigInt(idsOfName[i].length),
    firstSeen: timestampOrNone(firstsUs[i]),
    lastSeen: timestampOrNone(lastsUs[i]),
  }));
  return { metrics, total: BigInt(total), more };
}

function* pageOfNames(
  registry: SeriesRegistry,
  prefix: string,
  after: string,
  count: number,
): Work<{ names: string[]; total: number; more: boolean }> {
  const left: string[] = [];
  let total = 0;
  let looked = 0;
  for (const name of registry.metrics()) {
    if (++looked % NAMES_PER_CHECK === 0) yield;
    if (!name.startsWith(prefix)) continue;
    total++;
    if (name > after) left.push(name);
  }
  const names = yield* firstInOrder(left, count, (a, b) => (a < b ? -1 : 1));
  return { names, total, more: left.length > names.length };
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
