/** Where what a panel shows can be looked at closely. Pure. */
import { AGGREGATIONS, FUNCTIONS } from "../../data/chart-query.ts";
import { formatDurationMs } from "../../../model/duration.ts";
import type { Panel } from "../../../wire/gen/saved_dashboards_pb.ts";
import { filterParams, listParam } from "../../data/explore-state.ts";
import { paramsOf, type TimeRange } from "./time-range.ts";
import { resolved, type Choices } from "./variables.ts";

/** Undefined where it has no metric. Of several queries those that are asked as the first one is. */
export function exploreLink({ queries, logScale }: Panel, choices: Choices, range: TimeRange): string | undefined {
  const all = queries.map((query) => resolved(query, choices)).filter(({ metric }) => metric !== "");
  const [first] = all;
  if (first === undefined) return undefined;
  const { filters, groupBy, stepMs } = first;
  const isSame = (query: typeof first) => JSON.stringify(query.filters) === JSON.stringify(filters);
  const params = {
    metric: listParam(all.filter(isSame).map(({ metric }) => metric)),
    ...filterParams(filters, new URLSearchParams()),
    ...{ by: listParam(groupBy), log: logScale ? "1" : "" },
    ...{ fn: nameOf(FUNCTIONS, first.function), agg: nameOf(AGGREGATIONS, first.aggregation) },
    step: stepMs > 0n ? formatDurationMs(Number(stepMs)) : "",
    ...paramsOf(range, Infinity),
  };
  return `/explore?${new URLSearchParams(Object.entries(params).filter(([, value]) => value !== ""))}`;
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? "";
}
