import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import {
  GetStoreStatsRequestSchema,
  GetStoreStatsResponseSchema,
  type GetStoreStatsResponse,
} from "../wire/gen/store_pb.ts";
import type { Connection } from "./connection.ts";

const DEADLINE_MS = 30_000;

/** What a server keeps. Throws the server's status. */
export async function getStoreStats(
  connection: Connection,
  { signal }: { signal?: AbortSignal } = {},
): Promise<GetStoreStatsResponse> {
  const bytes = toBinary(GetStoreStatsRequestSchema, create(GetStoreStatsRequestSchema));
  const options = { deadlineMs: DEADLINE_MS, ...(signal ? { signal } : {}) };
  return fromBinary(
    GetStoreStatsResponseSchema,
    await connection.unary(Dashboard.method.getStoreStats, bytes, options),
  );
}
