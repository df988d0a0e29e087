/** How the server stands, out of its metrics. */
import type { OpenDevices } from "../devices/open-devices.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { CallBook } from "../overview/call-book.ts";
import type { LogLevel } from "../overview/log-level.ts";
import { ScopedCounts } from "../overview/scoped-counts.ts";
import { ServerBoard } from "../overview/server-board.ts";
import type { LimitedCaller, RedisTrouble } from "../overview/server-problems.ts";
import { overviewMethods } from "../overview/service.ts";
import type { HealthState } from "../transport/health.ts";
import type { MethodImpl } from "../wire/service.ts";
import { residentBytes } from "../process-metrics.ts";
import type { Storage } from "./open-storage.ts";

export interface OverviewDeps {
  readonly devices: Pick<OpenDevices, "count" | "countOf" | "countsIn">;
  readonly scopes: SeriesScopes;
  readonly sessions: { readonly streams: number };
  readonly health: HealthState;
  readonly limits: { lately(max: number): readonly LimitedCaller[] };
  readonly calls: CallBook;
  readonly logLevel: LogLevel;
  readonly clock: Clock;
  readonly metrics: Metrics;
  isOverloaded(): boolean;
  certificateTrouble(): string | undefined;
  redisTrouble(): RedisTrouble | undefined;
  isDeskKnown(): boolean;
  remoteWriteTrouble(): string | undefined;
}

/** Told of in the status. */
const LIMITED_SHOWN_MAX = 5;

/** `opening` closes what was opened. */
export async function openOverview(
  { registry, store, bus }: Storage,
  {
    devices,
    scopes,
    sessions,
    limits,
    health,
    calls,
    logLevel,
    clock,
    metrics,
    isOverloaded,
    certificateTrouble,
    redisTrouble,
    isDeskKnown,
    remoteWriteTrouble,
  }: OverviewDeps,
  opening: AsyncDisposableStack,
): Promise<MethodImpl[]> {
  const pause = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const scoped = new ScopedCounts({ registry, scopes, bus, clock, pause });
  opening.defer(() => scoped.close());
  const board = await ServerBoard.open({
    ...{
      metrics,
      bus,
      clock,
      registry,
      devices,
      scoped,
      sessions,
      calls,
      logLevel,
      isOverloaded,
      certificateTrouble,
      redisTrouble,
      isDeskKnown,
      remoteWriteTrouble,
      build: BUILD,
    },
    disk: async () => (await store.stats()).disk,
    residentBytes,
    notServing: () => health.reason,
    limited: () => limits.lately(LIMITED_SHOWN_MAX),
  });
  opening.defer(() => board.close());
  return overviewMethods({ board, clock, calls, logLevel });
}
