/** GetStoreStats: what is kept, what it takes of the disk, and what keeping it has written. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { LogStats } from "../log/log-client.ts";
import type { StoreStats, TierStats } from "../store/store-client.ts";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import type { GetStoreStatsResponseSchema, ResolutionStatsSchema } from "../wire/gen/store_pb.ts";
import { unary, type MethodImpl } from "../wire/service.ts";

/** What is told, from wherever it is known. */
export interface StoreFacts {
  readonly series: number;
  readonly dataDirectory: string;
  readonly store: StoreStats;
  readonly log: LogStats;
}

export function storeStatsMethods(facts: () => Promise<StoreFacts>): MethodImpl[] {
  return [unary(Dashboard.method.getStoreStats, async () => storeStatsOf(await facts()))];
}

export function storeStatsOf({
  series,
  dataDirectory,
  store,
  log,
}: StoreFacts): MessageInitShape<typeof GetStoreStatsResponseSchema> {
  const { disk } = store;
  const written = [...Object.values(log.writtenBytes), ...Object.values(store.writtenBytes)];
  const writtenBytes = written.reduce((sum, bytes) => sum + bytes, 0);
  return {
    series: BigInt(series),
    headPoints: BigInt(store.headPoints),
    logBytes: BigInt(log.segmentBytes),
    resolutions: store.tiers.map(resolutionOf),
    diskBytes: BigInt(disk.usedBytes),
    diskBudgetBytes: limitOf(disk.budgetBytes),
    diskFreeBytes: BigInt(disk.freeBytes),
    diskFreeFloorBytes: BigInt(Math.ceil(disk.freeFloorBytes)),
    droppedPoints: BigInt(disk.droppedPoints),
    droppedBytes: BigInt(disk.droppedBytes),
    writtenBytes: BigInt(writtenBytes),
    writeAmplification: store.sealedBytes === 0 ? 0 : writtenBytes / store.sealedBytes,
    dataDirectory,
  };
}

function resolutionOf(tier: TierStats): MessageInitShape<typeof ResolutionStatsSchema> {
  const from = timestampOf(tier.fromUs);
  const to = timestampOf(tier.toUs);
  return {
    resolutionMs: BigInt(tier.resolutionUs / 1_000),
    files: BigInt(tier.files),
    blocks: BigInt(tier.blocks),
    points: BigInt(tier.points),
    bytes: BigInt(tier.bytes),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ageLimitMs: limitOf(tier.ageLimitMs),
  };
}

function timestampOf(timeUs: number): Timestamp | undefined {
  return Number.isFinite(timeUs) ? timestampFromMs(Math.floor(timeUs / 1_000)) : undefined;
}

/** 0 where there is none. */
function limitOf(limit: number): bigint {
  return limit === Infinity ? 0n : BigInt(Math.floor(limit));
}
