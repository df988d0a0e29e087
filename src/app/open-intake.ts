/** The way in: batches and points, judged, committed together, and told as durable. */
import type { Config } from "../config/config.ts";
import { ArrivalStamps } from "../ingestion/arrival-stamps.ts";
import { Committer } from "../ingestion/committer.ts";
import type { ForwardingDeps } from "../ingestion/forwarding/forwarded-stream.ts";
import { NamesShare } from "../ingestion/forwarding/names-share.ts";
import { Origins } from "../ingestion/forwarding/origins.ts";
import { Intake } from "../ingestion/intake.ts";
import { limitedSenders, type SenderOf } from "../ingestion/limited-sender.ts";
import { watchOverload } from "../ingestion/overload.ts";
import { seriesResolver } from "../ingestion/resolve-series.ts";
import { takePointsOf } from "../ingestion/take-points.ts";
import { nodeIdOf } from "../log/node-id.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock } from "../model/clock.ts";
import type { TakePoints } from "../model/incoming-point.ts";
import type { Logger } from "../model/logger.ts";
import type { BeginSpan } from "../model/span.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { HealthState } from "../transport/health.ts";
import { BatchDecoder } from "../wire/decode-batch.ts";
import type { SeriesResolver } from "../wire/decoded-batch.ts";
import { DataIngestion } from "../wire/gen/ingestion_pb.ts";
import { SeriesCache } from "../wire/series-cache.ts";
import type { Storage } from "./open-storage.ts";

export interface IntakeDeps {
  readonly health: HealthState;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly scopes: SeriesScopes;
  /** Left out: commits are not traced. */
  readonly beginSpan?: BeginSpan | undefined;
  /** Points are refused or have to wait, or get through again. */
  onOverload(isOverloaded: boolean): void;
}

export interface OpenIntake {
  readonly intake: Intake;
  readonly committer: Committer;
  readonly cache: SeriesCache;
  readonly takePoints: TakePoints;
  readonly resolve: SeriesResolver;
  readonly senderOf: SenderOf;
  /** What other nodes forward. */
  readonly forwarding: ForwardingDeps;
}

/** What a sync takes. */
const SYNC_MS = 1_000;

/** `opening` waits for what is being committed. */
export function openIntake(
  config: Config,
  {
    log,
    nextSeq,
    journal,
    store,
    bus,
    arriving,
    registry,
    schemas,
    budget,
    received,
    records,
    isClockTrusted,
  }: Storage,
  { health, logger, clock, metrics, scopes, beginSpan, onOverload }: IntakeDeps,
  opening: AsyncDisposableStack,
): OpenIntake {
  const committer = new Committer({
    log,
    store,
    bus,
    registry,
    clock,
    metrics,
    beginSpan,
    nextSeq,
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
  arriving.sinceMs = () => committer.oldestArrivalMs;
  opening.defer(() => committer.drained());
  const signs = {
    refused: () => budget.refused + received.refused,
    waitedMs: () => budget.waitedMs,
    isFailing: () => committer.failure !== undefined,
  };
  const setOverloaded = (isOverloaded: boolean) => {
    onOverload(isOverloaded);
    if (isOverloaded) logger.warn({}, "points are refused or have to wait: until they get through no series is silent");
    else logger.info({}, "points get through again");
  };
  opening.defer(watchOverload(signs, clock, setOverloaded));

  const cache = new SeriesCache(crypto.getRandomValues(new Uint32Array(1))[0]);
  const resolve = seriesResolver(registry);
  const senderOf = limitedSenders({ resolve, registry, scopes });
  const intake = new Intake({
    decoder: new BatchDecoder(resolve, cache),
    resolve,
    schemas,
    committer,
    stamps: new ArrivalStamps(clock),
    clock,
    futureMaxMs: config.ingest.future_max,
    rawAgeLimitMs: config.retention.raw,
    isClockTrusted,
    onRefused: (reason, points) => metrics.refusedPoints.inc({ reason }, points),
  });
  const forwarding: ForwardingDeps = {
    origins: new Origins(journal, clock, {}, (sentence) => logger.warn({}, sentence)),
    names: new NamesShare(budget.limitBytes, clock),
    ...{ intake, budget, clock, metrics, resolve, senderOf },
    registry,
    syncLagMs: config.store.sync_interval === 0 ? 0 : config.store.sync_interval + SYNC_MS,
    onTrouble: (sentence) => logger.warn({}, sentence),
    nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
    nodeId: nodeIdOf(journal, () => crypto.randomUUID()),
  };
  const takePoints = takePointsOf({ intake, budget, metrics });
  return { intake, committer, cache, resolve, senderOf, forwarding, takePoints };
}
