/** The store of all nodes, as whoever asks for points on one of them sees it. */
import type { ArrivalQuery, RangeQuery, StandingQuery } from "../../store/store-client.ts";
import type { HistoryDeps, HistoryOptions } from "./asked-nodes.ts";
import {
  clusterArrivals,
  clusterExtents,
  clusterNewest,
  clusterStanding,
  type NewestPoints,
} from "./cluster-points.ts";
import { clusterRange, type ClusterResult } from "./cluster-range.ts";

/** Where a node does not answer, `missing` says which. */
export interface ClusterStore {
  range(query: RangeQuery, options?: HistoryOptions): Promise<ClusterResult>;
  arrivals(query: ArrivalQuery, options?: HistoryOptions): ReturnType<typeof clusterArrivals>;
  standing(query: StandingQuery, options?: HistoryOptions): ReturnType<typeof clusterStanding>;
  extents(seriesIds: Uint32Array, options?: HistoryOptions): Promise<Float64Array>;
  /** Of those that other nodes have. */
  newest(seriesIds: Uint32Array, options?: HistoryOptions): Promise<NewestPoints>;
}

export function clusterStore(deps: HistoryDeps): ClusterStore {
  return {
    range: (query, options) => clusterRange(deps, query, options),
    arrivals: (query, options) => clusterArrivals(deps, query, options),
    standing: (query, options) => clusterStanding(deps, query, options),
    extents: (seriesIds, options) => clusterExtents(deps, seriesIds, options),
    newest: (seriesIds, options) => clusterNewest(deps, seriesIds, options),
  };
}
