import { quantileOf } from "../model/quantile.ts";
import { Aggregation } from "../wire/gen/history_pb.ts";

/** Statistics over the present values of several series. */
export interface AggregateOfGroup {
  readonly count: number;
  readonly avg: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Sorts `values`, which must not be empty. */
export function aggregate(values: Float64Array): AggregateOfGroup {
  values.sort();
  const count = values.length;
  let sum = 0;
  for (const value of values) sum += value;
  return {
    count,
    avg: sum / count,
    min: values[0],
    max: values[count - 1],
    sum,
    p50: quantileOf(values, 0.5),
    p95: quantileOf(values, 0.95),
    p99: quantileOf(values, 0.99),
  };
}

/** The one statistic a subscription asked for. */
export function pick(of: AggregateOfGroup, aggregation: Aggregation): number {
  switch (aggregation) {
    case Aggregation.MIN:
      return of.min;
    case Aggregation.MAX:
      return of.max;
    case Aggregation.SUM:
      return of.sum;
    case Aggregation.COUNT:
      return of.count;
    case Aggregation.P50:
      return of.p50;
    case Aggregation.P95:
      return of.p95;
    case Aggregation.P99:
      return of.p99;
    default:
      return of.avg;
  }
}
