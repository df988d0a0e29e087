/** What everything stands on: log, journal, series, store, the memory that points may take, the bus. */
import { edenGC, fullGC } from "bun:jsc";
import type { Spreading } from "../alerts/open-alerts.ts";
import type { SeriesMarks } from "../alerts/series-marks.ts";
import { MemoryBus } from "../bus/memory-bus.ts";
import type { Config } from "../config/config.ts";
import { watchClock } from "../ingestion/clock-trust.ts";
import { MemoryBudget } from "../ingestion/memory-budget.ts";
import { Journal } from "../log/journal.ts";
import { LogClient } from "../log/log-client.ts";
import type { LogOpened } from "../log/protocol.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { BufferPool } from "../model/buffer-pool.ts";
import { BurstGarbage } from "../model/burst-garbage.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import { SensorSchemas } from "../model/sensor-schemas.ts";
import type { LastingJournal } from "../model/lasting-journal.ts";
import type { SequenceRanges } from "../model/sequence-ranges.ts";
import { SeriesRegistry } from "../model/series-registry.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { StoreOpened } from "../store/protocol.ts";
import { StoreClient } from "../store/store-client.ts";
import { tellDropped } from "../store/tell-dropped.ts";
import { UndeliveredDrops } from "../store/undelivered-drops.ts";
import { ReceivedBytes } from "../transport/received-bytes.ts";

export interface StorageDeps {
  readonly spawn: SpawnWorker;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  onReplayed?(points: number): void;
  /** A worker has ended by itself. */
  onCrash(error: Error): void;
}

export interface Arriving {
  /** When the oldest of them came; Infinity: there are none. */
  sinceMs(): number;
}

