/** ListSeries: the series that match, a page of them in some order, each with its first and its latest point. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { invalidField } from "../model/errors.ts";
import { deviceOf } from "../model/series-key.ts";
import {
  SeriesInfoSchema,
  SeriesOrder,
  type ListSeriesRequest,
  type ListSeriesResponseSchema,
  type SeriesInfo,
} from "../wire/gen/history_pb.ts";
import { firstInOrder, type Compare } from "./in-order.ts";
import { inOrderOfNames } from "./in-order-of-names.ts";
import { lastTimeOf, pageLimit, timestampOrNone, type ListingDeps, MissingNames } from "./listing.ts";
import { requestMatcher } from "./request-matcher.ts";
import { selectSeries } from "./select-series.ts";
import type { Work } from "./sliced-work.ts";

const OFFSET_MAX = 2 ** 32;
const INFOS_PER_CHECK = 64;

/** Throws INVALID_ARGUMENT naming the field. */
export async function listSeries(
  request: ListSeriesRequest,
  deps: ListingDeps,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof ListSeriesResponseSchema>> {
  const matcher = requestMatcher({ ...request, metric: request.metric || "*" });
  const limit = pageLimit(request.limit);
  const offset = Number(request.offset);
  if (offset < 0 || offset > OFFSET_MAX) throw invalidField("offset", offset, `0 to ${OFFSET_MAX}`);
  const order = orderOf(request.order, deps);

  function* page(): Work<{ total: number; found: number[] }> {
    const ids = yield* selectSeries(deps.registry, matcher, deps.sees);
    const end = Math.min(offset + limit, ids.length);
    const found =
      order === null
        ? yield* inOrderOfNames(ids, offset, end, deps.registry)
        : (yield* firstInOrder(ids, end, order)).slice(offset);
    return { total: ids.length, found };
  }
  const { total, found } = await deps.sliced.run(page(), signal);
  const seriesIds = Uint32Array.from(found).sort();
  const missing = new MissingNames();
  const { onMissing } = missing;
  await deps.learn(seriesIds, { signal, onMissing });
  const firstsUs = await deps.store.extents(seriesIds.slice(), { signal, onMissing });
  const firstUsOf = new Map(Array.from(seriesIds, (id, i) => [id, firstsUs[i]]));
  const series = await deps.sliced.run(infosOf(found, firstUsOf, deps), signal);
  return { series, total: BigInt(total), missingNodes: missing.all };
}

/** Where two are equal, by id, which is the order of first arrival. Null: by metric, then source and tags. */
function orderOf(order: SeriesOrder, { latest, clock }: ListingDeps): Compare<number> | null {
  const nowMs = clock.monotonicMs();
  switch (order) {
    case SeriesOrder.UNSPECIFIED:
      return null;
    case SeriesOrder.LATEST:
      return descending((id) => lastTimeOf(latest, id));
    case SeriesOrder.NEWEST:
      return (a, b) => b - a;
    case SeriesOrder.BUSIEST:
      return descending((id) => latest.rateOf(id, nowMs));
    default:
      throw invalidField("order", order, "LATEST, NEWEST or BUSIEST (SERIES_ORDER_…), or none for the order of names");
  }
}

function descending(of: (id: number) => number): Compare<number> {
  return (a, b) => {
    const [left, right] = [of(a), of(b)];
    return left === right ? a - b : left > right ? -1 : 1;
  };
}

function* infosOf(
  ids: readonly number[],
  firstUsOf: ReadonlyMap<number, number>,
  { registry, latest, clock, unitOf }: ListingDeps,
): Work<SeriesInfo[]> {
  const nowMs = clock.monotonicMs();
  const infos: SeriesInfo[] = [];
  for (const id of ids) {
    // What was deleted meanwhile is not told any more.
    if (!registry.has(id)) continue;
    const identity = registry.identityOf(id);
    const { metric, source } = identity;
    const fields = {
      metric,
      source,
      tags: Object.fromEntries(identity.tags),
      device: deviceOf(identity),
      firstSeen: timestampOrNone(firstUsOf.get(id)!),
      lastSeen: timestampOrNone(lastTimeOf(latest, id)),
      lastValue: latest.has(id) ? latest.values[id] : 0,
      rate: latest.rateOf(id, nowMs),
      unit: unitOf(registry.keyOf(id)),
    };
    infos.push(create(SeriesInfoSchema, fields));
    if (infos.length % INFOS_PER_CHECK === 0) yield;
  }
  return infos;
}
