/** Quantiles of OTLP's exponential histograms: bucket i holds values in (base^i, base^(i+1)], with base = 2^(2^-scale). */
import type { ExponentialHistogramDataPoint } from "../../wire/gen/opentelemetry/metrics_service_pb.ts";

type Exponential = Pick<ExponentialHistogramDataPoint, "scale" | "zeroCount" | "positive" | "negative" | "min" | "max">;

/** The middle, by ratio, of the bucket that it falls into. NaN where the buckets are empty. */
export function exponentialQuantile(point: Exponential, quantile: number): number {
  const negative = [...(point.negative?.bucketCounts ?? [])].map(Number);
  const positive = [...(point.positive?.bucketCounts ?? [])].map(Number);
  const zeros = Number(point.zeroCount);
  const total = [...negative, zeros, ...positive].reduce((sum, count) => sum + count, 0);
  const middle = (offset: number, i: number) => 2 ** ((offset + i + 0.5) * 2 ** -point.scale);
  let left = Math.max(quantile * total, Number.MIN_VALUE);
  const bounded = (value: number) => Math.min(Math.max(value, point.min ?? -Infinity), point.max ?? Infinity);
  if (total === 0) return NaN;
  for (let i = negative.length - 1; i >= 0; i--) {
    left -= negative[i];
    if (left <= 0) return bounded(-middle(point.negative!.offset, i));
  }
  left -= zeros;
  if (left <= 0) return bounded(0);
  for (let i = 0; i < positive.length; i++) {
    left -= positive[i];
    // The last takes what is lost in rounding.
    if (left <= 0 || i === positive.length - 1) return bounded(middle(point.positive!.offset, i));
  }
  return bounded(0);
}
