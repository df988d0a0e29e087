/** The last value of each series, followed for all of a page together. */
import { dashboardApi } from "../api.ts";
import { follow } from "../follow.ts";
import { LastValueGroups, type LastValuesQuery } from "./last-value-groups.ts";
import type { LastValue } from "./series-values.ts";

const UPDATE_MS = 1_000;

const groups = new LastValueGroups(({ metrics, filters, groupBy, aggregation }, onValues) => {
  const asked = {
    ...{ metricNames: [...metrics], filters: { ...filters }, updateIntervalMs: UPDATE_MS },
    ...{ groupBy: [...groupBy], aggregations: aggregation === 0 ? [] : [aggregation] },
  };
  let opening = 0;
  return follow(
    (options) => {
      opening++;
      return dashboardApi.subscribeMetrics(asked, options);
    },
    (data) => onValues(data.metrics, opening),
    { what: "last values" },
  );
});

/** Calls back at once where values are known, and whenever some change. Returns what stops it. */
export function followLastValues(
  query: LastValuesQuery,
  onChange: (values: ReadonlyMap<string, LastValue>) => void,
): () => void {
  return groups.follow(query, onChange);
}
