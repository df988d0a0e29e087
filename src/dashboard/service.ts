/** Dashboard: live streams over shared feeds, QueryRange, and what there is. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Bus } from "../bus/bus.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { WatchpostError } from "../model/errors.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { StoreOpened } from "../store/store-client.ts";
import { Dashboard, DashboardDataSchema, type MetricSubscription } from "../wire/gen/dashboard_pb.ts";
import { rawServerStreaming, unary, writingUnary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { deleteSeries, type RetiredSeries } from "./delete-series.ts";
import { Feeds, type FeedsDeps } from "./feeds.ts";
import { LatestValues } from "./latest-values.ts";
import { listMetrics } from "./list-metrics.ts";
import { listSeries } from "./list-series.ts";
import { listTagValues } from "./list-tag-values.ts";
import type { ExtentSource, ListingOptions } from "./listing.ts";
import { encodeRange } from "./encode-range.ts";
import { LimitedRanges } from "./limited-ranges.ts";
import { queryRange, streamRange, type RangeSource } from "./query-range.ts";
import { bytesOf } from "./range-answer.ts";
import { rangeJson } from "./range-json.ts";
import { selectSeries } from "./select-series.ts";
import { SlicedWork } from "./sliced-work.ts";
import { feedSpecOf, type LiveOptions } from "./subscription.ts";

export interface DashboardDeps {
  readonly registry: SeriesRegistry;
  readonly scopes: Pick<SeriesScopes, "seesSeries" | "onMoved">;
  readonly bus: Bus;
  readonly store: RangeSource & ExtentSource;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly options: LiveOptions;
  /** What answers on their way take of it. */
  readonly memory: AnswerMemory;
  /** How long a range query may take at the most. */
  readonly queryTimeoutMs: number;
  /** The newest values on disk. */
  readonly latest?: StoreOpened["latest"];
  /** Those that other nodes have of these series; left out: there are no others. */
  newest?(seriesIds: Uint32Array, options: ListingOptions): Promise<StoreOpened["latest"]>;
  /** Series that are listed for nobody, since no node has points of them any more; left out: there are none. */
  nowhere?(): ReadonlySet<number>;
  /** Deletes series; resolves when that is durable. */
  retire(seriesIds: Uint32Array): Promise<RetiredSeries | void>;
  /** Of the sensor of a series, by its key; "": none is known. */
  unitOf(key: string): string;
  /** As {@link FeedsDeps.want}. */
  readonly want?: FeedsDeps["want"];
  /** A name for a stream, unique on this server. */
  newStreamId(): string;
}

/** The memory budget as answers see it. */
export interface AnswerMemory {
  tryReserveNow(bytes: number): boolean;
  release(bytes: number): void;
  /** RESOURCE_EXHAUSTED, saying when to try again. */
  refusal(bytes: number): WatchpostError;
}

export interface OpenDashboard {
  readonly methods: MethodImpl[];
  /** The units of these series are others now. */
  unitsChanged(seriesIds: Iterable<number>): void;
  /** The newest value of a series. */
  valueOf(seriesId: number): { readonly timeUs: number; readonly value: number } | undefined;
  /** Resolves once {@link valueOf} knows what other nodes know of these, as far as they answer. */
  learn(seriesIds: Uint32Array): Promise<void>;
  close(): void;
}

const HEARTBEAT_MS = 15_000;
/** Series, of which it is found out in a few milliseconds whether somebody sees them. */
const LOOKED_AT_ONCE = 5_000;
/** Smaller answers pass however full it is. */
const ANSWER_BYTES_COUNTED = 64 * 1024;

