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
  /** That the issue had when it was told last. */
  readonly issueComments: number;
  /** The gravest so far. */
  readonly severity: Severity;
  /** Of the alerts that were heard of since it was opened. */
  readonly active: number;
  /** Of these, as many as are kept by their ids; of the others only how many there are. */
  readonly activeIds: readonly string[];
  /** Position of the last entry that was told. */
  readonly through: number;
  /** Null while some are active. */
  readonly overAtMs: number | null;
}

const ACTIVE_IDS_MAX = 250;

/** What it is once `news` are told; the session and the issue are for whoever opens them. */
export function incidentAfter(before: OpenedIncident | undefined, news: IncidentNews, nowMs: number): OpenedIncident {
  const { key, severity, through } = news;
  const was = before?.severity ?? "low";
  const { active, activeIds } = activeAfter(before, news);
  return {
    key,
    sessionId: before?.sessionId ?? "",
    issue: before?.issue ?? 0,
    issueComments: before?.issueComments ?? 0,
    severity: severity === undefined ? was : graver(severity, was),
    active,
    activeIds,
    through,
    overAtMs: active > 0 ? null : (before?.overAtMs ?? nowMs),
  };
}

/** An alert that is over and was not among the active ones had fired before it was opened. */
function activeAfter(before: OpenedIncident | undefined, { turns }: IncidentNews) {
  const ids = new Set(before?.activeIds);
  let others = (before?.active ?? 0) - ids.size;
  for (const { alertId, change } of turns) {
    if (change === "cleared") {
      if (!ids.delete(alertId) && others > 0) others--;
    } else if (!ids.has(alertId) && (change === "fired" || others === 0)) {
      if (ids.size < ACTIVE_IDS_MAX) ids.add(alertId);
      else others++;
    }
  }
  return { active: ids.size + others, activeIds: [...ids] };
}

export function documentOfIncident(incident: OpenedIncident): DocumentChange {
  const { key, ...rest } = incident;
  return { collection: OPENED_INCIDENTS, key, sort: 0, value: JSON.stringify(rest) };
}

/** Inverse of {@link documentOfIncident}. Throws for what is none. */
export function incidentOf({ key, value }: Pick<StoredDocument, "key" | "value">): OpenedIncident {
  const read = JSON.parse(value) as Partial<OpenedIncident>;
  const { sessionId, issue, issueComments = 0, severity, active, activeIds = [], through, overAtMs } = read;
  const isCounted = [issue, issueComments, active, through].every((each) => Number.isSafeInteger(each) && each! >= 0);
  const isTimed = overAtMs === null || typeof overAtMs === "number";
  const isKnown = Array.isArray(activeIds) && activeIds.length <= active!;
  if (typeof sessionId !== "string" || !SEVERITIES.includes(severity!) || !isCounted || !isKnown || !isTimed) {
    throw new TypeError("it is no incident as this version writes them");
  }
  return {
    key,
    sessionId,
    issue: issue!,
    issueComments,
    severity: severity!,
    active: active!,
    activeIds,
    through: through!,
    overAtMs,
  };
}
