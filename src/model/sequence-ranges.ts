/** Sets of log sequences. */

/** Half open: [from, to). `to` may be Infinity. */
export type SequenceRange = readonly [from: number, to: number];

/** Ascending, none empty, none touching the next. */
export type SequenceRanges = readonly SequenceRange[];

export function withSequences(ranges: SequenceRanges, from: number, to: number): SequenceRanges {
  if (from >= to) return ranges;
  const [before, joined, after]: SequenceRange[][] = [[], [], []];
  for (const range of ranges) (range[1] < from ? before : range[0] > to ? after : joined).push(range);
  const whole: SequenceRange = [Math.min(from, joined[0]?.[0] ?? from), Math.max(to, joined.at(-1)?.[1] ?? to)];
  return [...before, whole, ...after];
}

export function withoutSequences(ranges: SequenceRanges, from: number, to: number): SequenceRanges {
  if (from >= to) return ranges;
  const left: SequenceRange[] = [];
  for (const [start, end] of ranges) {
    if (start < Math.min(end, from)) left.push([start, Math.min(end, from)]);
    if (Math.max(start, to) < end) left.push([Math.max(start, to), end]);
  }
  return left;
}

/** Whether any of [from, to) is in the set. */
export function hasSomeOf(ranges: SequenceRanges, from: number, to: number): boolean {
  return ranges.some(([start, end]) => start < to && end > from);
}

/** Whether all of [from, to) is in the set. */
export function hasAllOf(ranges: SequenceRanges, from: number, to: number): boolean {
  return from >= to || ranges.some(([start, end]) => start <= from && end >= to);
}

/** What of [from, to) is in the set. */
export function sequencesWithin(ranges: SequenceRanges, from: number, to: number): SequenceRanges {
  return ranges
    .map(([start, end]): SequenceRange => [Math.max(start, from), Math.min(end, to)])
    .filter(([start, end]) => start < end);
}
