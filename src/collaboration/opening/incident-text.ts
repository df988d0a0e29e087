/** What an incident's session and issue are told. Pure. */
import { truncated } from "../../model/errors.ts";
import { SEVERITIES, type AlertNews } from "./alert-news.ts";
import type { AlertSum, IncidentNews } from "./incident-news.ts";
import type { OpenedIncident } from "./opened-incident.ts";

const TITLE_LENGTH_MAX = 250;
const SHOWN_LENGTH_MAX = 120;
const DESCRIPTION_LENGTH_MAX = 4_096;
const IDS_MAX = 20;

/** Of sessions and issues: the alert's, in one line. */
export function titleOf({ title, alertId }: AlertNews): string {
  return cut(title.replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim(), TITLE_LENGTH_MAX) || `alert ${alertId}`;
}

/** "2 alerts fired (1 critical, 1 high): ‘a’ and ‘b’; alert ‘c’ is over (resolved); 2 are active". */
export function newsText({ sums }: IncidentNews, { active }: OpenedIncident): string {
  const { fired, rose, cleared } = sums;
  const parts = [firedText(fired), roseText(rose), clearedText(cleared)].filter((part) => part !== "");
  if (active > 1) parts.push(`${active} are active`);
  else if (active === 0) parts.push("none is active any more");
  else if (cleared.count > 0) parts.push("1 is active");
  return parts.join("; ");
}

export function newsMetadata(news: IncidentNews, incident: OpenedIncident): Readonly<Record<string, string>> {
  const { sums, incidentId } = news;
  const ids = new Set(Object.values(sums).flatMap(({ first }) => first.map(({ alertId }) => alertId)));
  for (const id of news.alertIds) if (ids.size < IDS_MAX) ids.add(id);
  return {
    event: "alerts",
    fired: String(sums.fired.count),
    cleared: String(sums.cleared.count),
    active: String(incident.active),
    severity: incident.severity,
    alert_ids: [...ids].join(","),
    ...(incidentId === "" ? {} : { incident_id: incidentId }),
  };
}

export function descriptionOf({ description, rule, device, runbook, severity }: AlertNews): string {
  const lines = [
    cut(description, DESCRIPTION_LENGTH_MAX),
    `Opened by rule ${rule}, severity ${severity}.`,
    device === "" ? "" : `Device: ${device}`,
    runbook === "" ? "" : `Runbook: ${runbook}`,
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function firedText({ count, first, bySeverity }: AlertSum): string {
  if (count === 0) return "";
  if (count === 1) return `${first[0].severity} alert ${shown(first[0])} fired`;
  const grades = SEVERITIES.toReversed().flatMap((severity) => {
    const graded = bySeverity.get(severity);
    return graded === undefined ? [] : [`${graded} ${severity}`];
  });
  return `${count} alerts fired (${grades.join(", ")}): ${shownAll(first, count)}`;
}

function roseText({ count, first }: AlertSum): string {
  if (count === 0) return "";
  if (count === 1) return `alert ${shown(first[0])} rose to ${first[0].severity}`;
  return `${count} alerts rose in severity: ${shownAll(first, count)}`;
}

function clearedText({ count, first }: AlertSum): string {
  if (count === 0) return "";
  if (count > 1) return `${count} alerts are over: ${shownAll(first, count)}`;
  const { because, actor } = first[0];
  const by = actor === "" ? "" : ` by ${cut(actor, SHOWN_LENGTH_MAX)}`;
  const why = because === "by_hand" ? `resolved${by}` : because.replaceAll("_", " ");
  return `alert ${shown(first[0])} is over${why === "" ? "" : ` (${why})`}`;
}

function shownAll(first: readonly AlertNews[], count: number): string {
  const titles = first.map(shown);
  if (count > first.length) return `${titles.join(", ")} and ${count - first.length} more`;
  return `${titles.slice(0, -1).join(", ")} and ${titles.at(-1)}`;
}

function shown(alert: AlertNews): string {
  return `‘${cut(titleOf(alert), SHOWN_LENGTH_MAX)}’`;
}

/** Also between the halves of a character. */
function cut(text: string, max: number): string {
  return truncated(text, max).toWellFormed();
}
