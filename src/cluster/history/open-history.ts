/** The store of all nodes, as whoever asks it on one of them sees it; and what this node answers the others. */
import type { MethodImpl } from "../../wire/service.ts";
import type { ArrivalQuery, RangeQuery, StandingQuery } from "../../store/store-client.ts";
import type { HistoryDeps, HistoryOptions } from "./asked-nodes.ts";
import { clusterArrivals, clusterExtents, clusterStanding } from "./cluster-points.ts";
import { clusterRange, type ClusterResult } from "./cluster-range.ts";
import { deleteOnNodes, type DeletedSeries, type DeletingDeps } from "./delete-on-nodes.ts";
import { nodeHistoryMethods } from "./service.ts";

export interface ClusterHistory {
  readonly store: ClusterStore;
  readonly methods: readonly MethodImpl[];
  /** On all nodes that have points of these series. */
  retire(seriesIds: Uint32Array): Promise<DeletedSeries>;
}

/** Where a node does not answer, `missing` says which. */
export interface ClusterStore {
  range(query: RangeQuery, options?: HistoryOptions): Promise<ClusterResult>;
  arrivals(query: ArrivalQuery, options?: HistoryOptions): ReturnType<typeof clusterArrivals>;
  standing(query: StandingQuery, options?: HistoryOptions): ReturnType<typeof clusterStanding>;
  extents(seriesIds: Uint32Array, options?: HistoryOptions): Promise<Float64Array>;
}

export function openHistory(deps: HistoryDeps & DeletingDeps): ClusterHistory {
  const { store, registry, places, retire } = deps;
  return {
    store: {
      range: (query, options) => clusterRange(deps, query, options),
      arrivals: (query, options) => clusterArrivals(deps, query, options),
      standing: (query, options) => clusterStanding(deps, query, options),
      extents: (seriesIds, options) => clusterExtents(deps, seriesIds, options),
    },
    methods: nodeHistoryMethods({ store, registry, retire, isOwn: (id) => places.isOwn(id) }),
    retire: (seriesIds) => deleteOnNodes(deps, seriesIds),
  };
}
