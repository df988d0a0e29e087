/** `GET /live`: Dashboard.SubscribeMetrics as Server-Sent Events, with annotations beside the values where they are wanted. */
import { create, fromBinary, toJson, type MessageInitShape } from "@bufbuild/protobuf";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { parseDurationMs } from "../model/duration.ts";
import { originHeaders, type AllowedOrigins } from "../model/origins.ts";
import { Dashboard, DashboardDataSchema, MetricSubscriptionSchema, UpdateMode } from "../wire/gen/dashboard_pb.ts";
import { retryAfter } from "../wire/retry-after.ts";
import { ANONYMOUS, type CallContext, type MethodImpl } from "../wire/service.ts";
import { toStatus } from "../wire/status.ts";
import { httpStatusOf } from "./connect-routes.ts";
import { liveAnnotations } from "./live-annotations.ts";
import { merged } from "./merged.ts";

const RETRY_MS = 2_000;
const KNOWN =
  "metric, interval, mode=on_change, window=true, group_by, stale_after, annotations=1 and filter.KEY (filter.device=pump-*)";
const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };

/**
 * Answers with a stream of `data:` lines, one DashboardData as JSON each; with annotations=1 also events of type
 * `annotation`, one AnnotationEvent each. It is pulled by the reader: one that is slow gets the latest values and no backlog.
 * What is wrong in the query is 400 with a sentence. `closeUnread` is called where it was cut: its reader may take nothing of that.
 */
export async function liveResponse(
  request: Request,
  peer: string,
  methods: readonly MethodImpl[],
  origins: AllowedOrigins,
  shutdownSignal: AbortSignal,
  closeUnread: () => void,
): Promise<Response> {
  const subscribe = methods.find(({ method }) => method === Dashboard.method.subscribeMetrics)!;
  const run = subscribe.run as (request: unknown, context: CallContext) => AsyncIterable<Uint8Array>;
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, request.signal, shutdownSignal]);
  const forPages = originHeaders(request.headers.get("origin"), origins);
  try {
    const query = new URL(request.url).searchParams;
    const subscription = create(MetricSubscriptionSchema, subscriptionOf(query));
    const hasAnnotations = booleanOf("annotations", query.get("annotations") ?? "0");
    const context: CallContext = {
      signal,
      principal: ANONYMOUS,
      headers: new Map(request.headers),
      peer,
      cut(why) {
        left.abort(why);
        // Nobody may ever ask for what comes next.
        updates.return().catch(() => {});
        closeUnread();
      },
    };
    const updates = texts(run(subscription, context));
    // The first one is awaited here, so that a mistake in the request is a status and not a broken stream.
    const first = await updates.next();
    const events = hasAnnotations ? merged([updates, liveAnnotations(subscription, methods, context)]) : updates;
    return new Response(eventStream(events, first, left, shutdownSignal), { headers: { ...HEADERS, ...forPages } });
  } catch (error) {
    const headers = { ...retryAfter(error), ...forPages };
    return new Response(`${toStatus(error).message}\n`, { status: httpStatusOf(error), headers });
  }
}

async function* texts(updates: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  for await (const bytes of updates) yield eventOf(bytes);
}

function eventStream(
  events: AsyncIterator<string>,
  first: IteratorResult<string>,
  left: AbortController,
  shutdownSignal: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let ready: IteratorResult<string> | undefined = first;
  return new ReadableStream<Uint8Array>(
    {
      start: (stream) => stream.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
      async pull(stream) {
        try {
          const next = ready ?? (await events.next());
          ready = undefined;
          if (!next.done) return stream.enqueue(encoder.encode(next.value));
          const why = [shutdownSignal, left.signal].find(({ aborted }) => aborted)?.reason as unknown;
          if (why instanceof WatchpostError) stream.enqueue(encoder.encode(endOf(why)));
        } catch (error) {
          stream.enqueue(encoder.encode(endOf(error)));
        }
        stream.close();
      },
      cancel() {
        left.abort();
        events.return?.().catch(() => {});
      },
    },
    { highWaterMark: 1 },
  );
}

function endOf(reason: unknown): string {
  return `event: end\ndata: ${JSON.stringify({ reason: toStatus(reason).message })}\n\n`;
}

/** A comment where nothing is new: it keeps proxies from closing the connection. */
function eventOf(bytes: Uint8Array): string {
  const data = fromBinary(DashboardDataSchema, bytes);
  if (data.metrics.length === 0 && !data.snapshot) return ": alive\n\n";
  return `data: ${JSON.stringify(toJson(DashboardDataSchema, data))}\n\n`;
}

/** The query of a `/live` request. Throws INVALID_ARGUMENT naming what is wrong. */
export function subscriptionOf(query: URLSearchParams): MessageInitShape<typeof MetricSubscriptionSchema> {
  const filters: Record<string, string> = {};
  const subscription = { metricNames: query.getAll("metric"), filters, groupBy: query.getAll("group_by") };
  const extra: MessageInitShape<typeof MetricSubscriptionSchema> = {};
  for (const [key, value] of query) {
    if (key.startsWith("filter.")) filters[key.slice("filter.".length)] = value;
    else if (key === "interval") extra.updateIntervalMs = durationMs(key, value);
    else if (key === "stale_after") extra.staleAfterMs = BigInt(durationMs(key, value));
    else if (key === "mode") extra.mode = modeOf(value);
    else if (key === "window") extra.windowStats = booleanOf(key, value);
    else if (key !== "metric" && key !== "group_by" && key !== "annotations")
      throw invalidField(key, value, `one of ${KNOWN}`);
  }
  return { ...subscription, ...extra };
}

function modeOf(value: string): UpdateMode {
  if (value === "on_change") return UpdateMode.ON_CHANGE;
  if (value === "interval") return UpdateMode.INTERVAL;
  throw invalidField("mode", value, "interval or on_change");
}

function booleanOf(key: string, value: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw invalidField(key, value, "true or false");
}

/** "2s", or plain milliseconds. */
function durationMs(key: string, value: string): number {
  try {
    return Math.round(/^\d+$/.test(value) ? Number(value) : parseDurationMs(value));
  } catch {
    throw invalidField(key, value, 'a duration such as "2s"');
  }
}
