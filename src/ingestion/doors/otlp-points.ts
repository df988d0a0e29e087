/** What OTLP's data points are as points, pure. */
import { TAGS_MAX } from "../../model/limits.ts";
import { metricNameOf } from "../../model/metric-name.ts";
import type { HistogramDataPoint, KeyValue } from "../../wire/gen/opentelemetry/metrics_service_pb.ts";
import { exponentialQuantile } from "./exponential-quantile.ts";
import type { DataPoint, FoundPoint } from "./otlp-request.ts";

export type Tags = readonly (readonly [string, string])[];

export interface OtlpSink {
  /** A number of data point `place`, from 1. `timeUs` is NaN where it has no time. */
  point(place: number, metric: string, source: string, tags: Tags, timeUs: number, value: number): void;
  /** A data point that says that there is no value, or of which nothing is kept. */
  leftOut(what: "without a value"): void;
  /** A data point that is wrong as a whole. */
  refused(place: number, reason: string): void;
}

type Put = (suffix: string, value: number, more?: readonly [string, string]) => void;

/** The first that a resource has names the source. */
const SOURCE_ATTRIBUTES = ["service.instance.id", "host.name", "device.id", "service.name"];
const OTHERWISE = "otlp";
/** What it is called in OpenTelemetry's conventions, and here. */
const [DEVICE_ATTRIBUTE, DEVICE_TAG] = ["device.id", "device"];
/** Of the sender's program: other ones with every start. */
const LEFT_OUT = /^(process|telemetry|os)\./;
const NO_RECORDED_VALUE = 1;
/** Each is a series; histograms of SDKs have some fifteen. */
const VALUES_MAX = 1_000;
const QUANTILES = [0.5, 0.9, 0.99];

/** Data points of one request, in order. */
export class OtlpPoints {
  readonly #given: string | undefined;
  readonly #sink: OtlpSink;
  #place = 0;
  /** Of the last one: those of a resource follow each other. */
  #resource: readonly KeyValue[] | undefined;
  #source = "";
  #shared: Tags = [];

  /** `given`: the source of all, where one is given. */
  constructor(given: string | undefined, sink: OtlpSink) {
    this.#given = given;
    this.#sink = sink;
  }

  take({ resource, metric, point }: FoundPoint): void {
    const place = ++this.#place;
    if (typeof point === "string") return this.#sink.refused(place, point);
    if ((point.flags & NO_RECORDED_VALUE) !== 0) return this.#sink.leftOut("without a value");
    const values = valuesIn(point);
    if (values > VALUES_MAX) {
      return this.#sink.refused(place, `has ${values} buckets or quantiles; wanted at most ${VALUES_MAX}`);
    }
    if (resource !== this.#resource) this.#enter(resource);
    const shared = this.#shared;
    const own = tagsOf(point.attributes);
    // Judged here: those of the resource are copied for every point, those of a point for every bucket.
    const tags = shared.length > TAGS_MAX ? shared : [...new Map([...shared, ...own])];
    if (tags.length > TAGS_MAX) {
      return this.#sink.refused(place, `has ${tags.length} tags; wanted at most ${TAGS_MAX}`);
    }
    const timeUs = point.timeUnixNano === 0n ? NaN : Number(point.timeUnixNano / 1_000n);
    const name = metricNameOf(metric);
    let numbers = 0;
    putPoint(point, (suffix, value, more) => {
      numbers++;
      const all = more === undefined ? tags : [...tags.filter(([tag]) => tag !== more[0]), more];
      this.#sink.point(place, name + suffix, this.#source, all, timeUs, value);
    });
    if (numbers === 0) this.#sink.leftOut("without a value");
  }

  #enter(resource: readonly KeyValue[]): void {
    const attributes = new Map(known(resource));
    const key = this.#given === undefined ? SOURCE_ATTRIBUTES.find((name) => attributes.has(name)) : undefined;
    this.#resource = resource;
    this.#source = this.#given ?? (key === undefined ? OTHERWISE : attributes.get(key)!);
    if (key !== undefined) attributes.delete(key);
    this.#shared = [...renamed([...attributes].filter(([name]) => !LEFT_OUT.test(name)))];
  }
}

function valuesIn(point: DataPoint): number {
  if ("quantileValues" in point) return point.quantileValues.length;
  return "bucketCounts" in point ? point.bucketCounts.length : 0;
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

function tagsOf(attributes: readonly KeyValue[]): Tags {
  return attributes.length === 0 ? [] : [...renamed(known(attributes))];
}

/** Text, numbers and booleans; others have no one text. */
function known(attributes: readonly KeyValue[]): [string, string][] {
  const readable = attributes.filter(({ value }) => value?.value.case !== undefined);
  return readable.map(({ key, value }) => [key, String(value!.value.value)]);
}

/** The device is the tag of that name, unless an attribute is called so. */
function renamed(attributes: readonly (readonly [string, string])[]): Map<string, string> {
  const tags = new Map(attributes);
  const device = tags.get(DEVICE_ATTRIBUTE);
  if (device === undefined || tags.has(DEVICE_TAG)) return tags;
  tags.delete(DEVICE_ATTRIBUTE);
  return tags.set(DEVICE_TAG, device);
}
