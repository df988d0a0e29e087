/** Alerts with their rules file, which is read again when it changes. */
import { cameSince } from "../alerts/evaluation/came-since.ts";
import { openAlerts, type OpenAlerts } from "../alerts/open-alerts.ts";
import { readRulesFile } from "../alerts/read-rules-file.ts";
import { stampOf, watchFile } from "../alerts/rules-watch.ts";
import { storedHistory } from "../alerts/stored-history.ts";
import type { Config } from "../config/config.ts";
import { framesAfter } from "../log/frames-after.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { DeviceStandings } from "../model/device-standing.ts";
import { messageOf } from "../model/errors.ts";
import type { Logger } from "../model/logger.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { RangeQuery } from "../store/protocol.ts";
import type { Storage } from "./open-storage.ts";

export interface AlertingDeps {
  readonly spawn: SpawnWorker;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly scopes: SeriesScopes;
  readonly devices: DeviceStandings;
  /** Devices above one, the nearest first. */
  parentsOf(device: string): readonly string[];
}

/** `opening` closes what was opened. `reread` reads the rules file again, if there is one. */
export async function openAlerting(
  config: Config,
  storage: Storage,
  { spawn, logger, clock, metrics, scopes, devices, parentsOf }: AlertingDeps,
  opening: AsyncDisposableStack,
): Promise<{ alerts: OpenAlerts; reread(): Promise<void> }> {
  const { registry, bus, journal, history, storeOpened, logOpened, garbage, isClockTrusted, whenClockTrusted } =
    storage;
  // Evaluates what is committed to the last: it is closed after the committer.
  const rulesFile = config.alerts.rules_file;
  // From before it is read: what changes meanwhile is a change.
  const rulesStamp = rulesFile === undefined ? null : stampOf(rulesFile);
  const alertsFileIn = async (file: string, taken: readonly string[]) => {
    const { rules, sections } = await readRulesFile(file, taken, spawn);
    const { notifySetupOf } = await import("../alerts/notify-setup.ts");
    return { rules, notify: notifySetupOf(sections, process.env) };
  };
  const onTrouble = (sentence: string) => logger.error({ trouble: sentence }, "alerts have trouble");
  const cameHere = (seriesIds: Iterable<number>, afterMs: number) =>
    cameSince(seriesIds, afterMs, { history, clock, onTrouble });
  const alertsDeps = {
    devices,
    ...(storage.seriesMarks && { marks: storage.seriesMarks }),
    ...(storage.lasting && { lasting: storage.lasting }),
    ...(storage.spreading && { spreading: { ...storage.spreading, cameSince: cameHere } }),
    scopes,
    registry,
    bus,
    clock,
    journal,
    latest: storeOpened.latest,
    newestArrivalMs: storeOpened.newestArrivalMs,
    arrivingSinceMs: () => storage.arriving.sinceMs(),
    history: storedHistory(history, clock, (sentence) =>
      logger.warn({ trouble: sentence }, "alerts do not know the past"),
    ),
    framesAfter: (arrivalMs: number) =>
      arrivalMs < storeOpened.newestArrivalMs ? framesAfter(logOpened.segments, arrivalMs) : [],
    staleAfterMs: config.live.stale_after,
    testTimeoutMs: config.query.timeout,
    range: (query: RangeQuery, options: { readonly signal: AbortSignal }) => history.range(query, options),
    ...(rulesFile === undefined ? {} : { rulesFile }),
    newId: () => crypto.randomUUID(),
    newIncidentId: () => crypto.randomUUID(),
    parentsOf,
    random: Math.random,
    metrics,
    garbage,
    onTrouble,
    onNotice: (sentence: string) => logger.info({ notice: sentence }, "a notice of alerts"),
  };
  const alerts = await openAlerts(alertsDeps, rulesFile === undefined ? undefined : await alertsFileIn(rulesFile, []));
  opening.defer(() => alerts.close());
  storage.letGoOfLog();
  // Checks that need the time of day wait for it.
  alerts.setHearing(isClockTrusted(), "clock");
  whenClockTrusted(() => alerts.setHearing(true, "clock"));
  const readAgain = async (file: string) => {
    try {
      const content = await alertsFileIn(file, alerts.rules.namesOfCalls());
      await alerts.reload(content);
      logger.info({ file, rules: content.rules.length }, "the rules file was read again: its rules are in force");
    } catch (error) {
      logger.error(
        { file, err: error },
        `the rules file was read again and is wrong, the rules before stay: ${messageOf(error)}`,
      );
    }
  };
  // One after the other, whoever asks for it.
  let underWay = Promise.resolve();
  const reread = () => (underWay = underWay.then(() => (rulesFile === undefined ? undefined : readAgain(rulesFile))));
  if (rulesFile !== undefined) opening.defer(watchFile(rulesFile, clock, reread, rulesStamp));
  return { alerts, reread };
}
