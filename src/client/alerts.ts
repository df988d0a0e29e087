/** Alerts: lists of them, what happened to one, and what people do about them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Alerts,
  type Alert,
  type ActOnAlertsRequestSchema,
  type ActOnAlertsResponse,
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

export type AlertActs = MessageInitShape<typeof ActOnAlertsRequestSchema>;
/** What is done to them. */
export type AlertAct = Exclude<AlertActs["act"], { case?: undefined } | undefined>;

/**
 * The same done to 1 to ALERTS_ACTED_ON_MAX (model/limits.ts) alerts, in one transaction. Resolves once it is durable, with those it could
 * not be done to. `userId` "": whoever calls.
 */
export function actOnAlerts(
  connection: Connection,
  request: AlertActs,
  options: AskOptions = {},
): Promise<ActOnAlertsResponse> {
  return ask(connection, Alerts.method.actOnAlerts, request, options);
}
