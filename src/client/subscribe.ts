/** Live updates that survive restarts: after a failure that may pass the stream is asked for again. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import {
  Dashboard,
  DashboardDataSchema,
  MetricSubscriptionSchema,
  type DashboardData,
} from "../wire/gen/dashboard_pb.ts";
import { errorOf } from "../wire/call-error.ts";
import type { CallOptions, Connection } from "./connection.ts";

/**
 * Updates until `signal` aborts, then ends. Every (new) stream begins with a snapshot. The server is held back while the
 * reader is busy, and folds updates together meanwhile. Throws what cannot be retried.
 */
export async function* subscribe(
  connection: Connection,
  subscription: MessageInitShape<typeof MetricSubscriptionSchema>,
  options: CallOptions = {},
): AsyncIterable<DashboardData> {
  const { signal } = options;
  const request = toBinary(MetricSubscriptionSchema, create(MetricSubscriptionSchema, subscription));
  for (let attempt = 1; !signal?.aborted; attempt++) {
    const call = connection.serverStream(Dashboard.method.subscribeMetrics, request);
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel);
    try {
      for await (const bytes of call) {
        attempt = 1;
        yield fromBinary(DashboardDataSchema, bytes as Uint8Array);
      }
      throw new WatchpostError("UNAVAILABLE", "the server ended the stream");
    } catch (error) {
      if (signal?.aborted) return;
      await connection.beforeRetry(errorOf(error), attempt, options).catch((final: unknown) => {
        if (!signal?.aborted) throw final;
      });
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }
}
