/** Calls that are looked at while they are served: counted, timed, and named where they or their readers are slow. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { readerBehind, WatchpostError } from "../../src/model/errors.ts";
import type { LogFields } from "../../src/model/logger.ts";
import { CallBook } from "../../src/overview/call-book.ts";
import { watched } from "../../src/transport/watched.ts";
import { Dashboard, MetricSubscriptionSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { QueryRangeRequestSchema } from "../../src/wire/gen/history_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { Server } from "../../src/wire/gen/server_pb.ts";
import { ANONYMOUS, rawBidiStreaming, serverStreaming, unary, type CallContext } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";

function bookRig() {
  const clock = new ManualClock();
  const said: { readonly message: string; readonly fields: LogFields }[] = [];
  const say = (fields: LogFields, message: string) => void said.push({ message, fields });
  const logger = { debug: say, info: say, warn: say, error: say };
  const metrics = createMetrics();
  const verbose = { is: false };
  const options = { slowCallMs: 1_000, slowReaderMs: 5_000, isVerbose: () => verbose.is };
  const book = new CallBook({ clock, logger, metrics, ...options });
  const methods = [
    serverStreaming(Dashboard.method.subscribeMetrics, async function* () {
      for (;;) yield { dashboardId: "d" };
    }),
    unary(Dashboard.method.listMetrics, async () => {
      throw new WatchpostError("RESOURCE_EXHAUSTED", "too much");
    }),
    unary(Dashboard.method.queryRange, async (_request, { cost }: CallContext) => {
      cost!.series += 3;
      cost!.pointsRead += 1_000;
      clock.advance(2_500);
      return {};
    }),
    serverStreaming(Server.method.watchChanges, async function* () {
      yield* [];
      throw readerBehind("this reader is 10,000 behind");
    }),
    serverStreaming(Server.method.watchStatus, async function* () {
      yield* [];
      throw new WatchpostError("UNAVAILABLE", "the connection is an hour old; connect again");
    }),
    rawBidiStreaming(DataIngestion.method.streamData, async function* () {
      yield* [];
      throw new WatchpostError("UNAVAILABLE", "the log cannot be written");
    }),
  ];
  const [subscribe, list, query, watch, age, send] = watched(methods, book).map(({ run }) => run as never);
  const ann = { ...ANONYMOUS, name: "ann" };
  const context = { signal: new AbortController().signal, principal: ann, headers: new Map(), peer: "10.0.0.9" };
  return {
    ...{ book, clock, said, metrics, verbose },
    subscribe: (request: object) =>
      (subscribe as (...all: unknown[]) => AsyncIterable<unknown>)(request, context)[Symbol.asyncIterator](),
    fallBehind: () => (watch as (...all: unknown[]) => AsyncIterable<unknown>)({}, context)[Symbol.asyncIterator](),
    growOld: () => (age as (...all: unknown[]) => AsyncIterable<unknown>)({}, context)[Symbol.asyncIterator](),
    sendPoints: () => (send as (...all: unknown[]) => AsyncIterable<unknown>)({}, context)[Symbol.asyncIterator](),
    list: () => (list as (...all: unknown[]) => Promise<unknown>)({}, context),
    query: (request: object) => (query as (...all: unknown[]) => Promise<unknown>)(request, context),
  };
}

const WATCH = "analytics.Server/WatchChanges";
const SUBSCRIBE = "analytics.Dashboard/SubscribeMetrics";

test("a reader that takes nothing is named with what it asked for, and is no longer behind once it goes on", async () => {
  const { book, clock, said, subscribe } = bookRig();
  const stream = subscribe(create(MetricSubscriptionSchema, { metricNames: ["temp"], filters: { site: "berlin" } }));
  await stream.next();
  expect(book.counts.get(SUBSCRIBE)).toEqual({ started: 1, open: 1 });
  clock.advance(4_999);
  expect([book.slowReaders(9).total, said]).toEqual([0, []]);
  clock.advance(1_001);
  const { readers } = book.slowReaders(9);
  expect(readers).toEqual([
    {
      ...{ principal: "ann", address: "10.0.0.9", method: SUBSCRIBE, openedAtMs: clock.nowMs() - 6_000 },
      request: '{metric_names: ["temp"], filters: {"site": "berlin"}}',
      ...{ behindMs: 6_000, behindMsMax: 6_000, sent: 1 },
    },
  ]);
  expect(book.slowNow()).toEqual({ readers: 1, calls: 0 });
  expect(said.map(({ message }) => message)).toEqual(["a reader does not take what there is for it"]);
  expect(said[0].fields).toMatchObject({ principal: "ann", address: "10.0.0.9", method: SUBSCRIBE });
  // Not a line each second.
  clock.advance(30_000);
  expect(said.length).toBe(1);

  stream.next().catch(() => {});
  expect(book.slowNow().readers).toBe(0);
  expect(book.slowReaders(9).readers).toMatchObject([{ behindMs: 0, behindMsMax: 36_000 }]);
  await stream.return?.();
  expect([book.slowReaders(9).total, book.counts.get(SUBSCRIBE)]).toEqual([0, { started: 1, open: 0 }]);
});

test("a call that took long is kept with who asked for what, and what that cost; a quick one is not", async () => {
  const { book, metrics, said, list, query, verbose } = bookRig();
  expect(await list().catch(String)).toContain("too much");
  expect(book.slowCalls(9)).toEqual([]);
  await query(create(QueryRangeRequestSchema, { metric: "temp" }));
  expect(book.slowCalls(9)).toMatchObject([
    {
      ...{
        principal: "ann",
        address: "10.0.0.9",
        method: "analytics.Dashboard/QueryRange",
        request: '{metric: "temp"}',
      },
      ...{ durationMs: 2_500, series: 3, pointsRead: 1_000, status: "OK" },
    },
  ]);
  expect(said.map(({ message }) => message)).toEqual(["a call took long"]);
  for (let i = 0; i < 60; i++) await query(create(QueryRangeRequestSchema, { metric: `m${i}` }));
  expect(
    book
      .slowCalls(100)
      .map(({ request }) => request)
      .slice(0, 2),
  ).toEqual(['{metric: "m59"}', '{metric: "m58"}']);
  expect(book.slowCalls(100).length).toBe(50);
  const text = await metrics.registry.metrics();
  expect(text).toContain('watchpost_slow_calls_total{method="analytics.Dashboard/QueryRange"} 61');
  expect(text).toContain("watchpost_query_points_read_total 61000");
  expect(text).toContain('watchpost_call_duration_seconds_count{method="analytics.Dashboard/ListMetrics"} 1');
  expect(said.filter(({ message }) => message === "a call has ended")).toEqual([]);
  verbose.is = true;
  await list().catch(() => {});
  expect(said.at(-1)).toMatchObject({ message: "a call has ended", fields: { status: "RESOURCE_EXHAUSTED" } });
});

test("a stream whose reader fell too far behind is named when it is ended; one that the reader left, or that grew old, is not", async () => {
  const { book, said, metrics, fallBehind, growOld, sendPoints } = bookRig();
  expect(await sendPoints().next().catch(String)).toContain("cannot be written");
  expect(await growOld().next().catch(String)).toContain("connect again");
  expect(await fallBehind().next().catch(String)).toContain("10,000 behind");
  expect(said).toMatchObject([{ message: "a stream was ended: its reader fell behind", fields: { principal: "ann" } }]);
  const left = fallBehind();
  await left.return?.();
  for (let i = 0; i < 30; i++)
    await fallBehind()
      .next()
      .catch(() => {});
  // Not a line for each, however many there are.
  expect([said.length, book.counts.get(WATCH)]).toEqual([10, { started: 32, open: 0 }]);
  expect(await metrics.registry.metrics()).toContain(`watchpost_readers_disconnected_total{method="${WATCH}"} 31`);
});

test("however large a request is, only so much of it is told", async () => {
  const { book, query } = bookRig();
  const tags = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, "v".repeat(1_000)]));
  await query(create(QueryRangeRequestSchema, { metric: "m".repeat(1e6), filters: tags } as object));
  expect(book.slowCalls(1)[0].request.length).toBeLessThan(500);
});
