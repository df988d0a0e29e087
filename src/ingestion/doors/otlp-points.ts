/** What OTLP's data points are as points, pure. */
import { TAGS_MAX } from "../../model/limits.ts";
import { metricNameOf } from "../../model/metric-name.ts";
import type {
  ExponentialHistogramDataPoint,
  ExportMetricsServiceRequest,
  HistogramDataPoint,
  KeyValue,
  Metric,
  NumberDataPoint,
  SummaryDataPoint,
} from "../../wire/gen/opentelemetry/metrics_service_pb.ts";
import { exponentialQuantile } from "./exponential-quantile.ts";

export type Tags = readonly (readonly [string, string])[];

export interface OtlpSink {
  /** A number of data point `place`, from 1. `timeUs` is NaN where it has no time. */
  point(place: number, metric: string, source: string, tags: Tags, timeUs: number, value: number): void;
  /** A data point that says that there is no value, or of which nothing is kept. */
  skipped(place: number): void;
  /** A data point that is wrong as a whole. */
  refused(place: number, reason: string): void;
}

type DataPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint;
type Put = (suffix: string, value: number, more?: readonly [string, string]) => void;

/** The first that a resource has names the source. */
const SOURCE_ATTRIBUTES = ["service.instance.id", "host.name", "service.name"];
const OTHERWISE = "otlp";
/** Of the sender's program: other ones with every start. */
const LEFT_OUT = /^(process|telemetry|os)\./;
const NO_RECORDED_VALUE = 1;
const QUANTILES = [0.5, 0.9, 0.99];

/** `given`: the source of all, where one is given. */
export function readOtlp(request: ExportMetricsServiceRequest, given: string | undefined, sink: OtlpSink): void {
  let place = 0;
  for (const { resource, scopeMetrics } of request.resourceMetrics) {
    const attributes = tagsOf(resource?.attributes ?? []);
    const key = given === undefined ? SOURCE_ATTRIBUTES.find((name) => attributes.has(name)) : undefined;
    const source = given ?? (key === undefined ? OTHERWISE : attributes.get(key)!);
    const shared = [...attributes].filter(([name]) => name !== key && !LEFT_OUT.test(name));
    for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      const name = metricNameOf(metric.name);
      for (const point of dataPointsOf(metric)) {
        place++;
        if ((point.flags & NO_RECORDED_VALUE) !== 0) {
          sink.skipped(place);
          continue;
        }
        const own = tagsOf(point.attributes);
        // Judged here: those of the resource are copied for every point, those of a point for every bucket.
        const tags = shared.length > TAGS_MAX ? shared : [...new Map([...shared, ...own])];
        if (tags.length > TAGS_MAX) {
          sink.refused(place, `has ${tags.length} tags; wanted at most ${TAGS_MAX}`);
          continue;
        }
        const timeUs = point.timeUnixNano === 0n ? NaN : Number(point.timeUnixNano / 1_000n);
        let numbers = 0;
        putPoint(point, (suffix, value, more) => {
          numbers++;
          const all = more === undefined ? tags : [...tags.filter(([tag]) => tag !== more[0]), more];
          sink.point(place, name + suffix, source, all, timeUs, value);
        });
        if (numbers === 0) sink.skipped(place);
      }
    }
  }
}

function dataPointsOf({ data }: Metric): readonly DataPoint[] {
  return data.case === undefined ? [] : data.value.dataPoints;
}

function putPoint(point: DataPoint, put: Put): void {
  switch (point.$typeName) {
    case "opentelemetry.proto.collector.metrics.v1.NumberDataPoint":
      if (point.value.case !== undefined) put("", Number(point.value.value));
      return;
    case "opentelemetry.proto.collector.metrics.v1.HistogramDataPoint":
      putTotals(point, put);
      return putBuckets(point, put);
    case "opentelemetry.proto.collector.metrics.v1.ExponentialHistogramDataPoint":
      putTotals(point, put);
      if (point.count === 0n) return;
      for (const quantile of QUANTILES) {
        put("", exponentialQuantile(point, quantile), ["quantile", String(quantile)]);
      }
      return;
    case "opentelemetry.proto.collector.metrics.v1.SummaryDataPoint":
      putTotals(point, put);
      for (const { quantile, value } of point.quantileValues) {
        // Of nothing observed there is none.
        if (!Number.isNaN(value)) put("", value, ["quantile", String(quantile)]);
      }
  }
}

interface Totals {
  readonly count: bigint;
  readonly sum?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

function putTotals({ count, sum, min, max }: Totals, put: Put): void {
  put("_count", Number(count));
  if (sum !== undefined) put("_sum", sum);
  if (min !== undefined) put("_min", min);
  if (max !== undefined) put("_max", max);
}

/** As Prometheus has them: each with all below it. */
function putBuckets({ bucketCounts, explicitBounds }: HistogramDataPoint, put: Put): void {
  let below = 0;
  bucketCounts.forEach((count, i) => {
    below += Number(count);
    put("_bucket", below, ["le", i < explicitBounds.length ? String(explicitBounds[i]) : "+Inf"]);
  });
}

/** Text, numbers and booleans; others have no one text. */
function tagsOf(attributes: readonly KeyValue[]): Map<string, string> {
  const known = attributes.filter(({ value }) => value?.value.case !== undefined);
  return new Map(known.map(({ key, value }) => [key, String(value!.value.value)]));
}