export interface Storage {
  readonly log: LogClient;
  readonly logOpened: LogOpened;
  /** Of the next record. One that a block names already would be taken for sealed after a crash. */
  readonly nextSeq: number;
  /** Lets segments go that are held until alerts have read what they did not get to before. */
  letGoOfLog(): void;
  readonly journal: Journal;
  /** The journal for what alerts and devices do by themselves, which goes on where it is out of reach; left out: it never is. */
  readonly lasting?: LastingJournal & Pick<Journal, "document" | "read" | "follow">;
  readonly registry: SeriesRegistry;
  /** What sensors are registered with. */
  readonly schemas: SensorSchemas;
  readonly store: StoreClient;
  /** What is stored of points; of all nodes, where there are several. */
  readonly history: Pick<StoreClient, "range" | "arrivals" | "standing" | "extents">;
  readonly storeOpened: StoreOpened;
  readonly budget: MemoryBudget;
  readonly received: ReceivedBytes;
  /** Buffers of log records. */
  readonly records: BufferPool;
  readonly bus: MemoryBus;
  /** Points that have come and are not on {@link bus} yet. */
  readonly arriving: Arriving;
  /** Of which devices are heard here, where other nodes tell of theirs; left out: all come over the {@link bus}. */
  readonly heardBus?: Pick<MemoryBus, "subscribe">;
  readonly garbage: BurstGarbage;
  /** Left out: no other nodes evaluate rules. */
  readonly spreading?: Spreading;
  /** How series are written down in the journal; left out: by their ids. */
  readonly seriesMarks?: SeriesMarks;
  readonly undeliveredDrops: UndeliveredDrops;
  /** What retention took before remote write had sent it. */
  readonly unsentDrops: UndeliveredDrops;
  isClockTrusted(): boolean;
  /** Runs once the wall clock may be believed again. */
  whenClockTrusted(run: () => void): void;
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

/** `opening` closes what was opened. */
export async function openStorage(
  config: Config,
  { spawn, logger, clock, metrics, onCrash, onReplayed }: StorageDeps,
  opening: AsyncDisposableStack,
): Promise<Storage> {
  const onDamage = (sentence: string) => {
    metrics.damaged.inc();
    logger.error({ damage: sentence }, "damaged data: it is not served");
  };
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
  const { upgradedFrom } = logOpened;
  if (upgradedFrom !== undefined) {
    logger.info({ copy: upgradedFrom }, "the state of an older version was upgraded; a copy of it as it was is kept");
  }
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
  const schemas = new SensorSchemas(registry);

  const storeOptions = {
    dir: config.data,
    segments: logOpened.segments,
    retired: logOpened.retired,
    undelivered: await undeliveredOf(config, journal),
    unsentFrom: await unsentFromOf(config, logOpened),
    headPointsMax: config.store.head_points_max,
    headBytesMax: config.memory.budget / HEAD_SHARE,
    sealAgeMs: config.store.seal_age,
    periodFileBytesMax: config.store.period_file_bytes_max,
    mergeRunsMin: config.store.merge_runs_min,
    isRetentionHeld: true,
    retention: {
      rawMs: config.retention.raw,
      rollup1mMs: config.retention.rollup_1m,
      rollup1hMs: config.retention.rollup_1h,
      budgetBytes: config.retention.disk_budget,
      freeFloor: config.retention.free_floor,
    },
  };
  const { store, opened: storeOpened } = await StoreClient.open(spawn, storeOptions, onReplayed);
  opening.defer(() => store.close());
  store.onCrash(onCrash);
  store.onDamage(onDamage);
  store.onTrouble((sentence) => logger.error({ trouble: sentence }, "the store has trouble"));
  const [undeliveredDrops, unsentDrops] = [new UndeliveredDrops(), new UndeliveredDrops()];
  store.onDropped((dropped) => {
    metrics.droppedPoints.inc({ reason: dropped.reason }, dropped.points);
    metrics.droppedBytes.inc({ reason: dropped.reason }, dropped.bytes);
    tellDropped(dropped, logger);
    undeliveredDrops.add(dropped.undelivered);
    unsentDrops.add(dropped.unsent);
  });
  storeOpened.damage.forEach(onDamage);
  registry.reserve(storeOpened.seriesIdEnd);
  const unnamed = storeOpened.latest.seriesIds.filter((id) => !registry.has(id));
  if (unnamed.length > 0) onDamage(withoutNames(unnamed));

  log.onUnsynced((sentence) => {
    logger.error({ unsynced: sentence }, "the log cannot be synced: what is acknowledged is sealed at once");
    store.seal().catch(() => {});
  });

  const whenTrusted: (() => void)[] = [];
  const isClockTrusted = watchClock(clock, storeOpened.newestArrivalMs, (trusted) => {
    metrics.clockUntrusted.set(trusted ? 0 : 1);
    if (trusted) {
      for (const run of whenTrusted) run();
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
  const garbage = new BurstGarbage({ collectYoung: edenGC, collectAll: fullGC, shrink: Bun.shrink }, clock);
  opening.defer(() => garbage.close());
  return {
    ...{ log, logOpened, letGoOfLog, journal, registry, schemas, store, history: store, storeOpened },
    nextSeq: Math.max(logOpened.nextSeq, storeOpened.nextSeq),
    arriving: { sinceMs: () => Infinity },
    ...{ budget, received, records, bus, garbage, isClockTrusted, undeliveredDrops, unsentDrops },
    whenClockTrusted: (run) => void whenTrusted.push(run),
  };
}

/** As where state.db was put back alone: under ids that it gives to others, points would be served as theirs. */
function withoutNames(ids: Uint32Array): string {
  const which = ids.length === 1 ? `series ${ids[0]} has` : `${ids.length} series, the first ${ids[0]}, have`;
  const whose = ids.length === 1 ? "its" : "their";
  return `state.db is older than what is stored: ${which} no name in it; ${whose} points are kept and not served`;
}

/** What must not be merged from the start on. */
async function undeliveredOf(config: Config, journal: Journal): Promise<SequenceRanges> {
  if (config.upstream.address === undefined) return [];
  const { storedUndelivered } = await import("../edge/upstream/upstream-state.ts");
  return storedUndelivered(journal);
}

/** Of remote write, in the same way; Infinity: there is none. */
async function unsentFromOf({ data, remote_write }: Config, { nextSeq }: LogOpened): Promise<number> {
  if (remote_write.url === undefined) return Infinity;
  const { storedUnsentFrom } = await import("../edge/remote-write/cursor-file.ts");
  return storedUnsentFrom(data) ?? (remote_write.history ? 0 : nextSeq);
}
