/**
 * Saved dashboards in the journal. A document has one dashboard whole, as protobuf JSON; an event what became of one, so that
 * what stood before can be read there. A document of its own says which revisions deleted ones had: those that take their ids
 * begin above them, and an editor that was left open does not take one for the other. Pure.
 */
import { fromJson, fromJsonString, toJsonString, type JsonObject } from "@bufbuild/protobuf";
import type { DocumentChange, JournalEvent } from "../../model/journal.ts";
import { SavedDashboardSchema, type SavedDashboard } from "../../wire/gen/saved_dashboards_pb.ts";

export const DASHBOARD_EVENT = "dashboard";
export const DASHBOARDS = "dashboard";
export const REVISIONS = "dashboard-revisions";
const DELETED = "deleted";
const READ = { ignoreUnknownFields: true };

/** Of its events: what nothing else is called. */
export function subjectOf(dashboardId: string): string {
  return `dashboard/${dashboardId}`;
}

/** Inverse of {@link subjectOf}. */
export function idOfSubject(subject: string): string {
  return subject.slice(subjectOf("").length);
}

export interface Rows {
  readonly events: readonly JournalEvent[];
  readonly changes: readonly DocumentChange[];
}

/** Of the document alone, in UTF-8. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

export function textOf(dashboard: SavedDashboard): string {
  return toJsonString(SavedDashboardSchema, dashboard);
}

/** Inverse of {@link textOf}. Throws for what is none. */
export function dashboardOf(text: string): SavedDashboard {
  return fromJsonString(SavedDashboardSchema, text, READ);
}

/** All but panels and variables. Throws for what is none. */
export function headOfText(text: string): SavedDashboard {
  const { panels, variables: _, ...rest } = JSON.parse(text) as JsonObject;
  const head = fromJson(SavedDashboardSchema, rest, READ);
  head.panelCount = Array.isArray(panels) ? panels.length : 0;
  return head;
}

export function headOf(dashboard: SavedDashboard): SavedDashboard {
  return { ...dashboard, panels: [], variables: [], panelCount: dashboard.panels.length };
}

export function rowsOfSaved(dashboard: SavedDashboard, text: string, atMs: number): Rows {
  const { dashboardId, updatedBy: actor } = dashboard;
  const event = { atMs, kind: DASHBOARD_EVENT, subject: subjectOf(dashboardId), actor, payload: text };
  return { events: [event], changes: [{ collection: DASHBOARDS, key: dashboardId, sort: 0, value: text }] };
}

/** `revisionMax`: of all that were ever deleted, this one among them. */
export function rowsOfDeleted(head: SavedDashboard, revisionMax: bigint, atMs: number): Rows {
  const { dashboardId, title, updatedBy: actor } = head;
  const payload = JSON.stringify({ deleted: true, title, revision: head.revision.toString() });
  const revisions = JSON.stringify({ revision: revisionMax.toString() });
  return {
    events: [{ atMs, kind: DASHBOARD_EVENT, subject: subjectOf(dashboardId), actor, payload }],
    changes: [
      { collection: DASHBOARDS, key: dashboardId, sort: 0, value: null },
      { collection: REVISIONS, key: DELETED, sort: 0, value: revisions },
    ],
  };
}

/** Of the document that {@link rowsOfDeleted} writes. Throws for what is none. */
export function revisionMaxOf(text: string): bigint {
  return BigInt((JSON.parse(text) as { readonly revision: string }).revision);
}
