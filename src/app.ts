/** The composition root: opens everything in order, closes it in reverse. */
import { edenGC, fullGC } from "bun:jsc";
import { resolve } from "node:path";
import { openAlerts } from "./alerts/open-alerts.ts";
import { replayedAlert } from "./alerts/replayed-alert.ts";
import { stampOf, watchFile } from "./alerts/rules-watch.ts";
import { readRulesFile } from "./alerts/read-rules-file.ts";
import { storedHistory } from "./alerts/stored-history.ts";
import { MemoryBus } from "./bus/memory-bus.ts";
import { openCollaboration } from "./collaboration/open-collaboration.ts";
import { openReplay } from "./collaboration/replay/replay-methods.ts";
import type { Config } from "./config/config.ts";
import { backupMethods } from "./dashboard/backup.ts";
import { createDashboard } from "./dashboard/service.ts";
import { storeStatsMethods } from "./dashboard/store-stats.ts";
import { ArrivalStamps } from "./ingestion/arrival-stamps.ts";
import { watchClock } from "./ingestion/clock-trust.ts";
import { Committer } from "./ingestion/committer.ts";
import { Intake } from "./ingestion/intake.ts";
import { MemoryBudget } from "./ingestion/memory-budget.ts";
import { watchOverload } from "./ingestion/overload.ts";
import { seriesResolver } from "./ingestion/resolve-series.ts";
import { ingestionMethods } from "./ingestion/service.ts";
import { Journal } from "./log/journal.ts";
import { forgetOld, trimSlice } from "./log/journal-retention.ts";
import { LogClient } from "./log/log-client.ts";
import { framesAfter } from "./log/frames-after.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { BUILD } from "./model/build-info.ts";
import { BufferPool } from "./model/buffer-pool.ts";
import { BurstGarbage } from "./model/burst-garbage.ts";
import type { Clock } from "./model/clock.ts";
import { messageOf } from "./model/errors.ts";
import type { Logger } from "./model/logger.ts";
import { SeriesRegistry } from "./model/series-registry.ts";
import type { SpawnWorker } from "./model/spawn.ts";
import { systemClock } from "./model/system-clock.ts";
import { watchProcess } from "./process-metrics.ts";
import type { RangeQuery } from "./store/protocol.ts";
import { retireSeries } from "./store/retire-series.ts";
import { StoreClient } from "./store/store-client.ts";
import { tellDropped } from "./store/tell-dropped.ts";
import { startGrpcServer } from "./transport/grpc-server.ts";
import { HealthState } from "./transport/health.ts";
import { refuseWhatOthersReach } from "./transport/others-reach.ts";
import { ReceivedBytes } from "./transport/received-bytes.ts";
import { startWebServer } from "./transport/web-server.ts";
import { commandsOf } from "./wire/call-method.ts";
import { BatchDecoder } from "./wire/decode-batch.ts";
import { DataIngestion } from "./wire/gen/ingestion_pb.ts";
import { SeriesCache } from "./wire/series-cache.ts";

export interface ServerDeps {
  readonly spawn: SpawnWorker;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** A worker has ended by itself: nothing can be kept any more. Called once. */
  onFatal(error: Error): void;
}

export interface RunningServer {
  /** host:port, as bound. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly series: number;
  readonly replayedPoints: number;
  /** Stops accepting, ends streams within `shutdown_grace`, seals, closes. Idempotent. */
  close(): Promise<void>;
}

const RETRY_AFTER_MS = 1_000;
/** Of the memory budget, this part at most may be messages that are arriving. */
const RECEIVED_SHARE = 2;
/** One generation of the head; another may be being sealed meanwhile. */
const HEAD_SHARE = 4;
/** Buffers of log records: a full frame takes 1.3 MB; a few are on their way between the threads at once. */
const RECORD_POOLED_BYTES_MIN = 64 * 1024;
const RECORD_POOLED_BYTES_MAX = 2 * 1024 * 1024;
const RECORD_POOL_BYTES_MAX = 8 * 1024 * 1024;

