/** What a chart shows: what is stored, and what comes, in one line. */
import type { MetricValue } from "../../wire/gen/dashboard_pb.ts";
import type { SeriesRange } from "../../wire/gen/history_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { QueryRangeRequestSchema } from "../../wire/gen/history_pb.ts";
import { dashboardApi } from "../api.ts";
import { follow } from "../follow.ts";
import { msOf } from "../format.ts";

export interface ChartQuery {
  readonly metric: string;
  /** "source", "device" or any tag, to a glob. */
  readonly filters: Readonly<Record<string, string>>;
  readonly rangeMs: number;
}

export interface ChartSeries {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly timesMs: number[];
  readonly values: number[];
}

/** Longer ranges show steps, which are asked for anew instead of being added to. */
export const LIVE_RANGE_MAX_MS = 3_600_000;
const SERIES_MAX = 50;
const POINTS_MAX = 800;
const UPDATE_MS = 1_000;

export async function readRange({ metric, filters, rangeMs }: ChartQuery, signal: AbortSignal): Promise<ChartSeries[]> {
  const request: MessageInitShape<typeof QueryRangeRequestSchema> = {
    ...{ metric, filters: { ...filters }, lastMs: BigInt(rangeMs), seriesMax: SERIES_MAX },
    ...(rangeMs > LIVE_RANGE_MAX_MS && { maxPoints: POINTS_MAX }),
  };
  const { series } = await dashboardApi.queryRange(request, { signal });
  return series.map(chartSeries);
}

/** Calls back with each value that comes. Returns what stops it. */
export function followValues({ metric, filters }: ChartQuery, onValue: (value: MetricValue) => void): () => void {
  const subscription = { metricNames: [metric], filters: { ...filters }, updateIntervalMs: UPDATE_MS };
  return follow(
    (options) => dashboardApi.subscribeMetrics(subscription, options),
    ({ metrics }) => metrics.forEach(onValue),
  );
}

/** Adds a value to its series, which is made where it is new; none comes twice. Returns whether anything changed. */
export function addValue(all: ChartSeries[], value: MetricValue): boolean {
  const timeMs = msOf(value.timestamp);
  if (timeMs === undefined || value.stale) return false;
  const key = keyOf(value);
  let series = all.find((each) => each.key === key);
  if (series === undefined) {
    if (all.length >= SERIES_MAX) return false;
    series = { key, label: labelOf(value), unit: value.unit, timesMs: [], values: [] };
    all.push(series);
  }
  const { timesMs, values } = series;
  if (timeMs <= (timesMs.at(-1) ?? -Infinity)) return false;
  timesMs.push(timeMs);
  values.push(value.value);
  return true;
}

/** Takes away what is older than is shown. */
export function forgetBefore(all: readonly ChartSeries[], timeMs: number): void {
  for (const { timesMs, values } of all) {
    const kept = timesMs.findIndex((each) => each >= timeMs);
    const gone = kept < 0 ? timesMs.length : kept;
    timesMs.splice(0, gone);
    values.splice(0, gone);
  }
}

function chartSeries(range: SeriesRange): ChartSeries {
  const { unit, timesMs, values } = range;
  return { key: keyOf(range), label: labelOf(range), unit, timesMs: [...timesMs], values: [...values] };
}

type Named = Pick<SeriesRange, "metric" | "source" | "tags" | "device">;

function keyOf({ metric, source, tags }: Named): string {
  return JSON.stringify([metric, source, Object.entries(tags).sort()]);
}

function labelOf({ source, device, tags }: Named): string {
  const others = Object.entries(tags).filter(([name]) => name !== "device");
  return [device || source, ...others.map(([name, value]) => `${name}=${value}`)].join(" ");
}
