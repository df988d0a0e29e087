/** An incident that something was opened for, as it is written down. Pure. */
import type { DocumentChange, StoredDocument } from "../../model/journal.ts";
import { graver, SEVERITIES, type Severity } from "./alert-news.ts";
import type { IncidentNews } from "./incident-news.ts";

/** By incident. */
export const OPENED_INCIDENTS = "opened-incident";

export interface OpenedIncident {
  readonly key: string;
  /** "": no session was opened. */
  readonly sessionId: string;
  /** Number; 0: no issue was opened. */
  readonly issue: number;
  /** The gravest so far. */
  readonly severity: Severity;
  /** Of the alerts that fired since it was opened. */
  readonly active: number;
  /** Position of the last entry that was told. */
  readonly through: number;
  /** Null while some are active. */
  readonly overAtMs: number | null;
}

/** What it is once `news` are told; the session and the issue are for whoever opens them. */
export function incidentAfter(before: OpenedIncident | undefined, news: IncidentNews, nowMs: number): OpenedIncident {
  const { key, sums, severity, through } = news;
  const was = before?.severity ?? "low";
  const active = Math.max(0, (before?.active ?? 0) + sums.fired.count - sums.cleared.count);
  return {
    key,
    sessionId: before?.sessionId ?? "",
    issue: before?.issue ?? 0,
    severity: severity === undefined ? was : graver(severity, was),
    active,
    through,
    overAtMs: active > 0 ? null : (before?.overAtMs ?? nowMs),
  };
}

export function documentOfIncident(incident: OpenedIncident): DocumentChange {
  const { key, ...rest } = incident;
  return { collection: OPENED_INCIDENTS, key, sort: 0, value: JSON.stringify(rest) };
}

/** Inverse of {@link documentOfIncident}. Throws for what is none. */
export function incidentOf({ key, value }: Pick<StoredDocument, "key" | "value">): OpenedIncident {
  const { sessionId, issue, severity, active, through, overAtMs } = JSON.parse(value) as Partial<OpenedIncident>;
  const isCounted = [issue, active, through].every((each) => Number.isSafeInteger(each) && each! >= 0);
  const isTimed = overAtMs === null || typeof overAtMs === "number";
  if (typeof sessionId !== "string" || !SEVERITIES.includes(severity!) || !isCounted || !isTimed) {
    throw new TypeError("it is no incident as this version writes them");
  }
  return { key, sessionId, issue: issue!, severity: severity!, active: active!, through: through!, overAtMs };
}
