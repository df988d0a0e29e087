import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Clock } from "../model/clock.ts";
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import { systemClock } from "../model/system-clock.ts";
import { BatchDataSchema, type DataPointSchema } from "../wire/gen/ingestion_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { lotsOf } from "./gather.ts";

/** One reading to be sent. */
export interface Point {
  readonly metric: string;
  readonly value: number;
  /**
   * Unix microseconds; missing: the time of arrival at the server, and the point is not safe to send twice.
   * `PointStamps` gives it one before.
   */
  readonly timeUs?: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly id?: string;
  /** Who it is of, where that is known; a batch is sent under one source for all of its points. */
  readonly source?: string;
  /** Where it was read, from 1, so that a refusal can name it. Not sent. */
  readonly line?: number;
}

/** An encoded BatchData. */
export interface Batch {
  readonly bytes: Uint8Array;
  readonly points: number;
  /** Where each of its points was read. */
  readonly lines?: readonly (number | undefined)[];
}

export function encodeBatch(points: readonly Point[], source: string, batchId = ""): Batch {
  const message = create(BatchDataSchema, { points: points.map(dataPointOf), source, batchId });
  return { bytes: toBinary(BatchDataSchema, message), points: points.length, lines: points.map(({ line }) => line) };
}

/** Far below the largest message the server takes. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Value, timestamp, and the keys and lengths of fields; of a tag. */
const POINT_BYTES = 64;
const TAG_BYTES = 16;
/** How long the first point of a batch waits for more. */
const HOLD_MS = 500;

/**
 * Cuts points into batches of at most `size` points and 4 MiB; a point larger than that goes alone. One that is not full goes when its first point has waited for `holdMs`,
 * when the points end, and when reading them fails; the failure comes after it.
 */
export async function* batchesOf(
  points: AsyncIterable<Point> | Iterable<Point>,
  source: string,
  size = 5_000,
  { clock = systemClock, holdMs = HOLD_MS }: { clock?: Clock; holdMs?: number } = {},
): AsyncIterable<Batch> {
  const itemsMax = Math.min(size, BATCH_POINTS_MAX);
  const limits = { itemsMax, weightMax: BATCH_BYTES_MAX, weightOf: pointBytesMax, holdMs, clock };
  for await (const lot of lotsOf(points, limits)) yield encodeBatch(lot, source);
}

/** Where a batch ends that begins at `at` and goes to `end` at the most, by its bytes; at least one point. */
export function batchEnd(points: readonly Point[], at: number, end: number): number {
  let bytes = 0;
  for (let i = at; i < end; i++) {
    bytes += pointBytesMax(points[i]);
    if (bytes > BATCH_BYTES_MAX) return Math.max(i, at + 1);
  }
  return end;
}

/** Not less than the encoded bytes of a point: a UTF-16 unit takes at most three. */
export function pointBytesMax({ metric, tags, id = "" }: Point): number {
  let characters = metric.length + id.length;
  let bytes = POINT_BYTES;
  for (const key in tags) {
    characters += key.length + tags[key].length;
    bytes += TAG_BYTES;
  }
  return bytes + 3 * characters;
}

function dataPointOf({ metric, value, timeUs, tags, id }: Point): MessageInitShape<typeof DataPointSchema> {
  const point = { metricName: metric, value, tags: { ...tags }, id: id ?? "" };
  if (timeUs === undefined) return point;
  return { ...point, timestamp: timestampOfUs(timeUs) };
}
