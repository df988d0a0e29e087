/**
 * Fewer points with the same shape: Largest Triangle Three Buckets (Steinarsson, "Downsampling Time Series for Visual
 * Representation", 2013). The first and the last point stay; of each bucket in between the one that makes the largest
 * triangle with the point chosen before it and the middle of the bucket after it. Where a bucket has a gap (NaN) the gap
 * is chosen, so that a chart shows it.
 */
import type { SeriesRows } from "./series-rows.ts";

export const THIN_POINTS_MIN = 3;

/** Copies `points` rows, at least {@link THIN_POINTS_MIN} and fewer than there are, to `into`. */
export function thin({ timesUs, values, length }: SeriesRows, points: number, into: SeriesRows): void {
  const bucketRows = (length - 2) / (points - 2);
  const startOf = (bucket: number) => Math.min(1 + Math.floor(bucket * bucketRows), length - 1);
  let chosen = 0;
  into.push(timesUs[0], values[0]);
  for (let bucket = 0; bucket < points - 2; bucket++) {
    const [from, to] = [startOf(bucket), startOf(bucket + 1)];
    const next = middleOf(timesUs, values, to, bucket === points - 3 ? length : startOf(bucket + 2));
    chosen = farthest(timesUs, values, from, to, chosen, next);
    into.push(timesUs[chosen], values[chosen]);
  }
  into.push(timesUs[length - 1], values[length - 1]);
}

interface Middle {
  readonly timeUs: number;
  readonly value: number;
}

function middleOf(timesUs: Float64Array, values: Float64Array, from: number, to: number): Middle {
  let [timeSum, valueSum, count] = [0, 0, 0];
  for (let i = from; i < to; i++) {
    if (Number.isNaN(values[i])) continue;
    timeSum += timesUs[i] - timesUs[from];
    valueSum += values[i];
    count++;
  }
  return count === 0
    ? { timeUs: timesUs[from], value: 0 }
    : { timeUs: timesUs[from] + timeSum / count, value: valueSum / count };
}

function farthest(
  timesUs: Float64Array,
  values: Float64Array,
  from: number,
  to: number,
  chosen: number,
  next: Middle,
): number {
  const timeUs = timesUs[chosen];
  const value = Number.isNaN(values[chosen]) ? 0 : values[chosen];
  let best = from;
  let bestArea = -1;
  for (let i = from; i < to; i++) {
    if (Number.isNaN(values[i])) return i;
    const area = Math.abs((timeUs - next.timeUs) * (values[i] - value) - (timeUs - timesUs[i]) * (next.value - value));
    if (area > bestArea) {
      best = i;
      bestArea = area;
    }
  }
  return best;
}
