/** Counts of what came of one origin, by source: the receiving half of the delivery ledger. */

export interface Delivered {
  points: number;
  refused: number;
  dropped: number;
  /** Event times of what was stored; Infinity and -Infinity where nothing was. */
  firstUs: number;
  lastUs: number;
}

export type DeliveredBySource = Map<string, Delivered>;

/** Sources that an origin's ledger tells apart; others are counted together. */
export const SOURCES_MAX = 5_000;
export const OTHER_SOURCES = "(others)";

export function deliveredOf(bySource: DeliveredBySource, source: string): Delivered {
  let counts = bySource.get(source);
  if (counts !== undefined) return counts;
  if (bySource.size >= SOURCES_MAX && source !== OTHER_SOURCES) return deliveredOf(bySource, OTHER_SOURCES);
  counts = { points: 0, refused: 0, dropped: 0, firstUs: Infinity, lastUs: -Infinity };
  bySource.set(source, counts);
  return counts;
}

/** Returns the sources that have changed. */
export function addDelivered(to: DeliveredBySource, more: DeliveredBySource): string[] {
  const changed = new Set<string>();
  for (const [source, { points, refused, dropped, firstUs, lastUs }] of more) {
    const counts = deliveredOf(to, source);
    counts.points += points;
    counts.refused += refused;
    counts.dropped += dropped;
    counts.firstUs = Math.min(counts.firstUs, firstUs);
    counts.lastUs = Math.max(counts.lastUs, lastUs);
    changed.add(to.get(source) === counts ? source : OTHER_SOURCES);
  }
  return [...changed];
}
