/** The composition root: opens everything in order, closes it in reverse. */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { checkTabled } from "./access/table.ts";
import type { OwnCaller } from "./access/callers.ts";
import { openAccess } from "./app/open-access.ts";
import { openBridges } from "./app/open-bridges.ts";
import { openCertificate } from "./app/open-certificate.ts";
import { openDesk } from "./app/open-desk.ts";
import { openDoors } from "./app/open-doors.ts";
import { openIntake } from "./app/open-intake.ts";
import { openOverview } from "./app/open-overview.ts";
import { openRemoteWrite } from "./app/open-remote-write.ts";
import { openStorage, type Storage } from "./app/open-storage.ts";
import { openTraces } from "./app/open-traces.ts";
import { openUpstream, type OpenUpstream } from "./app/open-upstream.ts";
import { Places } from "./app/places.ts";
import type { Config } from "./config/config.ts";
import { consoleContent } from "./app/console-content.ts";
import { deskFigures } from "./app/desk-figures.ts";
import { deskHere, type DeskSeat } from "./app/desk-seat.ts";
import { nodesOf } from "./app/nodes-of.ts";
import { nodeHistoryMethods } from "./cluster/history/service.ts";
import { backupMethods } from "./dashboard/backup.ts";
import { createDashboard } from "./dashboard/service.ts";
import { storeStatsMethods } from "./dashboard/store-stats.ts";
import { bridgeMethods } from "./edge/mqtt/service.ts";
import { ingestionMethods } from "./ingestion/service.ts";
import { CallBook } from "./overview/call-book.ts";
import { LogLevel, type LevelledLog } from "./overview/log-level.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { BUILD } from "./model/build-info.ts";
import type { Clock } from "./model/clock.ts";
import type { DeviceEvent } from "./model/device-event.ts";
import { messageOf } from "./model/errors.ts";
import type { Logger } from "./model/logger.ts";
import { PointRate } from "./model/point-rate.ts";
import { SeriesScopes } from "./model/series-scopes.ts";
import type { MethodImpl } from "./wire/service.ts";
import type { SpawnWorker } from "./model/spawn.ts";
import { systemClock } from "./model/system-clock.ts";
import { watchProcess } from "./process-metrics.ts";
import { retireSeries } from "./store/retire-series.ts";
import { nameOf } from "./transport/guarded.ts";
import type { CertificateSource } from "./transport/certificate-source.ts";
import { DrainingGate } from "./transport/draining-gate.ts";
import { startGrpcServer } from "./transport/grpc-server.ts";
import { HealthState } from "./transport/health.ts";
import { refuseWhatOthersReach } from "./transport/others-reach.ts";
import { ConsoleFiles } from "./transport/console-files.ts";
import { startWebServer, WEB_ROUTES } from "./transport/web-server.ts";

export interface ServerDeps {
  readonly spawn: SpawnWorker;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Who calls from within this process, as others do. */
  readonly own?: OwnCaller;
  /** Of the log, to be changed while it runs; left out: it cannot be. */
  readonly log?: LevelledLog;
  /** Aborted when it is asked to stop, also while it starts: what it waits for then is not waited for any more. */
  readonly signal?: AbortSignal;
  /** How far a long start has come: so many points of the log are read. At most once a second. */
  onReplayed?(points: number): void;
  /** A worker has ended by itself: nothing can be kept any more. Called once. */
  onFatal(error: Error): void;
}

export interface RunningServer {
  /** host:port, as bound. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly series: number;
  readonly replayedPoints: number;
  /** Of both ports; undefined: they are without TLS. */
  readonly certificate: CertificateSource | undefined;
  /** Resolves once all threads have answered: none of them hangs. Fails where one is gone. */
  probe(): Promise<void>;
  /** Reads again what it was told in files. What is wrong in them is logged, and what was in force stays. */
  reload(): Promise<void>;
  /** Stops accepting, ends streams within `shutdown_grace`, seals, closes. Idempotent. */
  close(): Promise<void>;
}

