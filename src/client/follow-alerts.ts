/** Alerts as they change, also over restarts of the server: a new stream goes on behind the last change that was taken. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AlertChange, Alerts, AlertSubscriptionSchema, type Alert } from "../wire/gen/alerts_pb.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { resumedStream } from "./resumed-stream.ts";

export type AlertNews =
  /** All that stands, in place of what was known before. */
  | { readonly kind: "snapshot"; readonly alerts: readonly Alert[]; readonly cursor: string }
  | { readonly kind: "change"; readonly alert: Alert };

/**
 * A snapshot, then every change, each once and in order, until `signal` aborts. With a cursor it begins behind that,
 * without a snapshot. Where the server can no longer go on behind the last change, as after it was restored from a backup, or
 * where that change could not be written down, a further snapshot comes. A change counts as taken when the next one is asked for. Throws what cannot be retried.
 */
export function followAlerts(
  connection: Connection,
  subscription: MessageInitShape<typeof AlertSubscriptionSchema>,
  options: CallOptions = {},
): AsyncGenerator<AlertNews, void> {
  const request = create(AlertSubscriptionSchema, { ...subscription, updates: true });
  const read = async function* (messages: AsyncIterable<Alert>): AsyncGenerator<AlertNews> {
    let standing: Alert[] = [];
    for await (const alert of messages) {
      if (alert.change === AlertChange.SNAPSHOT) {
        standing.push(alert);
        continue;
      }
      yield alert.snapshotEnd
        ? { kind: "snapshot", alerts: standing, cursor: alert.cursor }
        : { kind: "change", alert };
      standing = [];
      // What could not be written down has none. Another node may take over without it: only all that stands is certain then.
      request.cursor = alert.cursor;
    }
  };
  return resumedStream(connection, Alerts.method.subscribeAlerts, request, read, options);
}