export function createDashboard(deps: DashboardDeps): OpenDashboard {
  const { registry, scopes, bus, store, clock, options } = deps;
  const latest = new LatestValues();
  const restored = deps.latest;
  if (restored !== undefined) {
    latest.restore(restored.seriesIds, restored.timesUs, restored.values, clock.nowMs(), clock.monotonicMs());
  }
  const sliced = new SlicedWork(() => clock.monotonicMs());
  const unitOf = (key: string) => deps.unitOf(key);
  const seenBy = ({ principal, cost, span }: CallContext) => {
    const seen = scopes.seesSeries(principal.scope);
    const nowhere = deps.nowhere?.();
    const hidesNone = nowhere === undefined || nowhere.size === 0;
    return { sees: hidesNone ? seen : (id: number) => !nowhere.has(id) && seen(id), cost, span };
  };
  const ranges = { registry, clock, sliced, unitOf, timeoutMsMax: deps.queryTimeoutMs };
  const limited = new LimitedRanges(store, clock);
  const rangesOf = (context: CallContext) => ({
    ...ranges,
    ...seenBy(context),
    store: limited.of(context.allowance),
  });
  const feeds = new Feeds({
    registry,
    scopes,
    latest,
    clock,
    unitOf,
    ...options,
    want: deps.want,
    onLeftOut: () => deps.metrics.liveLeftOut.inc(),
  });
  const learn = async (seriesIds: Uint32Array, listing: ListingOptions) => {
    const newest = await deps.newest?.(seriesIds, listing);
    if (newest !== undefined) latest.learn(newest, clock.nowMs(), clock.monotonicMs());
  };
  const listing = { registry, latest, store, clock, sliced, unitOf, learn };
  const unsubscribe = bus.subscribe((frame) => feeds.apply(frame));
  return {
    methods: [
      rawServerStreaming(Dashboard.method.subscribeMetrics, (request, context) =>
        subscribe(request, { ...deps, feeds, sliced }, context),
      ),
      writingUnary(Dashboard.method.queryRange, async (request, context) => {
        const startedAtMs = clock.monotonicMs();
        const answer = await queryRange(request, rangesOf(context), context.signal);
        deps.metrics.querySeconds.observe((clock.monotonicMs() - startedAtMs) / 1_000);
        const release = holdMemory(bytesOf(answer.result), deps.memory);
        return { toBinary: () => encodeRange(answer), toJson: () => rangeJson(answer), release };
      }),
      rawServerStreaming(Dashboard.method.streamRange, (request, context) =>
        streamRange(request, rangesOf(context), context.signal),
      ),
      unary(Dashboard.method.listMetrics, (request, context) =>
        listMetrics(request, { ...listing, ...seenBy(context) }, context.signal),
      ),
      unary(Dashboard.method.listSeries, (request, context) =>
        listSeries(request, { ...listing, ...seenBy(context) }, context.signal),
      ),
      unary(Dashboard.method.listTagValues, (request, context) =>
        listTagValues(request, { ...listing, ...seenBy(context) }, context.signal),
      ),
      unary(Dashboard.method.deleteSeries, (request, context) =>
        deleteSeries(request, { ...listing, ...seenBy(context), retire: deps.retire }, context.signal),
      ),
    ],
    unitsChanged: (seriesIds) => feeds.unitsChanged(seriesIds),
    learn: (seriesIds) => learn(seriesIds, { signal: new AbortController().signal, onMissing: () => {} }),
    valueOf: (id) => (latest.has(id) ? { timeUs: latest.timesUs[id], value: latest.values[id] } : undefined),
    close() {
      unsubscribe();
      feeds.close();
    },
  };
}

/** Returns what gives it back, once. Throws RESOURCE_EXHAUSTED where there is no room. */
function holdMemory(bytes: number, memory: AnswerMemory): () => void {
  if (bytes < ANSWER_BYTES_COUNTED) return () => {};
  if (!memory.tryReserveNow(bytes)) throw memory.refusal(bytes);
  let isHeld = true;
  return () => {
    if (isHeld) memory.release(bytes);
    isHeld = false;
  };
}

interface SubscribingDeps extends DashboardDeps {
  readonly feeds: Feeds;
  readonly sliced: SlicedWork;
}

/** Encoded DashboardData: a snapshot, then updates as the reader takes them, until it leaves. */
async function* subscribe(
  request: MetricSubscription,
  { feeds, sliced, registry, scopes, metrics, options, newStreamId }: SubscribingDeps,
  { signal, principal: { scope } }: CallContext,
): AsyncIterable<Uint8Array> {
  const spec = feedSpecOf(request, scope, options);
  if (!scope.isEverything && registry.count > LOOKED_AT_ONCE && !feeds.isOpen(spec)) {
    // What is found out here of each series is known when the feed is opened, in one turn.
    await sliced.run(selectSeries(registry, spec.matcher, scopes.seesSeries(scope)), signal);
  }
  const dashboardId = newStreamId();
  const name = toBinary(DashboardDataSchema, create(DashboardDataSchema, { dashboardId }));
  const alive = toBinary(
    DashboardDataSchema,
    create(DashboardDataSchema, { dashboardId, updateIntervalMs: spec.intervalMs }),
  );
  const feed = feeds.join(spec);
  metrics.subscriptions.set(feeds.readers);
  const { position, messages } = feed.snapshot();
  try {
    for (const message of messages) {
      metrics.pushes.inc();
      yield merged(message, name);
    }
    while (!signal.aborted) {
      await feed.changedSince(position, HEARTBEAT_MS, signal);
      if (signal.aborted) return;
      const update = feed.updateSince(position);
      if (update === undefined) {
        yield alive;
        continue;
      }
      metrics.pushes.inc();
      if (update.conflated > 0) metrics.conflated.inc(update.conflated);
      const tail = update.conflated > 0 ? tailOf(dashboardId, update.conflated) : name;
      for (const message of update.messages) yield merged(message, tail);
    }
  } finally {
    feed.forget(position);
    feeds.leave(feed);
    metrics.subscriptions.set(feeds.readers);
  }
}

function tailOf(dashboardId: string, conflated: number): Uint8Array {
  return toBinary(DashboardDataSchema, create(DashboardDataSchema, { dashboardId, conflated: BigInt(conflated) }));
}

/** Protobuf messages written one after the other are one message with the fields of both. */
function merged(shared: Uint8Array, own: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(shared.length + own.length);
  bytes.set(shared);
  bytes.set(own, shared.length);
  return bytes;
}
