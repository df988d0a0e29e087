/** What people and the server say about one device: alerts that are over, notes, issues, sessions, delivery. */
import { IssueStatus, type Issue } from "../../wire/gen/issues_pb.ts";
import { AlertState, type Alert } from "../../wire/gen/alerts_pb.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import type { Session } from "../../wire/gen/collaboration_pb.ts";
import { globOfName } from "../../model/glob.ts";
import { alertsApi, collaborationApi, ingestionApi } from "../api.ts";
import { deliveriesOf, type Delivery } from "./delivery.ts";

export interface Part<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

interface Options {
  readonly signal: AbortSignal;
}

const SHOWN = 20;

export async function pastAlerts(device: string, options: Options): Promise<Part<Alert>> {
  const request = { devices: [globOfName(device)], state: AlertState.CLEARED, limit: SHOWN };
  const { alerts, nextPage } = await alertsApi.listAlerts(request, options);
  return { items: alerts, hasMore: nextPage !== "" };
}

export async function notesOf(device: string, options: Options): Promise<Part<Annotation>> {
  const { annotations, nextPage } = await collaborationApi.listAnnotations(
    { filter: { device: globOfName(device) }, limit: SHOWN },
    options,
  );
  return { items: annotations, hasMore: nextPage !== "" };
}

/** Open ones first. */
export async function issuesOf(device: string, options: Options): Promise<Part<Issue>> {
  const { issues, nextPage } = await collaborationApi.listIssues({ filter: { device }, limit: SHOWN }, options);
  const rank = ({ status }: Issue) => Number(status === IssueStatus.RESOLVED || status === IssueStatus.CLOSED);
  return { items: issues.sort((a, b) => rank(a) - rank(b)), hasMore: nextPage !== "" };
}

export async function sessionsOf(device: string, options: Options): Promise<Part<Session>> {
  const { sessions, nextPage } = await collaborationApi.listSessions({ device, limit: SHOWN }, options);
  return { items: sessions, hasMore: nextPage !== "" };
}

export async function deliveryOf(sources: readonly string[], options: Options): Promise<Part<Delivery>> {
  return { items: deliveriesOf(await ingestionApi.getDelivery({}, options), sources), hasMore: false };
}
