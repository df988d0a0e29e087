/** How the server stands, and what has happened lately: out of metrics and journal. */
import { tellAlert, tellRule, tellSilence } from "../alerts/tell-changes.ts";
import type { Visibility } from "../collaboration/seen/visibility.ts";
import { tellAnnotation, tellIssue, tellSession } from "../collaboration/tell-changes.ts";
import { tellDashboard } from "../dashboard/saved/tell-dashboard.ts";
import type { OpenDevices } from "../devices/open-devices.ts";
import { tellDevice } from "../devices/tell-changes.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Scope } from "../model/access.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { seesAlert } from "../model/sees-alert.ts";
import { SetAside } from "../model/set-aside.ts";
import type { CallBook } from "../overview/call-book.ts";
import type { LogLevel } from "../overview/log-level.ts";
import { ScopedCounts } from "../overview/scoped-counts.ts";
import { ServerBoard } from "../overview/server-board.ts";
import type { LimitedCaller } from "../overview/server-problems.ts";
import { overviewMethods } from "../overview/service.ts";
import type { HealthState } from "../transport/health.ts";
import type { MethodImpl } from "../wire/service.ts";
import { residentBytes } from "../process-metrics.ts";
import type { Storage } from "./open-storage.ts";

export interface OverviewDeps {
  readonly devices: Pick<OpenDevices, "count" | "countOf" | "countsIn" | "sightOf">;
  readonly scopes: SeriesScopes;
  readonly visibility: Visibility;
  readonly sessions: { readonly streams: number };
  readonly health: HealthState;
  readonly limits: { lately(max: number): readonly LimitedCaller[] };
  readonly calls: CallBook;
  readonly logLevel: LogLevel;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  isOverloaded(): boolean;
  certificateTrouble(): string | undefined;
}

/** Told of in the status. */
const LIMITED_SHOWN_MAX = 5;

/** `opening` closes what was opened. */
export async function openOverview(
  { journal, registry, store, bus }: Storage,
  {
    devices,
    scopes,
    sessions,
    visibility,
    limits,
    health,
    calls,
    logLevel,
    clock,
    metrics,
    logger,
    isOverloaded,
    certificateTrouble,
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
      build: BUILD,
    },
    disk: async () => (await store.stats()).disk,
    residentBytes,
    notServing: () => health.reason,
    limited: () => limits.lately(LIMITED_SHOWN_MAX),
  });
  opening.defer(() => board.close());
  const seesIn = (scope: Scope) => visibility.sees(scope);
  return overviewMethods({
    ...{ board, clock, journal, calls, logLevel },
    tellers: {
      alert: tellAlert((scope, labels) => seesAlert(scope, scopes)(labels)),
      device: tellDevice((scope, id, site) => devices.sightOf(scope).seesThen(id, site)),
      rule: tellRule,
      silence: tellSilence,
      session: tellSession(seesIn),
      issue: tellIssue(seesIn),
      annotation: tellAnnotation(seesIn),
      dashboard: tellDashboard,
    },
    setAside: new SetAside((sentence) => logger.warn({ trouble: sentence }, "a change cannot be told")),
  });
}
