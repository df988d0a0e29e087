/** Alerts: lists of them, what happened to one, and what people do about them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Alerts,
  type Alert,
  type AlertResponse,
  type GetAlertHistoryResponse,
  type ListAlertsRequestSchema,
  type ListAlertsResponse,
} from "../wire/gen/alerts_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

export type AlertsWanted = MessageInitShape<typeof ListAlertsRequestSchema>;

const PAGE_MAX = 1_000;

/** A page of alerts, the one that fired last first. Throws the server's status, as all of these do. */
export function listAlerts(
  connection: Connection,
  request: AlertsWanted,
  options: AskOptions = {},
): Promise<ListAlertsResponse> {
  return ask(connection, Alerts.method.listAlerts, request, options);
}

/** The same page after page: all of them, or the first `limitMax`. */
export async function* allAlerts(
  connection: Connection,
  wanted: AlertsWanted,
  { limitMax = Infinity, ...options }: AskOptions & { readonly limitMax?: number } = {},
): AsyncGenerator<Alert, void> {
  let left = limitMax;
  for (let page = ""; left > 0;) {
    const request = { ...wanted, page, limit: Math.min(left, PAGE_MAX) };
    const { alerts, nextPage } = await listAlerts(connection, request, options);
    yield* alerts;
    if (nextPage === "") return;
    left -= alerts.length;
    page = nextPage;
  }
}

/** An alert, and all that happened to it from the first on. Throws NOT_FOUND where there is none of that id. */
export function getAlertHistory(
  connection: Connection,
  id: string,
  options: AskOptions = {},
): Promise<GetAlertHistoryResponse> {
  return ask(connection, Alerts.method.getAlertHistory, { id }, options);
}

/** Each resolves with the alert as it is then, once that is durable. `userId` "": whoever calls. */
export function acknowledgeAlert(
  connection: Connection,
  request: { readonly id: string; readonly userId: string; readonly comment: string },
  options: AskOptions = {},
): Promise<AlertResponse> {
  return ask(connection, Alerts.method.acknowledgeAlert, request, options);
}

/** Ends an alert by hand. Throws FAILED_PRECONDITION where it is cleared already. */
export function resolveAlert(
  connection: Connection,
  request: { readonly id: string; readonly userId: string; readonly comment: string },
  options: AskOptions = {},
): Promise<AlertResponse> {
  return ask(connection, Alerts.method.resolveAlert, request, options);
}

/** `assignee` "": nobody. */
export function assignAlert(
  connection: Connection,
  request: { readonly id: string; readonly userId: string; readonly assignee: string },
  options: AskOptions = {},
): Promise<AlertResponse> {
  return ask(connection, Alerts.method.assignAlert, request, options);
}

export function commentAlert(
  connection: Connection,
  request: { readonly id: string; readonly userId: string; readonly text: string },
  options: AskOptions = {},
): Promise<AlertResponse> {
  return ask(connection, Alerts.method.commentAlert, request, options);
}
