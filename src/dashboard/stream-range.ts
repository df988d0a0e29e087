/** StreamRange: answers of any size, a query of the store for each series, cut where a part would be too large. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { QUERY_POINTS_MAX } from "../model/limits.ts";
import { compileMatcher, matchingSeries } from "../model/matcher.ts";
import { deviceOf, parseSeriesKey, seriesKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { RangeQuery, RangeResult } from "../store/store-client.ts";
import type { QueryRangeRequest, QueryRangeResponseSchema } from "../wire/gen/history_pb.ts";
import { boundUs, TIME_US_END, valuesOfSteps, type RangeSource } from "./query-range.ts";

const PART_POINTS_MAX = 50_000;

/** Series in order of their keys; a long one goes on in the next part. Throws INVALID_ARGUMENT naming the field. */
export async function* streamRange(
  request: QueryRangeRequest,
  registry: SeriesRegistry,
  store: RangeSource,
  signal: AbortSignal,
): AsyncIterable<MessageInitShape<typeof QueryRangeResponseSchema>> {
  const matcher = compileMatcher([request.metric], request.filters, "metric");
  const fromUs = boundUs(request.from, 0, "from");
  const toUs = boundUs(request.to, TIME_US_END, "to");
  const stepUs = Number(request.stepMs) * 1_000;
  const { after } = request;
  const afterKey = after === undefined ? "" : seriesKey(after.metric, after.source, Object.entries(after.tags));
  const found = matchingSeries(registry, matcher).map((id) => ({ id, key: registry.keyOf(id) }));
  found.sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { id, key } of found) {
    if (key < afterKey) continue;
    const behindUs = key === afterKey ? boundUs(after?.time, 0, "after.time") + 1 : 0;
    const query = { seriesIds: Uint32Array.of(id), fromUs: Math.max(fromUs, behindUs), toUs, stepUs };
    const identity = parseSeriesKey(key);
    const names = {
      metric: identity.metric,
      source: identity.source,
      tags: Object.fromEntries(identity.tags),
      device: deviceOf(identity),
    };
    for await (const { timesUs, values, steps } of rangesOf(store, query, signal)) {
      const rows = steps === null ? values : valuesOfSteps(steps, request.function);
      for (let at = 0; at < timesUs.length; at += PART_POINTS_MAX) {
        const timesMs = Array.from(timesUs.subarray(at, at + PART_POINTS_MAX), (timeUs) => timeUs / 1_000);
        const part = Array.from(rows.subarray(at, at + PART_POINTS_MAX));
        yield { series: [{ ...names, timesMs, values: part }], pointsTotal: BigInt(part.length) };
      }
    }
  }
}

/** The answer in one, or in halves of the range where it is too large for that. */
async function* rangesOf(
  store: RangeSource,
  query: Omit<RangeQuery, "pointsMax">,
  signal: AbortSignal,
): AsyncIterable<RangeResult> {
  if (query.fromUs >= query.toUs) return;
  try {
    yield await store.range({ ...query, pointsMax: QUERY_POINTS_MAX }, { signal });
  } catch (error) {
    if (!(error instanceof WatchpostError) || error.status !== "RESOURCE_EXHAUSTED") throw error;
    const middleUs = Math.floor((query.fromUs + query.toUs) / 2);
    yield* rangesOf(store, { ...query, toUs: middleUs }, signal);
    yield* rangesOf(store, { ...query, fromUs: middleUs }, signal);
  }
}
