/** Counts of what came of one origin, by source: the receiving half of the delivery ledger. */
import { LEDGER_SOURCES_MAX, OTHER_SOURCES } from "../../model/limits.ts";
import { joinedSpan, NO_TIME, type TimeSpan } from "../../model/time-span.ts";

export interface Delivered {
  points: number;
  refused: number;
  dropped: number;
  droppedTimes: TimeSpan;
  /** Event times of what was stored; Infinity and -Infinity where nothing was. */
  firstUs: number;
  lastUs: number;
}

export type DeliveredBySource = Map<string, Delivered>;

export const NOTHING_DELIVERED: Readonly<Delivered> = {
  ...{ points: 0, refused: 0, dropped: 0, droppedTimes: NO_TIME },
  ...{ firstUs: Infinity, lastUs: -Infinity },
};

export function deliveredOf(bySource: DeliveredBySource, source: string): Delivered {
  let counts = bySource.get(source);
  if (counts !== undefined) return counts;
  if (bySource.size >= LEDGER_SOURCES_MAX && source !== OTHER_SOURCES) return deliveredOf(bySource, OTHER_SOURCES);
  counts = { ...NOTHING_DELIVERED };
  bySource.set(source, counts);
  return counts;
}

export function addDelivered(to: DeliveredBySource, more: DeliveredBySource): void {
  for (const [source, counts] of more) {
    const before = deliveredOf(to, source);
    Object.assign(before, sumOf(before, counts));
  }
}

/** Counts stop at 2^53 - 1, which the wire can tell. */
export function sumOf(a: Readonly<Delivered>, b: Readonly<Delivered>): Delivered {
  return {
    points: plus(a.points, b.points),
    refused: plus(a.refused, b.refused),
    dropped: plus(a.dropped, b.dropped),
    droppedTimes: joinedSpan(a.droppedTimes, b.droppedTimes),
    firstUs: Math.min(a.firstUs, b.firstUs),
    lastUs: Math.max(a.lastUs, b.lastUs),
  };
}

function plus(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}
