/** Alerts as they change, also over restarts of the server: a new stream goes on behind the last change that was taken. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { AlertChange, Alerts, AlertSchema, AlertSubscriptionSchema, type Alert } from "../wire/gen/alerts_pb.ts";
import { errorOf, type CallOptions, type Connection } from "./connection.ts";

export type AlertNews =
  /** All that stands, in place of what was known before. */
  | { readonly kind: "snapshot"; readonly alerts: readonly Alert[]; readonly cursor: string }
  | { readonly kind: "change"; readonly alert: Alert };

/**
 * A snapshot, then every change, each once and in order, until `signal` aborts. With a cursor it begins behind that,
 * without a snapshot. Where the server can no longer go on behind the last change, as after it was restored from a backup, a
 * further snapshot comes. A change counts as taken when the next one is asked for. Throws what cannot be retried.
 */
export async function* followAlerts(
  connection: Connection,
  subscription: MessageInitShape<typeof AlertSubscriptionSchema>,
  options: CallOptions = {},
): AsyncGenerator<AlertNews, void> {
  const { signal } = options;
  const request = create(AlertSubscriptionSchema, { ...subscription, updates: true });
  for (let attempt = 1; !signal?.aborted; attempt++) {
    const call = connection.serverStream(Alerts.method.subscribeAlerts, toBinary(AlertSubscriptionSchema, request));
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel);
    try {
      let standing: Alert[] = [];
      for await (const bytes of call) {
        attempt = 1;
        const alert = fromBinary(AlertSchema, bytes as Uint8Array);
        if (alert.change === AlertChange.SNAPSHOT) {
          standing.push(alert);
          continue;
        }
        yield alert.snapshotEnd
          ? { kind: "snapshot", alerts: standing, cursor: alert.cursor }
          : { kind: "change", alert };
        standing = [];
        // What could not be written down has none.
        if (alert.cursor !== "") request.cursor = alert.cursor;
      }
      throw new WatchpostError("UNAVAILABLE", "the server ended the stream");
    } catch (error) {
      if (signal?.aborted) return;
      const failure = errorOf(error);
      if (failure.status === "OUT_OF_RANGE" && request.cursor !== "") request.cursor = "";
      else {
        await connection.beforeRetry(failure, attempt, options).catch((final: unknown) => {
          if (!signal?.aborted) throw final;
        });
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }
}
