/** The desk: what operators work with. Devices, alerts, sessions, saved dashboards, and what is told of all these. */
import type { OpenAlerts } from "../alerts/open-alerts.ts";
import type { OpenCollaboration } from "../collaboration/open-collaboration.ts";
import type { Config } from "../config/config.ts";
import type { SavedDashboards } from "../dashboard/saved/saved-dashboards.ts";
import type { LatestPoint } from "../devices/device-message.ts";
import type { OpenDevices } from "../devices/open-devices.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { MethodImpl } from "../wire/service.ts";
import { changesFor } from "./changes-for.ts";
import { deviceStandings } from "./device-standings.ts";
import { openAlerting } from "./open-alerting.ts";
import { openDashboards } from "./open-dashboards.ts";
import { openDeviceRegistry } from "./open-device-registry.ts";
import { openSessions } from "./open-sessions.ts";
import type { Storage } from "./open-storage.ts";
import type { Places } from "./places.ts";

export interface DeskDeps {
  readonly spawn: SpawnWorker;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly scopes: SeriesScopes;
  /** Follows the devices of this desk as soon as there are any. */
  readonly places: Places;
  valueOf(seriesId: number): LatestPoint | undefined;
  /** Resolves once {@link valueOf} knows what other nodes know of these. */
  learn(seriesIds: Uint32Array): Promise<void>;
  /** Methods that write down who did what. */
  written(methods: readonly MethodImpl[]): readonly MethodImpl[];
}

export interface Desk {
  /** Not yet {@link DeskDeps.written}. */
  readonly methods: readonly MethodImpl[];
  readonly devices: OpenDevices;
  readonly alerts: OpenAlerts;
  readonly collaboration: OpenCollaboration;
  readonly dashboards: SavedDashboards;
  /** While points are refused nobody can be heard, and nobody is silent. */
  setHearing(isHearing: boolean, reason: string): void;
  /** Reads the rules file again, if there is one. What is wrong in it is logged, and what was in force stays. */
  reload(): Promise<void>;
}

/** `opening` closes what was opened. It lives on what is committed to the last: it is to be closed after the committer. */
export async function openDesk(
  config: Config,
  storage: Storage,
  { spawn, logger, clock, metrics, scopes, places, valueOf, learn, written }: DeskDeps,
  opening: AsyncDisposableStack,
): Promise<Desk> {
  const devices = await openDeviceRegistry(config, storage, { logger, clock, scopes, valueOf, learn }, opening);
  places.use(devices);
  opening.defer(devices.onMoved((deviceId) => scopes.moved(deviceId)));
  const { parentsOf } = devices;
  const { alerts, reread } = await openAlerting(
    config,
    storage,
    { spawn, logger, clock, metrics, scopes, parentsOf, devices: deviceStandings(devices) },
    opening,
  );
  const sessions = await openSessions(config, storage, { alerts, scopes, written, logger, clock, metrics }, opening);
  const dashboards = await openDashboards(config, storage, { logger, clock });
  const { visibility } = sessions.collaboration;
  const changes = changesFor({ journal: storage.journal, devices, scopes, visibility, logger });
  return {
    methods: [...dashboards.methods, ...alerts.methods, ...devices.methods, ...sessions.methods, ...changes],
    devices,
    alerts,
    collaboration: sessions.collaboration,
    dashboards: dashboards.saved,
    setHearing(isHearing, reason) {
      for (const listening of [alerts, devices]) listening.setHearing(isHearing, reason);
    },
    reload: reread,
  };
}
