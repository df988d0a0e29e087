import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import { QueryRangeRequestSchema, QueryRangeResponseSchema, type QueryRangeResponse } from "../wire/gen/history_pb.ts";
import type { Connection } from "./connection.ts";

const DEADLINE_MS = 60_000;

/** What was stored. Throws the server's status. */
export async function queryRange(
  connection: Connection,
  request: MessageInitShape<typeof QueryRangeRequestSchema>,
  { signal, deadlineMs = DEADLINE_MS }: { signal?: AbortSignal; deadlineMs?: number } = {},
): Promise<QueryRangeResponse> {
  const bytes = toBinary(QueryRangeRequestSchema, create(QueryRangeRequestSchema, request));
  const options = { deadlineMs, ...(signal ? { signal } : {}) };
  return fromBinary(QueryRangeResponseSchema, await connection.unary(Dashboard.method.queryRange, bytes, options));
}
