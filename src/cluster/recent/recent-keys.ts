/**
 * Where the recent window stands in Redis. Of each node: slices of some minutes, whose points stand by shards of series, and what came
 * since second by second, the tail; beside them, of all nodes, in which order slices came and how large they are.
 */
export const RECENT_SHARDS = 64;

/** Members of the order, and of the sizes beside it: "<node>/<sequence>" and "<node>/tail". */
export const TAIL = "tail";

export interface RecentKeys {
  /** By the time they were written: what goes first where there is too much. */
  readonly order: string;
  readonly sizes: string;
  /** Slices by the sequence they end with, and what is known of the node: `run`, `through` and `at`. */
  node(nodeId: string): string;
  tail(nodeId: string): string;
  /** Ids of series that were deleted. */
  deleted(nodeId: string): string;
  /** The only ones that are not in one slot with all others. */
  chunk(nodeId: string, shard: number, throughSeq: number): string;
}

export function recentKeys(prefix: string): RecentKeys {
  const base = `{${prefix}}:recent`;
  return {
    order: `${base}:order`,
    sizes: `${base}:sizes`,
    node: (nodeId) => `${base}:node:${nodeId}`,
    tail: (nodeId) => `${base}:tail:${nodeId}`,
    deleted: (nodeId) => `${base}:deleted:${nodeId}`,
    chunk: (nodeId, shard, throughSeq) => `{${prefix}:${shard}}:recent:${nodeId}:${throughSeq}`,
  };
}
