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
  if (from >= to) return [];
  let end = firstEndingAfter(ranges, to);
  if (end < ranges.length && ranges[end][0] < to) end++;
  const within = ranges.slice(firstEndingAfter(ranges, from), end);
  if (within.length === 0) return within;
  within[0] = [Math.max(within[0][0], from), within[0][1]];
  const [lastFrom, lastTo] = within[within.length - 1];
  within[within.length - 1] = [lastFrom, Math.min(lastTo, to)];
  return within;
}

/** The position of the first range that does not end at or before a sequence. */
export function firstEndingAfter(ranges: SequenceRanges, seq: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle][1] <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is in any of some ranges, which may overlap and stand in any order. None is empty. */
export function unionOfAll(ranges: readonly SequenceRange[]): SequenceRanges {
  const union: [from: number, to: number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = union.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else union.push([from, to]);
  }
  return union;
}

/** What is in either set. */
export function unionOf(a: SequenceRanges, b: SequenceRanges): SequenceRanges {
  const union: [from: number, to: number][] = [];
  for (let i = 0, k = 0; i < a.length || k < b.length;) {
    const [from, to] = k === b.length || (i < a.length && a[i][0] <= b[k][0]) ? a[i++] : b[k++];
    const last = union.at(-1);
    if (last === undefined || from > last[1]) union.push([from, to]);
    else last[1] = Math.max(last[1], to);
  }
  return union;
}

/** What is in `a` and not in `b`. */
export function differenceOf(a: SequenceRanges, b: SequenceRanges): SequenceRanges {
  const left: SequenceRange[] = [];
  let k = 0;
  for (const [start, to] of a) {
    let from = start;
    while (k < b.length && b[k][1] <= from) k++;
    for (let i = k; i < b.length && b[i][0] < to; i++) {
      if (from < b[i][0]) left.push([from, b[i][0]]);
      from = Math.max(from, b[i][1]);
    }
    if (from < to) left.push([from, to]);
  }
  return left;
}

/** At most `max` ranges that hold all of it: those with the smallest gaps between them are joined. */
export function joinedTo(ranges: SequenceRanges, max: number): SequenceRanges {
  if (ranges.length <= max) return ranges;
  const gaps = ranges.slice(1).map(([from], i) => from - ranges[i][1]);
  const widest = Float64Array.from(gaps).sort().at(-max) ?? 0;
  const joined: [from: number, to: number][] = [];
  for (const [from, to] of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && from - last[1] <= widest) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}

/** What is in both sets. */
export function intersectionOf(a: SequenceRanges, b: SequenceRanges): SequenceRanges {
  const both: SequenceRange[] = [];
  for (let i = 0, k = 0; i < a.length && k < b.length;) {
    const [from, to] = [Math.max(a[i][0], b[k][0]), Math.min(a[i][1], b[k][1])];
    if (from < to) both.push([from, to]);
    if (a[i][1] < b[k][1]) i++;
    else k++;
  }
  return both;
}
