/**
 * ExportMetricsServiceRequest, one data point after the other: no more than one is an object at a time, so a request can be read
 * in slices and takes little memory, whatever its few bytes would become together. Pure.
 */
import { fromBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { messageOf } from "../../model/errors.ts";
import {
  ExponentialHistogramDataPointSchema,
  HistogramDataPointSchema,
  NumberDataPointSchema,
  ResourceSchema,
  SummaryDataPointSchema,
  type ExponentialHistogramDataPoint,
  type HistogramDataPoint,
  type KeyValue,
  type NumberDataPoint,
  type SummaryDataPoint,
} from "../../wire/gen/opentelemetry/metrics_service_pb.ts";
import { utf8 } from "../../wire/utf8.ts";

export type DataPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint;

export interface FoundPoint {
  /** Of its resource; the same object for all points of one. */
  readonly resource: readonly KeyValue[];
  readonly metric: string;
  /** In words where it cannot be read. */
  readonly point: DataPoint | string;
}

/** A data point, or a resource: hundreds of buckets and thirty attributes take a few kilobytes. */
const PART_BYTES_MAX = 64 * 1024;
const OTHERS_MAX = 10_000;
/** Looked through between two yields, where there is nothing to be found. */
const PARTS_AT_ONCE = 1_000;
const NO_ATTRIBUTES: readonly KeyValue[] = [];
const NOTHING = new Uint8Array();

const [RESOURCE_METRICS, RESOURCE, SCOPE_METRICS, METRICS, NAME, DATA_POINTS] = [1, 1, 2, 2, 1, 1];
const decoderOf =
  <D extends DescMessage>(schema: D) =>
  (bytes: Uint8Array): MessageShape<D> =>
    fromBinary(schema, bytes, { readUnknownFields: false });
const resourceIn = decoderOf(ResourceSchema);
/** By the field of their metric. */
const dataPointIn = new Map<number, (bytes: Uint8Array) => DataPoint>([
  [5, decoderOf(NumberDataPointSchema)],
  [7, decoderOf(NumberDataPointSchema)],
  [9, decoderOf(HistogramDataPointSchema)],
  [10, decoderOf(ExponentialHistogramDataPointSchema)],
  [11, decoderOf(SummaryDataPointSchema)],
]);

/**
 * With nothing in between, so that what holds no points takes no longer. Throws in words what cannot be read; what stands before
 * it has been yielded.
 */
export function* pointsIn(bytes: Uint8Array): Generator<FoundPoint | undefined, undefined> {
  for (const [, resourceMetrics] of partsOf(bytes, RESOURCE_METRICS)) {
    yield undefined;
    const resource = yield* resourceOf(resourceMetrics);
    for (const [field, scopeMetrics] of partsOf(resourceMetrics, RESOURCE, SCOPE_METRICS)) {
      if (field === RESOURCE) continue;
      yield undefined;
      for (const [, metric] of partsOf(scopeMetrics, METRICS)) {
        yield undefined;
        yield* pointsOfMetric(metric, resource);
      }
    }
  }
}

function* pointsOfMetric(
  metric: Uint8Array,
  resource: readonly KeyValue[] | string,
): Generator<FoundPoint | undefined, undefined> {
  // In this order by convention only; of several kinds of data the last is meant.
  let named: Uint8Array = NOTHING;
  let [kind, parts] = [0, 0];
  for (const [field, part] of partsOf(metric, NAME, ...dataPointIn.keys())) {
    if (++parts % PARTS_AT_ONCE === 0) yield undefined;
    if (field === NAME) named = part;
    else kind = field;
  }
  const name = utf8(named);
  const decode = dataPointIn.get(kind);
  const fault =
    typeof resource === "string" ? resource : name === undefined ? "its metric's name is not valid UTF-8" : undefined;
  if (decode === undefined) return;
  for (const [field, data] of partsOf(metric, NAME, ...dataPointIn.keys())) {
    if (++parts % PARTS_AT_ONCE === 0) yield undefined;
    if (field !== kind) continue;
    for (const [, part] of partsOf(data, DATA_POINTS)) {
      const point = fault ?? decoded(() => decode(checked(part)));
      yield { resource: typeof resource === "string" ? NO_ATTRIBUTES : resource, metric: name ?? "", point };
    }
  }
}

/** In words where it cannot be read, which costs all points of it. */
function* resourceOf(resourceMetrics: Uint8Array): Generator<undefined, readonly KeyValue[] | string> {
  let found: Uint8Array | undefined;
  let parts = 0;
  for (const [field, part] of partsOf(resourceMetrics, RESOURCE, SCOPE_METRICS)) {
    if (++parts % PARTS_AT_ONCE === 0) yield undefined;
    if (field === RESOURCE) found = part;
  }
  if (found === undefined) return NO_ATTRIBUTES;
  const bytes = found;
  const resource = decoded(() => resourceIn(checked(bytes)));
  return typeof resource === "string" ? `its resource ${resource}` : resource.attributes;
}

function checked(part: Uint8Array): Uint8Array {
  if (part.byteLength <= PART_BYTES_MAX) return part;
  throw new RangeError(`it has ${part.byteLength} bytes; wanted at most ${PART_BYTES_MAX}`);
}

function decoded<M>(decode: () => M): M | string {
  try {
    return decode();
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

/** What the fields that are asked for hold. Throws where there are far more others than a message has. */
function* partsOf(bytes: Uint8Array, ...fields: number[]): Generator<readonly [field: number, part: Uint8Array]> {
  const reader = new BinaryReader(bytes);
  let others = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited && fields.includes(field)) yield [field, reader.bytes()];
    else if (++others > OTHERS_MAX) throw new Error(`a message has more than ${OTHERS_MAX} fields of no meaning`);
    else reader.skip(type, field);
  }
}
