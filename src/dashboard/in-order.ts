/** Sorting in slices: native sorts of short runs, merged. */
import type { Work } from "./sliced-work.ts";

const RUN_LENGTH = 512;
const ITEMS_PER_CHECK = 512;

/** Negative when `a` stands before `b`; never 0 for two that differ. */
export type Compare<T> = (a: T, b: T) => number;

/** The first `count` of `items` in order; `items` stays as it is. */
export function* firstInOrder<T>(items: ArrayLike<T>, count: number, compare: Compare<T>): Work<T[]> {
  const gatheredMax = Math.max(count, RUN_LENGTH);
  let first: T[] = [];
  let gathered: T[] = [];
  for (let i = 0; i < items.length; i++) {
    if (i % ITEMS_PER_CHECK === 0) yield;
    if (first.length === count && (count === 0 || compare(items[i], first[count - 1]) > 0)) continue;
    gathered.push(items[i]);
    if (gathered.length < gatheredMax) continue;
    first = yield* merged(first, yield* sorted(gathered, compare), count, compare);
    gathered = [];
  }
  return yield* merged(first, yield* sorted(gathered, compare), count, compare);
}

function* sorted<T>(items: readonly T[], compare: Compare<T>): Work<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += RUN_LENGTH) {
    runs.push(items.slice(from, from + RUN_LENGTH).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      longer.push(i + 1 < runs.length ? yield* merged(runs[i], runs[i + 1], Infinity, compare) : runs[i]);
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merged<T>(left: readonly T[], right: readonly T[], count: number, compare: Compare<T>): Work<T[]> {
  const length = Math.min(count, left.length + right.length);
  const all: T[] = [];
  let l = 0;
  let r = 0;
  while (all.length < length) {
    if (all.length % ITEMS_PER_CHECK === 0) yield;
    const takesLeft = r >= right.length || (l < left.length && compare(left[l], right[r]) < 0);
    all.push(takesLeft ? left[l++] : right[r++]);
  }
  return all;
}