/** Starts a server. What was opened is closed again when a later step fails. Rejects with CANCELLED where it waited and `deps.signal` is aborted. */
export async function startServer(config: Config, deps: ServerDeps): Promise<RunningServer> {
  const { spawn, logger, clock = systemClock } = deps;

  await using opening = new AsyncDisposableStack();
  const metrics = createMetrics();
  metrics.buildInfo.set({ ...BUILD }, 1);
  const logLevel = new LogLevel({ log: deps.log, logger, clock });
  opening.defer(() => logLevel.close());
  const slow = { slowCallMs: config.slow.call, slowReaderMs: config.slow.reader };
  const calls = new CallBook({ clock, logger, metrics, ...slow, isVerbose: () => logLevel.isDebug });
  opening.defer(() => calls.close());
  const traces = await openTraces(config, { clock, logger, metrics }, opening);
  const tls = await openCertificate(config, { clock, logger, metrics }, opening);
  const health = new HealthState();
  const onCrash = once((error: Error) => {
    health.fail(messageOf(error));
    deps.onFatal(error);
  });

  const storage = await openStorage(config, { ...deps, clock, metrics, onCrash }, opening);
  const { log, registry, schemas, store, storeOpened, budget, received } = storage;
  const rate = new PointRate();
  opening.defer(storage.bus.subscribe(({ count }) => rate.add(count, clock.monotonicMs())));
  const pointsPerS = () => rate.perS(clock.monotonicMs());
  const { url } = config.redis;
  const clusterDeps = { health, pointsPerS, spawn, clock, logger, metrics, signal: deps.signal, onCrash };
  const cluster =
    url === undefined
      ? undefined
      : await (await import("./app/open-cluster.ts")).openCluster(config, url, storage, clusterDeps, opening);
  // What all nodes have together, where there are others.
  const common =
    cluster === undefined
      ? storage
      : { ...storage, journal: cluster.journal, bus: cluster.everywhere, history: cluster.history };
  const asksForCertificates = tls?.source.files.clientCa !== undefined;
  const access = await openAccess(
    config,
    common,
    { logger, clock, metrics, isTls: tls !== undefined, asksForCertificates, own: deps.own, nodes: cluster?.key },
    opening,
  );
  const gate = new DrainingGate({ gate: access.gate, health, clock });
  const protection = { asksWho: access.gate.isOn, isEncrypted: tls !== undefined };
  if (!config.insecure) for (const address of [config.grpc, config.http]) refuseWhatOthersReach(address, protection);
  const places = new Places();
  const scopes = new SeriesScopes(registry, places);
  const written = (impls: readonly MethodImpl[]) => access.deeds.written(impls);
  const valueOf = (seriesId: number) => dashboard.valueOf(seriesId);
  const learn = (seriesIds: Uint32Array) => dashboard.learn(seriesIds);
  const deskDeps = { spawn, logger, clock, metrics, scopes, places, valueOf, learn, written };
  await cluster?.followDevices(places, scopes, opening);
  let upstream: OpenUpstream | undefined;
  const openOwn = async (ground: Storage, stack: AsyncDisposableStack) => {
    const opened = await openDesk(config, ground, deskDeps, stack);
    if (cluster !== undefined) await upstream?.tellEvents(ground.journal, opened.methods, stack);
    return opened;
  };
  const desk: DeskSeat =
    cluster === undefined
      ? deskHere(await openOwn(storage, opening), written)
      : cluster.seat({ written, openDesk: openOwn });
  const figures = deskFigures(desk);
  let isOverloaded = false;
  const onOverload = (isNow: boolean) => {
    isOverloaded = isNow;
    desk.setHearing(!isNow, "overload");
  };
  const ways = openIntake(
    config,
    storage,
    { health, logger, clock, metrics, scopes, onOverload, beginSpan: traces?.own },
    opening,
  );
  const { cache, forwarding, takePoints } = ways;

  const isShared = cluster !== undefined;
  const upstreamDeps = { forwarding, scopes, deskMethods: desk.methods, isShared, logger, clock, metrics };
  upstream = await openUpstream(config, storage, upstreamDeps, opening);
  const remoteWrite = await openRemoteWrite(config, storage, { logger, clock, metrics }, opening);

  const retireOwn = (seriesIds: Uint32Array) => retireSeries(seriesIds, { log, store, registry, cache });
  const dashboard = createDashboard({
    registry,
    scopes,
    bus: common.bus,
    store: common.history,
    ...(cluster !== undefined && { newest: cluster.history.newest, nowhere: cluster.nowhere }),
    clock,
    metrics,
    want: cluster?.want,
    latest: storeOpened.latest,
    retire: (seriesIds) => cluster?.deleteSeries(seriesIds, retireOwn) ?? retireOwn(seriesIds),
    unitOf: (key) => schemas.unitOf(key),
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
  opening.defer(schemas.onChanged((ids) => dashboard.unitsChanged(ids)));
  await cluster?.openLive(valueOf, retireOwn, opening);

  const stopWatching = watchProcess(metrics, {
    ...{ registry, store, log, budget, received, cache, limits: access.limits, calls, traces },
    ...figures,
  });
  opening.defer(stopWatching.stop);

  const onDeviceEvent = (event: DeviceEvent) => desk.announce(event);
  const bridges = await openBridges(config, { takePoints, onDeviceEvent, clock, logger, metrics }, opening);
  const doors = openDoors(storage, ways, { clock, logger, metrics });

  const { devices, sessions } = figures;
  const overviewDeps = { devices, sessions, scopes, health, calls, logLevel, clock, metrics };
  const lately = {
    limits: access.limits,
    isOverloaded: () => isOverloaded,
    redisTrouble: () => cluster?.trouble(),
    isDeskKnown: () => desk.isKnown,
    certificateTrouble: () => tls?.source.trouble,
    remoteWriteTrouble: remoteWrite.trouble,
  };
  const overview = await openOverview(storage, { ...overviewDeps, ...lately }, opening);

  const own = written([
    ...access.methods,
    ...nodesOf({ cluster, gate, desk, clock, pointsPerS, series: () => registry.count, nodeId: forwarding.nodeId }),
    ...nodeHistoryMethods({ store, registry, retire: retireOwn }),
    ...overview,
    ...ingestionMethods({ ...ways, budget, clock, metrics, newUploadId: () => crypto.randomUUID() }),
    ...bridgeMethods(bridges),
    ...upstream.methods,
    ...doors.methods,
    ...dashboard.methods,
    ...backupMethods({ store, state: log, shared: cluster?.shared, clock, newBackupId: () => crypto.randomUUID() }),
    ...storeStatsMethods(async () => {
      const [stored, logged] = await Promise.all([store.stats(), log.stats()]);
      return { series: registry.count, dataDirectory: resolve(config.data), store: stored, log: logged };
    }),
  ]);
  const methods = [...own, ...desk.methods];
  const httpRoutes = [...doors.routes, ...access.routes];
  checkTabled([...methods.map(nameOf), ...httpRoutes.map(({ name }) => name), ...WEB_ROUTES]);
  gate.serve(methods);
  const shared = {
    methods,
    gate,
    connections: access.limits,
    watch: traces?.traced(calls) ?? calls,
    health,
    received,
    tls,
    onCall: (method: string, status: string) => metrics.calls.inc({ method, status }),
    onDefect: (error: unknown, method: string) => logger.error({ err: error, method }, "a call failed on a defect"),
  };
  const grpc = await startGrpcServer({
    ...shared,
    address: config.grpc,
    limits: { concurrentStreamsMax: config.ingest.streams_max, connectionAgeMsMax: config.connections.age_max },
  });
  opening.defer(() => grpc.drain(0));
  const web = await startWebServer({
    ...shared,
    address: config.http,
    origins: config.live.origins,
    httpRoutes,
    // No other server has a certificate for these names that a browser takes.
    hosts: [...config.http_hosts, ...(tls?.source.current.names ?? [])],
    hostname: hostname(),
    asksWho: () => access.gate.isOn,
    console: new ConsoleFiles(consoleContent),
    onPages: (pages, calls) => {
      metrics.pages.set(pages);
      metrics.pageCalls.set(calls);
    },
    metricsText: stopWatching.text,
  });
  opening.defer(() => web.drain(0));
  health.serve();
  cluster?.serve(grpc.address, gate, opening);
  store.retain();
  storage.garbage.started();

  const opened = opening.move();
  const close = once(async () => {
    health.drain();
    desk.stop();
    // Whoever watches the health hears of it before its stream is ended.
    await new Promise((resolve) => void setImmediate(resolve));
    await Promise.all([grpc.drain(config.shutdown_grace), web.drain(config.shutdown_grace)]);
    await opened.disposeAsync();
  });
  return {
    grpcAddress: grpc.address,
    httpAddress: web.address,
    certificate: tls?.source,
    series: registry.count,
    replayedPoints: storeOpened.replayedPoints,
    probe: async () => void (await Promise.all([log.stats(), store.stats()])),
    reload: async () => void (await Promise.all([desk.reload(), tls?.source.reload()])),
    close,
  };
}

function once<A extends unknown[], R>(run: (...args: A) => R): (...args: A) => R {
  let result: { readonly value: R } | undefined;
  return (...args) => (result ??= { value: run(...args) }).value;
}
