import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import { BatchDataSchema, type DataPointSchema } from "../wire/gen/ingestion_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";

/** One reading to be sent. */
export interface Point {
  readonly metric: string;
  readonly value: number;
  /** Unix microseconds; missing: the time of arrival at the server, and the point is not safe to send twice. */
  readonly timeUs?: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly id?: string;
}

/** An encoded BatchData. */
export interface Batch {
  readonly bytes: Uint8Array;
  readonly points: number;
}

export function encodeBatch(points: readonly Point[], source: string, batchId = ""): Batch {
  const message = create(BatchDataSchema, { points: points.map(dataPointOf), source, batchId });
  return { bytes: toBinary(BatchDataSchema, message), points: points.length };
}

/** Cuts points into batches of at most `size`. */
export async function* batchesOf(
  points: AsyncIterable<Point> | Iterable<Point>,
  source: string,
  size = 5_000,
): AsyncIterable<Batch> {
  const most = Math.min(size, BATCH_POINTS_MAX);
  let gathered: Point[] = [];
  for await (const point of points) {
    gathered.push(point);
    if (gathered.length < most) continue;
    yield encodeBatch(gathered, source);
    gathered = [];
  }
  if (gathered.length > 0) yield encodeBatch(gathered, source);
}

function dataPointOf({ metric, value, timeUs, tags, id }: Point): MessageInitShape<typeof DataPointSchema> {
  const point = { metricName: metric, value, tags: { ...tags }, id: id ?? "" };
  if (timeUs === undefined) return point;
  return { ...point, timestamp: timestampOfUs(timeUs) };
}
