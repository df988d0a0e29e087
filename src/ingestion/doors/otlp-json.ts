/** ExportMetricsServiceRequest as JSON, one data point after the other, as otlp-request.ts reads it encoded. Pure. */
import { fromJson, type DescMessage, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { messageOf } from "../../model/errors.ts";
import { countValues } from "../../model/json-values.ts";
import {
  ExponentialHistogramDataPointSchema,
  HistogramDataPointSchema,
  NumberDataPointSchema,
  ResourceSchema,
  SummaryDataPointSchema,
  type KeyValue,
} from "../../wire/gen/opentelemetry/metrics_service_pb.ts";
import type { DataPoint, FoundPoint } from "./otlp-request.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Of a data point or a resource: attributes, buckets, quantiles. */
const LIST_LENGTH_MAX = 10_000;
/** Of the same, with what is in them. */
const VALUES_MAX = 50_000;
const NO_ATTRIBUTES: readonly KeyValue[] = [];

const decoderOf =
  <D extends DescMessage>(schema: D) =>
  (fields: unknown): MessageShape<D> =>
    fromJson(schema, few(checked(fields)), { ignoreUnknownFields: true });
const resourceIn = decoderOf(ResourceSchema);
const dataPointIn: Readonly<Record<string, (fields: unknown) => DataPoint>> = {
  gauge: decoderOf(NumberDataPointSchema),
  sum: decoderOf(NumberDataPointSchema),
  histogram: decoderOf(HistogramDataPointSchema),
  exponentialHistogram: decoderOf(ExponentialHistogramDataPointSchema),
  summary: decoderOf(SummaryDataPointSchema),
};

/**
 * With nothing in between, so that what holds no points takes no longer. Throws in words what cannot be read; what stands before
 * it has been yielded.
 */
export function* pointsInJson(bytes: Uint8Array): Generator<FoundPoint | undefined, undefined> {
  const root = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8")) as unknown;
  for (const resourceMetrics of listIn(root, "resourceMetrics")) {
    yield undefined;
    const found = fieldOf(resourceMetrics, "resource");
    const resource = found === undefined ? NO_ATTRIBUTES : decoded(() => resourceIn(found).attributes);
    for (const scopeMetrics of listIn(resourceMetrics, "scopeMetrics")) {
      yield undefined;
      for (const metric of listIn(scopeMetrics, "metrics")) {
        yield undefined;
        yield* pointsOfMetric(metric, resource);
      }
    }
  }
}

function* pointsOfMetric(metric: unknown, resource: readonly KeyValue[] | string): Generator<FoundPoint> {
  const name = fieldOf(metric, "name") ?? "";
  if (typeof name !== "string") throw new Error(`name is ${typeof name}; wanted text`);
  for (const [kind, decode] of Object.entries(dataPointIn)) {
    const data = fieldOf(metric, kind);
    if (data === undefined) continue;
    for (const each of listIn(data, "dataPoints")) {
      const isFault = typeof resource === "string";
      const point = isFault ? `its resource ${resource}` : decoded(() => decode(each));
      yield { resource: isFault ? NO_ATTRIBUTES : resource, metric: name, point };
    }
  }
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name) ?? [];
  if (Array.isArray(list)) return list as unknown[];
  throw new Error(`${name} is no list`);
}

/** By its name in JSON or in the definition; undefined where it is missing or null. */
function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`what should hold ${name} is no object`);
  }
  const fields = value as Fields;
  const plain = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  for (const key of [name, plain]) if (Object.hasOwn(fields, key)) return fields[key] ?? undefined;
  return undefined;
}

/** The buckets of an exponential histogram lie one deeper. */
function checked(value: unknown, depth = 0): JsonValue {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (Array.isArray(inner) && inner.length > LIST_LENGTH_MAX) {
        throw new RangeError(`${name.slice(0, 64)} has ${inner.length} elements; wanted at most ${LIST_LENGTH_MAX}`);
      }
      if (depth === 0) checked(inner, 1);
    }
  }
  return value as JsonValue;
}

/** Lists may lie deeper than those that are asked for. */
function few(value: JsonValue): JsonValue {
  if (countValues(value, VALUES_MAX) <= VALUES_MAX) return value;
  throw new RangeError(`it has more than ${VALUES_MAX} values; wanted at most so many`);
}

function decoded<M>(decode: () => M): M | string {
  try {
    return decode();
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}
