/** The ingestion path over a log and a store that live in memory and fail on demand. */
import { ANONYMOUS } from "../../src/wire/service.ts";
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { ArrivalStamps } from "../../src/ingestion/arrival-stamps.ts";
import { Committer } from "../../src/ingestion/committer.ts";
import type { ForwardingDeps } from "../../src/ingestion/forwarding/forwarded-stream.ts";
import { NamesShare } from "../../src/ingestion/forwarding/names-share.ts";
import { Origins } from "../../src/ingestion/forwarding/origins.ts";
import { Intake } from "../../src/ingestion/intake.ts";
import { limitedSenders } from "../../src/ingestion/limited-sender.ts";
import { MemoryBudget } from "../../src/ingestion/memory-budget.ts";
import { seriesResolver } from "../../src/ingestion/resolve-series.ts";
import { definitionsOfRecord, frameOfRecord } from "../../src/log/record.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { SensorSchemas } from "../../src/model/sensor-schemas.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { EVERYTHING, type Scope } from "../../src/model/access.ts";
import { SeriesScopes } from "../../src/model/series-scopes.ts";
import { BatchDecoder } from "../../src/wire/decode-batch.ts";
import { BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";
import type { CallContext } from "../../src/wire/service.ts";
import { SeriesCache } from "../../src/wire/series-cache.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryJournal } from "../support/memory-journal.ts";

export interface RigOptions {
  readonly seriesMax?: number;
  readonly seriesPerSourceMax?: number;
  readonly budgetBytes?: number;
  readonly rawAgeLimitMs?: number;
  readonly syncLagMs?: number;
  isClockTrusted?(): boolean;
}

/** Appends wait for {@link HeldLog.sync} or {@link HeldLog.fail} while `held`. */
export class HeldLog {
  held = false;
  readonly synced: ArrayBuffer[] = [];
  readonly waiting: { record: ArrayBuffer; done: PromiseWithResolvers<ArrayBuffer> }[] = [];
  reopened = 0;
  nextSeqAfterReopen = 1_000;

  append(record: ArrayBuffer): Promise<ArrayBuffer> {
    const done = Promise.withResolvers<ArrayBuffer>();
    this.waiting.push({ record, done });
    if (!this.held) this.sync();
    return done.promise;
  }

  async reopen(): Promise<number> {
    this.reopened++;
    return this.nextSeqAfterReopen;
  }

  /** Lets the first waiting records through. */
  sync(count = this.waiting.length): void {
    for (const { record, done } of this.waiting.splice(0, count)) {
      this.synced.push(record);
      done.resolve(record);
    }
  }

  fail(message: string): void {
    for (const { done } of this.waiting.splice(0)) {
      done.reject(new WatchpostError("UNAVAILABLE", message, { retryAfterMs: 1_000 }));
    }
  }
}

export function createRig(options: RigOptions = {}) {
  const clock = new ManualClock();
  const log = new HeldLog();
  const absorbed: ArrayBuffer[] = [];
  const registry = new SeriesRegistry({
    seriesMax: options.seriesMax ?? 1_000,
    seriesPerSourceMax: options.seriesPerSourceMax ?? 1_000,
  });
  const schemas = new SensorSchemas(registry);
  const metrics = createMetrics();
  const bus = new MemoryBus((error) => {
    throw error;
  });
  const logStates: (string | undefined)[] = [];
  const isClockTrusted = options.isClockTrusted ?? (() => true);
  const committer = new Committer({
    log,
    store: { absorb: (record) => void absorbed.push(record) },
    bus,
    registry,
    clock,
    metrics,
    nextSeq: 0,
    definedThrough: 0,
    isClockTrusted,
    onLogState: (error) => void logStates.push(error?.message),
    takeBuffer: (bytes) => new ArrayBuffer(bytes + 4_096),
    defer: (run) => void setImmediate(run),
  });
  const budget = new MemoryBudget(
    { limitBytes: options.budgetBytes ?? 1 << 30, waitMsMax: 5_000, retryAfterMs: 1_000 },
    clock,
  );
  const intake = new Intake({
    decoder: new BatchDecoder(seriesResolver(registry), new SeriesCache(1)),
    resolve: seriesResolver(registry),
    schemas,
    committer,
    stamps: new ArrivalStamps(clock),
    clock,
    futureMaxMs: 600_000,
    rawAgeLimitMs: options.rawAgeLimitMs ?? Infinity,
    isClockTrusted,
    onRefused: (reason, points) => metrics.refusedPoints.inc({ reason }, points),
  });
  const sites = new Map<string, string>();
  const scopes = new SeriesScopes(registry, { siteOf: (device) => sites.get(device) ?? "", seriesOf: () => [] });
  const senderOf = limitedSenders({ resolve: seriesResolver(registry), registry, scopes });
  const journal = new MemoryJournal();
  const troubles: string[] = [];
  const forwarding: ForwardingDeps = {
    origins: new Origins(journal, clock),
    names: new NamesShare(budget.limitBytes, clock),
    ...{ intake, budget, clock, metrics },
    resolve: seriesResolver(registry),
    senderOf,
    registry,
    syncLagMs: options.syncLagMs ?? 0,
    onTrouble: (sentence) => void troubles.push(sentence),
    nextTurn: () => new Promise((resolve) => void setImmediate(resolve)),
    nodeId: async () => "centre",
  };
  const deps = { intake, budget, clock, metrics, forwarding, senderOf, newUploadId: () => "upload-1" };
  return {
    ...{ journal, schemas, troubles, senderOf },
    /** A device is registered with another site. */
    move(device: string, site: string) {
      sites.set(device, site);
      scopes.moved(device);
    },
    clock,
    log,
    absorbed,
    registry,
    metrics,
    bus,
    logStates,
    committer,
    budget,
    intake,
    deps,
  };
}

export type BatchInit = MessageInitShape<typeof BatchDataSchema>;

export function batchBytes(batch: BatchInit): Uint8Array {
  return toBinary(BatchDataSchema, create(BatchDataSchema, batch));
}

/** Every durable point as "metric source tags@timeUs=value", in log order. */
export function pointsOf(records: readonly ArrayBuffer[]): string[] {
  const keys = new Map<number, string>();
  const points: string[] = [];
  for (const record of records) {
    for (const { id, key } of definitionsOfRecord(record)) keys.set(id, key.replaceAll("\0", " "));
    const { count, seriesIds, timesUs, values } = frameOfRecord(record);
    for (let i = 0; i < count; i++) points.push(`${keys.get(seriesIds[i])}@${timesUs[i]}=${values[i]}`);
  }
  return points;
}

export function contextOf(signal: AbortSignal = new AbortController().signal, scope: Scope = EVERYTHING): CallContext {
  return {
    signal,
    principal: { ...ANONYMOUS, name: "test", isAuthenticated: false, scope },
    headers: new Map(),
    peer: "test",
  };
}

/** Lets promises and setImmediate callbacks run. */
export async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => void setImmediate(resolve));
}
