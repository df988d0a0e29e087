/** Reads what is stored of a chart's range. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { SeriesRange } from "../../wire/gen/history_pb.ts";
import { dashboardApi } from "../api.ts";
import { requestOf, SERIES_MAX, type ChartPlan, type ChartQuery } from "./chart-query.ts";
import type { Points } from "./line.ts";
import type { StoredSeries } from "./series-book.ts";
import { seriesNameOf } from "./series-name.ts";
import { rangeTurns } from "./turns.ts";

export interface RangeAnswer {
  readonly series: readonly StoredSeries[];
  /** Series that there are beyond these. */
  readonly more: number;
  readonly notes: readonly string[];
}

/** `fromMs`: a part of it. `isTop`: only the highest series, since there are too many. */
export async function readRange(
  query: ChartQuery,
  plan: ChartPlan,
  { fromMs, isTop, signal }: { fromMs?: number; isTop: boolean; signal: AbortSignal },
): Promise<RangeAnswer> {
  // Values, and with a band minimum and maximum beside them.
  const functions = plan.hasBand ? ([query.function, "min", "max"] as const) : [query.function];
  const answers = await Promise.all(
    functions.map((func) => {
      const request = requestOf(query, plan, func, { isTop, ...(fromMs !== undefined && { fromMs }) });
      return rangeTurns.run(() => dashboardApi.queryRange(request, { signal }));
    }),
  );
  const [values, mins, maxs] = answers.map(
    ({ series }) => new Map(series.map((each) => [seriesNameOf(each).key, each])),
  );
  const series = [...values].map(([key, each]): StoredSeries => {
    return { name: seriesNameOf(each), points: pointsOf(each, mins?.get(key), maxs?.get(key)) };
  });
  const more = isTop ? await countMore(query, series.length, signal) : Math.max(0, series.length - SERIES_MAX);
  return { series: series.slice(0, SERIES_MAX), more, notes: [...new Set(answers.flatMap(({ notes }) => notes))] };
}

/** Whether a chart cannot have all of the series it asks for. */
export function isTooMany(error: unknown): boolean {
  const { code, rawMessage } = ConnectError.from(error);
  return code === Code.ResourceExhausted && /series/.test(rawMessage) && !/points|steps/.test(rawMessage);
}

async function countMore(
  { metric, filters, groupBy }: ChartQuery,
  shown: number,
  signal: AbortSignal,
): Promise<number> {
  if ((groupBy?.length ?? 0) > 0) return 0;
  const { total } = await dashboardApi.listSeries({ metric, filters: { ...filters }, limit: 1 }, { signal });
  return Math.max(0, Number(total) - shown);
}

/** A band only where it has a step for each value: between two questions another point may have come. */
function pointsOf(of: SeriesRange, mins: SeriesRange | undefined, maxs: SeriesRange | undefined): Points {
  const { timesMs, values } = of;
  if (mins === undefined || maxs === undefined) return { timesMs, values };
  const columnOf = (other: SeriesRange) => (other.timesMs.length === timesMs.length ? other.values : values);
  return { timesMs, values, mins: columnOf(mins), maxs: columnOf(maxs) };
}
