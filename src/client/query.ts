import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import { QueryRangeRequestSchema, QueryRangeResponseSchema, type QueryRangeResponse } from "../wire/gen/history_pb.ts";
import { errorOf, type CallOptions, type Connection, type Retry } from "./connection.ts";

const DEADLINE_MS = 60_000;

export interface QueryOptions extends CallOptions {
  readonly deadlineMs?: number;
  /** How long a server that is not there is waited for, all waits together; 0: not at all. */
  readonly patienceMs?: number;
}

/** What was stored. Throws the server's status. */
export async function queryRange(
  connection: Connection,
  request: MessageInitShape<typeof QueryRangeRequestSchema>,
  { signal, onRetry, deadlineMs = DEADLINE_MS, patienceMs = 0 }: QueryOptions = {},
): Promise<QueryRangeResponse> {
  const bytes = toBinary(QueryRangeRequestSchema, create(QueryRangeRequestSchema, request));
  const options = { deadlineMs, ...(signal ? { signal } : {}) };
  let waitedMs = 0;
  const onWait = (retry: Retry) => {
    waitedMs += retry.delayMs;
    onRetry?.(retry);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return fromBinary(QueryRangeResponseSchema, await connection.unary(Dashboard.method.queryRange, bytes, options));
    } catch (error) {
      if (errorOf(error).status !== "UNAVAILABLE" || waitedMs >= patienceMs) throw error;
      await connection.beforeRetry(error, attempt, { ...options, onRetry: onWait });
    }
  }
}
