import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { WatchpostError } from "../model/errors.ts";
import { seriesKey } from "../model/series-key.ts";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import {
  QueryRangeRequestSchema,
  QueryRangeResponseSchema,
  RangePlaceSchema,
  type QueryRangeResponse,
  type SeriesRange,
} from "../wire/gen/history_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { errorOf } from "../wire/call-error.ts";
import type { CallOptions, Connection, Retry } from "./connection.ts";

const DEADLINE_MS = 60_000;

export interface QueryOptions extends CallOptions {
  readonly deadlineMs?: number;
  /** How long a server that is not there is waited for, all waits together; 0: not at all. */
  readonly patienceMs?: number;
}

/** What was stored. Throws the server's status. */
export async function queryRange(
  connection: Connection,
  request: MessageInitShape<typeof QueryRangeRequestSchema>,
  { signal, onRetry, deadlineMs = DEADLINE_MS, patienceMs = 0 }: QueryOptions = {},
): Promise<QueryRangeResponse> {
  const bytes = toBinary(QueryRangeRequestSchema, create(QueryRangeRequestSchema, request));
  const options = { deadlineMs, ...(signal ? { signal } : {}) };
  let waitedMs = 0;
  const onWait = (retry: Retry) => {
    waitedMs += retry.delayMs;
    onRetry?.(retry);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return fromBinary(QueryRangeResponseSchema, await connection.unary(Dashboard.method.queryRange, bytes, options));
    } catch (error) {
      if (errorOf(error).status !== "UNAVAILABLE" || waitedMs >= patienceMs) throw error;
      await connection.beforeRetry(error, attempt, { ...options, onRetry: onWait });
    }
  }
}

/**
 * The same in parts of bounded size, series in order of {@link seriesKey}; the server waits while the reader is busy.
 * After a failure that may pass the answer is asked for again and goes on behind what was had: no row comes twice. A
 * request with `top` has an order of its own and is not asked again once a part of it was had. Fails with what cannot be
 * retried, with DATA_LOSS where rows are out of order, and when `signal` aborts.
 */
export async function* streamRange(
  connection: Connection,
  request: MessageInitShape<typeof QueryRangeRequestSchema>,
  options: CallOptions = {},
): AsyncIterable<QueryRangeResponse> {
  const { signal } = options;
  const message = create(QueryRangeRequestSchema, request);
  const hasOrder = message.top === undefined;
  let had: Place | undefined = message.after && {
    key: keyOf(message.after),
    timeUs: usOfTimestamp(message.after.time),
  };
  for (let attempt = 1; ; attempt++) {
    const call = connection.serverStream(Dashboard.method.streamRange, toBinary(QueryRangeRequestSchema, message));
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel);
    if (signal?.aborted) cancel();
    try {
      let sent: Place | undefined;
      for await (const bytes of call) {
        const part = fromBinary(QueryRangeResponseSchema, bytes as Uint8Array);
        attempt = 1;
        if (hasOrder) {
          for (const series of part.series) sent = placeAtEnd(series, sent);
          part.series = part.series.flatMap((series) => behind(series, had));
        }
        const last = part.series.at(-1);
        if (last !== undefined) {
          had = placeAtEnd(last, undefined);
          const { metric, source, tags } = last;
          if (message.stepMs === 0n && message.maxPoints === 0) {
            message.after = create(RangePlaceSchema, { metric, source, tags, time: timestampOfUs(had.timeUs) });
          }
        }
        yield part;
      }
      return;
    } catch (error) {
      if (!hasOrder && had !== undefined) throw error;
      await connection.beforeRetry(error, attempt, options);
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }
}

/** The place of a row: the key of its series, and its time. */
interface Place {
  readonly key: string;
  readonly timeUs: number;
}

/** Unix microseconds of a time in an answer. */
export function usOfMs(timeMs: number): number {
  return Math.round(timeMs * 1_000);
}

function usOfTimestamp(time: Timestamp | undefined): number {
  return time === undefined ? -1 : Number(time.seconds) * 1_000_000 + Math.floor(time.nanos / 1_000);
}

function keyOf({ metric, source, tags }: Pick<SeriesRange, "metric" | "source" | "tags">): string {
  return seriesKey(metric, source, Object.entries(tags));
}

/** Of the last row; throws where it does not come after the place before. */
function placeAtEnd(series: SeriesRange, before: Place | undefined): Place {
  const place = { key: keyOf(series), timeUs: usOfMs(series.timesMs.at(-1) ?? -1) };
  if (before === undefined || place.key > before.key) return place;
  if (place.key === before.key && usOfMs(series.timesMs[0]) > before.timeUs) return place;
  const [name, last] = [place, before].map(({ key, timeUs }) => `${key.replaceAll("\0", " ")} at ${timeUs} us`);
  throw new WatchpostError("DATA_LOSS", `the server sent ${name} after ${last}; wanted series and times in order`);
}

/** What of a series comes after a place. */
function behind(series: SeriesRange, place: Place | undefined): SeriesRange[] {
  const key = place === undefined ? "" : keyOf(series);
  if (place === undefined || key > place.key) return [series];
  if (key < place.key) return [];
  const from = series.timesMs.findIndex((timeMs) => usOfMs(timeMs) > place.timeUs);
  if (from < 0) return [];
  return [{ ...series, timesMs: series.timesMs.slice(from), values: series.values.slice(from) }];
}
