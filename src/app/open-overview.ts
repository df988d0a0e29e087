/** How the server stands, and what has happened lately: out of metrics and journal. */
import { tellAlert, tellRule, tellSilence } from "../alerts/tell-changes.ts";
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
import type { ToldPlace } from "../model/told-change.ts";
import { SetAside } from "../model/set-aside.ts";
import { ScopedCounts } from "../overview/scoped-counts.ts";
import { ServerBoard } from "../overview/server-board.ts";
import { overviewMethods } from "../overview/service.ts";
import type { HealthState } from "../transport/health.ts";
import type { MethodImpl } from "../wire/service.ts";
import type { Storage } from "./open-storage.ts";

export interface OverviewDeps {
  readonly devices: Pick<OpenDevices, "count" | "countOf" | "countsIn" | "sightOf">;
  readonly scopes: SeriesScopes;
  readonly sessions: { readonly streams: number };
  readonly health: HealthState;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  isOverloaded(): boolean;
  certificateTrouble(): string | undefined;
}

/** `opening` closes what was opened. */
export async function openOverview(
  { journal, registry, store, bus }: Storage,
  { devices, scopes, sessions, health, clock, metrics, logger, isOverloaded, certificateTrouble }: OverviewDeps,
  opening: AsyncDisposableStack,
): Promise<MethodImpl[]> {
  const pause = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const scoped = new ScopedCounts({ registry, scopes, bus, clock, pause });
  opening.defer(() => scoped.close());
  const board = await ServerBoard.open({
    ...{ metrics, bus, clock, registry, devices, scoped, sessions, isOverloaded, certificateTrouble, build: BUILD },
    disk: async () => (await store.stats()).disk,
    residentBytes: () => process.memoryUsage.rss(),
    notServing: () => health.reason,
  });
  opening.defer(() => board.close());
  return overviewMethods({
    ...{ board, clock, journal },
    tellers: {
      alert: tellAlert,
      device: tellDevice,
      rule: tellRule,
      silence: tellSilence,
      session: tellSession,
      issue: tellIssue,
      annotation: tellAnnotation,
      dashboard: tellDashboard,
    },
    seesPlace: (scope, place) => seesPlace(scope, place, scopes, devices),
    setAside: new SetAside((sentence) => logger.warn({ trouble: sentence }, "a change cannot be told")),
  });
}

/** What is said of a device alone is where that is, or was; what is said of nothing in particular is nowhere. */
function seesPlace(
  scope: Scope,
  { source = "", device = "", site = "" }: ToldPlace,
  scopes: SeriesScopes,
  devices: OverviewDeps["devices"],
): boolean {
  if (source === "" && device !== "") return devices.sightOf(scope).seesThen(device, site);
  if (source === "" && site === "") return false;
  return scopes.seesLabels(scope, { site, ...(source !== "" && { source, device: device || source }) });
}
