/** Gauges that are read when /metrics is asked for. */
import { readdirSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MemoryBudget } from "./ingestion/memory-budget.ts";
import type { LogClient } from "./log/log-client.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { SeriesRegistry } from "./model/series-registry.ts";
import type { StoreClient } from "./store/store-client.ts";
import type { ReceivedBytes } from "./transport/received-bytes.ts";
import type { SeriesCache } from "./wire/series-cache.ts";

export interface Watched {
  readonly registry: SeriesRegistry;
  readonly store: StoreClient;
  readonly log: LogClient;
  readonly budget: MemoryBudget;
  readonly received: ReceivedBytes;
  readonly cache: SeriesCache;
  readonly alerts: WatchedAlerts;
  readonly traces: { readonly queued: number } | undefined;
  readonly limits: { readonly connections: number };
  readonly sessions: { readonly streams: number };
  readonly dashboards: { readonly count: number };
  readonly calls: { readonly counts: ReadonlyMap<string, { readonly started: number; readonly open: number }> };
  readonly devices: {
    readonly countOf: ReadonlyMap<string, number>;
    readonly waiting: number;
    readonly ignoredDeaths: number;
  };
}

interface WatchedAlerts {
  readonly engine: {
    readonly counts: { readonly evaluations: number; lateMsMax: number };
    readonly rules: { readonly size: number };
  };
  readonly notifying: { readonly sending: number };
  readonly book: { active(): Iterable<{ readonly severity: string; readonly acknowledged: object | null }> };
}

/** How often is looked; a delay is what a look comes late. */
const LAG_RESOLUTION_MS = 20;
const EMFILE = 24;

let lastResidentBytes = 0;

/** As it was last, where connections have taken all files that may be open: the system tells it by a file. */
export function residentBytes(): number {
  try {
    lastResidentBytes = process.memoryUsage.rss();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EMFILE" && (error as { errno?: unknown }).errno !== EMFILE) throw error;
  }
  return lastResidentBytes;
}

export function watchProcess(metrics: Metrics, watched: Watched): { text(): Promise<string>; stop(): void } {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  const counted = {
    ...{ hits: 0, misses: 0, refused: 0, deaths: 0, cpuUs: 0, evaluations: 0, syncs: { count: 0, totalMs: 0 } },
    written: {} as Record<string, number>,
    rewrites: {} as Record<string, number>,
    started: new Map<string, number>(),
  };
  metrics.openFilesMax.set(openFilesMax());
  metrics.startTime.set((Date.now() - performance.now()) / 1_000);
  return {
    async text() {
      const { registry, store, log, budget, received, cache, limits, sessions, dashboards, devices, calls, alerts } =
        watched;
      const lags = { p50: delay.percentile(50), p99: delay.percentile(99), max: delay.max };
      for (const [statistic, ns] of Object.entries(lags)) metrics.eventLoopLagSeconds.set({ statistic }, ns / 1e9);
      delay.reset();
      const { user, system } = process.cpuUsage();
      metrics.cpuSeconds.inc((user + system - counted.cpuUs) / 1e6);
      counted.cpuUs = user + system;
      metrics.openFiles.set(openFiles());
      for (const [method, { started, open }] of calls.counts) {
        metrics.callsStarted.inc({ method }, started - (counted.started.get(method) ?? 0));
        metrics.openCalls.set({ method }, open);
        counted.started.set(method, started);
      }
      metrics.residentBytes.set(residentBytes());
      metrics.connections.set(limits.connections);
      metrics.series.set(registry.count);
      metrics.dashboards.set(dashboards.count);
      metrics.sessionStreams.set(sessions.streams);
      for (const [status, count] of devices.countOf) metrics.devices.set({ status }, count);
      metrics.deviceDeathsIgnored.inc(grown(devices.ignoredDeaths, counted.deaths));
      counted.deaths = devices.ignoredDeaths;
      metrics.memoryBytes.set({ part: "in_flight" }, budget.reservedBytes);
      metrics.memoryBytes.set({ part: "received" }, received.bytes);
      metrics.memoryBytes.set({ part: "head" }, store.unsealedBytes);
      metrics.queueDepth.set({ queue: "memory" }, budget.waiting);
      metrics.queueDepth.set({ queue: "store" }, store.waiting);
      metrics.queueDepth.set({ queue: "devices" }, devices.waiting);
      metrics.seriesCache.inc({ result: "hit" }, cache.hits - counted.hits);
      metrics.seriesCache.inc({ result: "miss" }, cache.misses - counted.misses);
      metrics.memoryRefused.inc(budget.refused + received.refused - counted.refused);
      counted.hits = cache.hits;
      counted.misses = cache.misses;
      counted.refused = budget.refused + received.refused;
      metrics.queueDepth.set({ queue: "notifications" }, alerts.notifying.sending);
      if (watched.traces !== undefined) metrics.queueDepth.set({ queue: "traces" }, watched.traces.queued);
      metrics.alertRules.set(alerts.engine.rules.size);
      const evaluated = alerts.engine.counts;
      metrics.alertEvaluations.inc(grown(evaluated.evaluations, counted.evaluations));
      counted.evaluations = evaluated.evaluations;
      metrics.alertLagSeconds.set(evaluated.lateMsMax / 1_000);
      evaluated.lateMsMax = 0;
      setActive(metrics, alerts);
      const [stored, logged] = await Promise.all([store.stats(), log.stats()]);
      metrics.headPoints.set(stored.headPoints);
      metrics.blocks.set(stored.blocks);
      metrics.chunkPoints.set(stored.chunkPoints);
      metrics.chunkBytes.set(stored.chunkBytes);
      metrics.logSyncs.inc(logged.syncs.count - counted.syncs.count);
      metrics.logSyncSeconds.inc((logged.syncs.totalMs - counted.syncs.totalMs) / 1_000);
      counted.syncs = logged.syncs;
      metrics.logBytes.set(logged.segmentBytes);
      metrics.logUnsyncedBytes.set(logged.unsyncedBytes);
      metrics.diskUsedBytes.set(stored.disk.usedBytes);
      metrics.diskFreeBytes.set(stored.disk.freeBytes);
      for (const [what, bytes] of Object.entries({ ...logged.writtenBytes, ...stored.writtenBytes })) {
        metrics.writtenBytes.inc({ what }, bytes - (counted.written[what] ?? 0));
        counted.written[what] = bytes;
      }
      for (const [why, count] of Object.entries(stored.rewrites)) {
        metrics.blockRewrites.inc({ why }, count - (counted.rewrites[why] ?? 0));
        counted.rewrites[why] = count;
      }
      return metrics.registry.metrics();
    },
    stop: () => delay.disable(),
  };
}

/** Since it was looked at; what counts may have begun anew with another desk. */
function grown(now: number, before: number): number {
  return now < before ? now : now - before;
}

/** 0 where the system does not tell. */
function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

function openFilesMax(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const SEVERITIES = ["low", "medium", "high", "critical"];

function setActive({ activeAlerts }: Metrics, { book }: WatchedAlerts): void {
  const counts = { true: new Map<string, number>(), false: new Map<string, number>() };
  for (const { severity, acknowledged } of book.active()) {
    const of = counts[acknowledged === null ? "false" : "true"];
    of.set(severity, (of.get(severity) ?? 0) + 1);
  }
  for (const [acknowledged, of] of Object.entries(counts)) {
    for (const severity of SEVERITIES) activeAlerts.set({ severity, acknowledged }, of.get(severity) ?? 0);
  }
}
