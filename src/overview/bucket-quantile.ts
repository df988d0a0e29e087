/** Quantiles out of counts in buckets, as Prometheus has them. Pure. */

export interface Bucket {
  /** Upper bound; the last one may be Infinity. */
  readonly le: number;
  /** At or below it. */
  readonly count: number;
}

/** Within its bucket values are taken to lie evenly; above the last bound: that bound. 0 where nothing was counted. */
export function bucketQuantile(buckets: readonly Bucket[], quantile: number): number {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return 0;
  const rank = quantile * total;
  const at = buckets.findIndex(({ count }) => count >= rank);
  const { le, count } = buckets[at];
  const below = at === 0 ? { le: 0, count: 0 } : buckets[at - 1];
  if (!Number.isFinite(le)) return below.le;
  return count === below.count ? le : below.le + ((le - below.le) * (rank - below.count)) / (count - below.count);
}

/** What was counted between two looks at the same buckets. */
export function bucketsSince(now: readonly Bucket[], before: readonly Bucket[]): Bucket[] {
  return now.map(({ le, count }, i) => ({ le, count: count - (before[i]?.count ?? 0) }));
}
