/** The dashboard over a bus that is fed by hand and a clock that stands still. */
import { ANONYMOUS } from "../../src/wire/service.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { createDashboard } from "../../src/dashboard/service.ts";
import type { ExtentSource } from "../../src/dashboard/listing.ts";
import type { RangeSource } from "../../src/dashboard/query-range.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { EVERYTHING, type Scope } from "../../src/model/access.ts";
import { deviceOfKey, seriesKey } from "../../src/model/series-key.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { DashboardDataSchema, MetricSubscriptionSchema, type DashboardData } from "../../src/wire/gen/dashboard_pb.ts";
import type { CallContext } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";

export type Reading = readonly [
  metric: string,
  value: number,
  timeUs?: number | undefined,
  tags?: Readonly<Record<string, string>>,
  source?: string,
];

export const NOTHING_STORED: RangeSource & ExtentSource = {
  extents: async (seriesIds) => new Float64Array(seriesIds.length).fill(NaN),
  range: async () => ({
    slots: new Uint32Array(0),
    offsets: new Uint32Array(1),
    timesUs: new Float64Array(0),
    values: new Float64Array(0),
    resolutionUs: 0,
    isCoarse: false,
    isDamaged: false,
    pointsRead: 0,
    next: null,
  }),
};

export function createRig({ store = NOTHING_STORED, subscriptionsMax = 100, seriesMax = 1e6 } = {}) {
  const clock = new ManualClock();
  const registry = new SeriesRegistry({ seriesMax: 1e6, seriesPerSourceMax: 1e6 });
  const bus = new MemoryBus((error) => {
    throw error;
  });
  const metrics = createMetrics();
  const sites = new Map<string, string>();
  const scopes = new SeriesScopes(registry, {
    siteOf: (device) => sites.get(device) ?? "",
    seriesOf: (device) =>
      [...registry.metrics()].flatMap((metric) =>
        registry.idsOfMetric(metric).filter((id) => deviceOfKey(registry.keyOf(id)) === device),
      ),
  });
  let seq = 0;
  let streams = 0;
  const dashboard = createDashboard({
    memory: {
      tryReserveNow: () => true,
      release() {},
      refusal: () => new WatchpostError("RESOURCE_EXHAUSTED", "full"),
    },
    registry,
    scopes,
    bus,
    store,
    clock,
    metrics,
    options: {
      intervalMsMin: 1_000,
      intervalMsMax: 60_000,
      onChangeHoldMs: 50,
      staleAfterMs: 300_000,
      subscriptionsMax,
      seriesMax,
    },
    queryTimeoutMs: 30_000,
    retire: async (seriesIds) => registry.forget(seriesIds),
    unitOf: () => "",
    newStreamId: () => `stream-${++streams}`,
  });
  const [subscribeMethod, queryMethod] = dashboard.methods;

  function idOf([metric, , , tags = {}, source = "s"]: Reading): number {
    const key = seriesKey(metric, source, Object.entries(tags));
    return registry.idOf(key) ?? (registry.add(key, source) as number);
  }

  /** Commits readings as one frame; without a time they happen now. */
  function publish(...readings: Reading[]): void {
    const nowUs = clock.nowMs() * 1_000;
    bus.publish({
      seq: seq++,
      arrivalMs: clock.nowMs(),
      count: readings.length,
      seriesIds: Uint32Array.from(readings, idOf),
      timesUs: Float64Array.from(readings, ([, , timeUs]) => timeUs ?? nowUs),
      values: Float64Array.from(readings, ([, value]) => value),
    });
  }

  /** A device is registered with another site. */
  function move(device: string, site: string): void {
    sites.set(device, site);
    scopes.moved(device);
  }

  function context(signal = new AbortController().signal, scope: Scope = EVERYTHING): CallContext {
    return {
      signal,
      principal: { ...ANONYMOUS, name: "test", isAuthenticated: false, scope },
      headers: new Map(),
      peer: "test",
    };
  }

  function subscribe(request: MessageInitShape<typeof MetricSubscriptionSchema>, scope?: Scope) {
    const leaving = new AbortController();
    const message = create(MetricSubscriptionSchema, request);
    const updates = subscribeMethod.run(message as never, context(leaving.signal, scope)) as AsyncGenerator<Uint8Array>;
    return {
      /** The next update; undefined when the stream has ended. */
      next: async (): Promise<DashboardData | undefined> => {
        const { done, value } = await updates.next();
        return done ? undefined : fromBinary(DashboardDataSchema, value);
      },
      leave: async () => {
        leaving.abort();
        await updates.return(undefined as never);
      },
    };
  }

  /** Any unary method by its name in the generated code. */
  const call = <T>(name: string, request: unknown, scope?: Scope) => {
    const found = dashboard.methods.find(({ method }) => method.localName === name)!;
    return found.run(create(found.method.input, request as never) as never, context(undefined, scope)) as Promise<T>;
  };
  const query = (request: unknown, scope?: Scope) =>
    queryMethod.run(request as never, context(undefined, scope)) as Promise<unknown>;
  return { clock, registry, scopes, sites, move, idOf, bus, metrics, dashboard, publish, subscribe, query, call };
}

/** "name=value", marked where stale. */
export function shown(update: DashboardData | undefined): string[] {
  return update!.metrics.map(({ name, value, stale }) => `${name}=${value}${stale ? " stale" : ""}`);
}
