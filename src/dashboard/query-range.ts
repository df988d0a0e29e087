/** QueryRange: what was stored, raw or per step. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { QUERY_POINTS_MAX, QUERY_SERIES_MAX } from "../model/limits.ts";
import { matchingSeries } from "../model/matcher.ts";
import { deviceOf, parseSeriesKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { RangeQuery, RangeResult, StepColumns } from "../store/store-client.ts";
import { RangeFunction, type QueryRangeRequest, type QueryRangeResponseSchema } from "../wire/gen/history_pb.ts";
import { requestMatcher } from "./request-matcher.ts";

/** The store as queries see it. */
export interface RangeSource {
  range(query: RangeQuery, options?: { signal?: AbortSignal }): Promise<RangeResult>;
}

const TIME_US_END = Number.MAX_SAFE_INTEGER;
const STEP_MS_MAX = 400 * 86_400_000;

/** Throws INVALID_ARGUMENT naming the field, RESOURCE_EXHAUSTED saying what to narrow. */
export async function queryRange(
  request: QueryRangeRequest,
  registry: SeriesRegistry,
  store: RangeSource,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof QueryRangeResponseSchema>> {
  const matcher = requestMatcher(request);
  const fromUs = boundUs(request.from, 0, "from");
  const toUs = boundUs(request.to, TIME_US_END, "to");
  if (fromUs >= toUs) throw invalidField("from", isoOf(fromUs), `a time before to, which is ${isoOf(toUs)}`);
  const stepMs = Number(request.stepMs);
  if (stepMs < 0 || stepMs > STEP_MS_MAX) throw invalidField("step_ms", stepMs, `0 (raw points) to ${STEP_MS_MAX}`);
  if (RangeFunction[request.function] === undefined)
    throw invalidField("function", request.function, "a known function");
  const seriesMax = bounded("series_max", request.seriesMax, QUERY_SERIES_MAX);
  const pointsMax = bounded("points_max", request.pointsMax, QUERY_POINTS_MAX);

  const ids = matchingSeries(registry, matcher).sort((a, b) => a - b);
  if (ids.length === 0) return { series: [], pointsTotal: 0n };
  if (ids.length > seriesMax) {
    const message = `${ids.length} series match, the limit is ${seriesMax}; narrow metric or filters`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }
  const query = { seriesIds: Uint32Array.from(ids), fromUs, toUs, stepUs: stepMs * 1_000, pointsMax };
  const result = await store.range(query, { signal });
  const values = result.steps === null ? result.values : valuesOfSteps(result.steps, request.function);
  const found = Array.from(result.seriesIds, (id, i) => ({ key: registry.keyOf(id), i }));
  found.sort((a, b) => (a.key < b.key ? -1 : 1));
  const series = [];
  for (const { key, i } of found) {
    const [from, to] = [result.offsets[i], result.offsets[i + 1]];
    if (from === to) continue;
    const identity = parseSeriesKey(key);
    series.push({
      metric: identity.metric,
      source: identity.source,
      tags: Object.fromEntries(identity.tags),
      device: deviceOf(identity),
      timesMs: Array.from(result.timesUs.subarray(from, to), (timeUs) => timeUs / 1_000),
      values: Array.from(values.subarray(from, to)),
    });
  }
  return { series, pointsTotal: BigInt(values.length) };
}

function valuesOfSteps(steps: StepColumns, wanted: RangeFunction): Float64Array {
  switch (wanted) {
    case RangeFunction.LAST:
      return steps.lasts;
    case RangeFunction.FIRST:
      return steps.firsts;
    case RangeFunction.MIN:
      return steps.mins;
    case RangeFunction.MAX:
      return steps.maxs;
    case RangeFunction.SUM:
      return steps.sums;
    case RangeFunction.COUNT:
      return steps.counts;
    default:
      return steps.sums.map((sum, i) => sum / steps.counts[i]);
  }
}

function boundUs(time: Timestamp | undefined, missing: number, field: string): number {
  if (time === undefined) return missing;
  const timeUs = Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1_000);
  if (time.nanos < 0 || time.nanos > 999_999_999) throw invalidField(`${field}.nanos`, time.nanos, "0 to 999,999,999");
  if (timeUs < 0 || timeUs > TIME_US_END) throw invalidField(field, timestampMs(time), "1970 to 2255");
  return timeUs;
}

function bounded(field: string, value: number, max: number): number {
  if (value < 0 || value > max) throw invalidField(field, value, `0 (the server's limit) to ${max}`);
  return value === 0 ? max : value;
}

function isoOf(timeUs: number): string {
  return new Date(Math.min(timeUs / 1_000, 8.64e15)).toISOString();
}