/** Starts a server. What was opened is closed again when a later step fails. */
export async function startServer(config: Config, deps: ServerDeps): Promise<RunningServer> {
  const { spawn, logger, clock = systemClock } = deps;
  const addresses = [config.grpc, config.http];
  if (!config.insecure) addresses.forEach(refuseWhatOthersReach);

  await using opening = new AsyncDisposableStack();
  const metrics = createMetrics();
  metrics.buildInfo.set({ ...BUILD }, 1);
  const health = new HealthState();
  const onDamage = (sentence: string) => {
    metrics.damaged.inc();
    logger.error({ damage: sentence }, "damaged data: it is not served");
  };
  const onCrash = once((error: Error) => {
    health.fail(messageOf(error));
    deps.onFatal(error);
  });

  const { log, opened: logOpened } = await LogClient.open(spawn, {
    dir: config.data,
    segmentBytesMax: config.store.segment_bytes_max,
    syncIntervalMs: config.store.sync_interval,
  });
  opening.defer(() => log.close());
  log.onCrash(onCrash);
  // Alerts read what they did not get to before.
  const letGoOfLog = log.hold();
  logOpened.damage.forEach(onDamage);
  const journal = new Journal({
    log,
    opened: logOpened.journal,
    onListenerError: (error) => logger.error({ err: error }, "a follower of the journal failed"),
    onDamage,
  });
  opening.defer(() => journal.close());

  const registry = new SeriesRegistry({
    seriesMax: config.ingest.series_max,
    seriesPerSourceMax: config.ingest.series_per_source_max,
  });
  for (const definition of logOpened.series) registry.restore(definition);
  registry.forget(logOpened.retired);

  const { store, opened: storeOpened } = await StoreClient.open(spawn, {
    dir: config.data,
    segments: logOpened.segments,
    retired: logOpened.retired,
    headPointsMax: config.store.head_points_max,
    headBytesMax: config.memory.budget / HEAD_SHARE,
    sealAgeMs: config.store.seal_age,
    periodFileBytesMax: config.store.period_file_bytes_max,
    mergeRunsMin: config.store.merge_runs_min,
    retention: {
      rawMs: config.retention.raw,
      rollup1mMs: config.retention.rollup_1m,
      rollup1hMs: config.retention.rollup_1h,
      budgetBytes: config.retention.disk_budget,
      freeFloor: config.retention.free_floor,
    },
  });
  opening.defer(() => store.close());
  store.onCrash(onCrash);
  store.onDamage(onDamage);
  store.onTrouble((sentence) => logger.error({ trouble: sentence }, "the store has trouble"));
  store.onDropped((dropped) => {
    metrics.droppedPoints.inc({ reason: dropped.reason }, dropped.points);
    metrics.droppedBytes.inc({ reason: dropped.reason }, dropped.bytes);
    tellDropped(dropped, logger);
  });
  storeOpened.damage.forEach(onDamage);

  log.onUnsynced((sentence) => {
    logger.error({ unsynced: sentence }, "the log cannot be synced: what is acknowledged is sealed at once");
    store.seal().catch(() => {});
  });

  let onClockTrusted = () => {};
  const isClockTrusted = watchClock(clock, storeOpened.newestArrivalMs, (trusted) => {
    metrics.clockUntrusted.set(trusted ? 0 : 1);
    if (trusted) {
      onClockTrusted();
      return logger.info({}, "the wall clock has caught up with the newest stored arrival");
    }
    logger.warn({}, "the wall clock is behind the newest stored arrival: points of any time are taken, and marked");
  });

  const budget = new MemoryBudget(
    { limitBytes: config.memory.budget, waitMsMax: config.memory.wait_max, retryAfterMs: RETRY_AFTER_MS },
    clock,
  );
  budget.addPart(() => store.unsealedBytes);
  const received = new ReceivedBytes(config.memory.budget / RECEIVED_SHARE);
  budget.addPart(() => received.bytes);
  received.onShrunk = () => budget.partShrank();
  store.onSealed(({ throughSeq, superseded, durationMs }) => {
    metrics.sealSeconds.observe(durationMs / 1_000);
    metrics.superseded.inc(superseded);
    log.release(throughSeq);
    budget.partShrank();
  });

  const records = new BufferPool(RECORD_POOLED_BYTES_MIN, RECORD_POOLED_BYTES_MAX, RECORD_POOL_BYTES_MAX);
  store.onSpare((buffer) => records.give(buffer));
  const bus = new MemoryBus((error) => logger.error({ err: error }, "a subscriber of committed frames failed"));
  const garbage = new BurstGarbage({ collectYoung: edenGC, collectAll: fullGC }, clock);
  opening.defer(() => garbage.close());
  // Evaluates what is committed to the last: it is closed after the committer.
  const rulesFile = config.alerts.rules_file;
  // From before it is read: what changes meanwhile is a change.
  const rulesStamp = rulesFile === undefined ? null : stampOf(rulesFile);
  const alertsFileIn = async (file: string, taken: readonly string[]) => {
    const { rules, sections } = await readRulesFile(file, taken, spawn);
    const { notifySetupOf } = await import("./alerts/notify-setup.ts");
    return { rules, notify: notifySetupOf(sections, process.env) };
  };
  const alertsDeps = {
    registry,
    bus,
    clock,
    journal,
    latest: storeOpened.latest,
    newestArrivalMs: storeOpened.newestArrivalMs,
    history: storedHistory(store, clock, (sentence) =>
      logger.warn({ trouble: sentence }, "alerts do not know the past"),
    ),
    framesAfter: (arrivalMs: number) =>
      arrivalMs < storeOpened.newestArrivalMs ? framesAfter(logOpened.segments, arrivalMs) : [],
    staleAfterMs: config.live.stale_after,
    testTimeoutMs: config.query.timeout,
    range: (query: RangeQuery, options: { readonly signal: AbortSignal }) => store.range(query, options),
    newId: () => crypto.randomUUID(),
    newIncidentId: () => crypto.randomUUID(),
    random: Math.random,
    garbage,
    onTrouble: (sentence: string) => logger.error({ trouble: sentence }, "alerts have trouble"),
    onNotice: (sentence: string) => logger.info({ notice: sentence }, "a notice of alerts"),
  };
  const alerts = await openAlerts(alertsDeps, rulesFile === undefined ? undefined : await alertsFileIn(rulesFile, []));
  opening.defer(() => alerts.close());
  letGoOfLog();
  // Checks that need the time of day wait for it.
  alerts.setHearing(isClockTrusted(), "clock");
  onClockTrusted = () => alerts.setHearing(true, "clock");
  const reloadRules = async (file: string) => {
    try {
      const content = await alertsFileIn(file, alerts.rules.namesOfCalls());
      await alerts.reload(content);
      logger.info({ file, rules: content.rules.length }, "the rules file has changed: its rules are in force");
    } catch (error) {
      logger.error(
        { file, err: error },
        `the rules file has changed and is wrong, the rules before stay: ${messageOf(error)}`,
      );
    }
  };
  if (rulesFile !== undefined) opening.defer(watchFile(rulesFile, clock, () => reloadRules(rulesFile), rulesStamp));
  const collaboration = await openCollaboration({
    journal,
    clock,
    metrics,
    options: { streamsMax: config.sessions.streams_max, messagesPerSecond: config.sessions.messages_per_second },
    garbage,
    commands: commandsOf(alerts.methods),
    openings: {
      of: (rule) => alerts.rules.get(rule)?.rule.opens ?? [],
      isAny: () => alerts.rules.isOpening,
    },
    newId: () => crypto.randomUUID(),
    sees: () => true,
    onTrouble: (sentence) => logger.error({ trouble: sentence }, "sessions have trouble"),
  });
  opening.defer(() => collaboration.close());
  const replayed = await openReplay({
    ...collaboration.made,
    journal,
    store,
    registry,
    clock,
    pause: () => new Promise((resolve) => void setImmediate(resolve)),
    replayedAlert,
    sessionFor: (id, context) => collaboration.sessionFor(id, context),
    isTaken: (id) => collaboration.rooms.isTaken(id),
    whileAway: (id, run) => collaboration.rooms.whileAway(id, run),
  });
  const onGrowth = (sentence: string) => logger.error({ trouble: sentence }, "the journal grows");
  const forgetting = { clock, onTrouble: onGrowth };
  const slices = [trimSlice(journal, clock), alerts.forgetOld];
  opening.defer(forgetOld(slices, { ...forgetting, keptMs: config.retention.journal }));
  opening.defer(forgetOld([collaboration.forgetOld], { ...forgetting, keptMs: config.retention.sessions }));
  const committer = new Committer({
    log,
    store,
    bus,
    registry,
    clock,
    metrics,
    nextSeq: logOpened.nextSeq,
    definedThrough: registry.idEnd - 1,
    isClockTrusted,
    onLogState: (error) => {
      health.fail(error && `the log cannot be written: ${error.message}`, DataIngestion.typeName);
      if (error === undefined) return logger.info({}, "the log can be written again");
      logger.error({ err: error }, `the log cannot be written: uploads are refused until it can (${error.message})`);
      if (error.status === "RESOURCE_EXHAUSTED") store.retain();
    },
    takeBuffer: (bytes) => records.take(bytes),
    defer: (run) => void setImmediate(run),
  });
  opening.defer(() => committer.drained());
  const signs = {
    refused: () => budget.refused + received.refused,
    waitedMs: () => budget.waitedMs,
    isFailing: () => committer.failure !== undefined,
  };
  // While points are refused nobody can be heard, and nobody is silent.
  const setOverloaded = (isOverloaded: boolean) => {
    alerts.setHearing(!isOverloaded, "overload");
    if (isOverloaded) logger.warn({}, "points are refused or have to wait: until they get through no series is silent");
    else logger.info({}, "points get through again");
  };
  opening.defer(watchOverload(signs, clock, setOverloaded));

  const cache = new SeriesCache(crypto.getRandomValues(new Uint32Array(1))[0]);
  const intake = new Intake({
    decoder: new BatchDecoder(seriesResolver(registry), cache),
    committer,
    stamps: new ArrivalStamps(clock),
    clock,
    futureMaxMs: config.ingest.future_max,
    rawAgeLimitMs: config.retention.raw,
    isClockTrusted,
  });
  const dashboard = createDashboard({
    registry,
    bus,
    store,
    clock,
    metrics,
    latest: storeOpened.latest,
    retire: (seriesIds) => retireSeries(seriesIds, { log, store, registry, cache }),
    newStreamId: () => crypto.randomUUID(),
    memory: budget,
    queryTimeoutMs: config.query.timeout,
    options: {
      intervalMsMin: config.live.interval_min,
      intervalMsMax: config.live.interval_max,
      onChangeHoldMs: config.live.on_change_hold,
      staleAfterMs: config.live.stale_after,
      subscriptionsMax: config.live.subscriptions_max,
      seriesMax: config.live.series_max,
    },
  });
  opening.defer(() => dashboard.close());

  const stopWatching = watchProcess(metrics, {
    ...{ registry, store, log, budget, received, cache },
    sessions: collaboration.rooms,
  });
  opening.defer(stopWatching.stop);

  const methods = [
    ...ingestionMethods({ intake, budget, clock, metrics, newUploadId: () => crypto.randomUUID() }),
    ...dashboard.methods,
    ...alerts.methods,
    ...collaboration.methods,
    ...replayed,
    ...backupMethods({ store, state: log, clock, newBackupId: () => crypto.randomUUID() }),
    ...storeStatsMethods(async () => {
      const [stored, logged] = await Promise.all([store.stats(), log.stats()]);
      return { series: registry.count, dataDirectory: resolve(config.data), store: stored, log: logged };
    }),
  ];
  const shared = {
    methods,
    health,
    received,
    onCall: (method: string, status: string) => metrics.calls.inc({ method, status }),
    onDefect: (error: unknown, method: string) => logger.error({ err: error, method }, "a call failed on a defect"),
  };
  const grpc = await startGrpcServer({
    ...shared,
    address: config.grpc,
    limits: { concurrentStreamsMax: config.ingest.streams_max },
  });
  opening.defer(() => grpc.drain(0));
  const web = await startWebServer({
    ...shared,
    address: config.http,
    origins: config.live.origins,
    metricsText: stopWatching.text,
  });
  opening.defer(() => web.drain(0));
  health.serve();

  const opened = opening.move();
  const close = once(async () => {
    health.drain();
    collaboration.stop();
    // Whoever watches the health hears of it before its stream is ended.
    await new Promise((resolve) => void setImmediate(resolve));
    await Promise.all([grpc.drain(config.shutdown_grace), web.drain(config.shutdown_grace)]);
    await opened.disposeAsync();
  });
  return {
    grpcAddress: grpc.address,
    httpAddress: web.address,
    series: registry.count,
    replayedPoints: storeOpened.replayedPoints,
    close,
  };
}

function once<A extends unknown[], R>(run: (...args: A) => R): (...args: A) => R {
  let result: { readonly value: R } | undefined;
  return (...args) => (result ??= { value: run(...args) }).value;
}
