/** Which shard of the live frames a metric is in. All nodes must agree: it is never to be changed. Pure. */
export const SHARDS = 64;

const [FNV_OFFSET, FNV_PRIME] = [0x811c9dc5, 0x01000193];

/** From 0 to {@link SHARDS} - 1: FNV-1a of the name's UTF-16 units, folded. */
export function shardOfMetric(metric: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < metric.length; i++) hash = Math.imul(hash ^ metric.charCodeAt(i), FNV_PRIME);
  return (hash ^ (hash >>> 16)) & (SHARDS - 1);
}
