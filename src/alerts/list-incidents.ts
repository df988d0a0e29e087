/** ListIncidents: those with active alerts, from these. */
import { invalidField } from "../model/errors.ts";
import { SEES_ALL_ALERTS, type SeesAlert } from "../model/sees-alert.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { ListIncidentsRequest } from "../wire/gen/alerts_pb.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord } from "./alert.ts";
import type { Incident, Incidents } from "./incidents.ts";
import { rankOf } from "./severity.ts";

const [LIMIT_DEFAULT, LIMIT_MAX] = [1_000, 10_000];
const ALERT_IDS_MAX = 100;

type ToldIncident = Pick<Incident, "id" | "firstAtMs" | "rootId">;

/** Of alerts that are seen, as if there were no others. */
export function listIncidents({ limit }: ListIncidentsRequest, book: AlertBook, incidents: Incidents, sees: SeesAlert) {
  if (limit < 0 || limit > LIMIT_MAX) throw invalidField("limit", limit, `0 to ${LIMIT_MAX}`);
  const alertsOf = new Map<string, AlertRecord[]>();
  const isWhole = sees === SEES_ALL_ALERTS;
  for (const alert of book.active()) {
    // Labels are made when they are asked for.
    if (!isWhole && !sees(alert.labels)) continue;
    const others = alertsOf.get(alert.incidentId);
    if (others === undefined) alertsOf.set(alert.incidentId, [alert]);
    else others.push(alert);
  }
  const all = [...alertsOf].flatMap(([id, alerts]) => {
    const incident = incidents.get(id);
    if (incident === undefined) return [];
    return [{ incident: isWhole ? incident : incidentOf(incident, alerts), alerts }];
  });
  all.sort((a, b) => b.incident.firstAtMs - a.incident.firstAtMs || (a.incident.id < b.incident.id ? -1 : 1));
  const page = all.slice(0, limit || LIMIT_DEFAULT);
  return { incidents: page.map(({ incident, alerts }) => messageOf(incident, alerts)), total: BigInt(all.length) };
}

/** As far as these alerts tell. */
function incidentOf({ id, rootId }: Incident, alerts: readonly AlertRecord[]): ToldIncident {
  const earliest = alerts.reduce((best, each) => (isBefore(each, best) ? each : best));
  const isRootTold = alerts.some((alert) => alert.id === rootId);
  return { id, firstAtMs: earliest.firedAtMs, rootId: isRootTold ? rootId : earliest.id };
}

function isBefore(a: AlertRecord, b: AlertRecord): boolean {
  return a.firedAtMs < b.firedAtMs || (a.firedAtMs === b.firedAtMs && a.id < b.id);
}

function messageOf(incident: ToldIncident, alerts: readonly AlertRecord[]) {
  const byTime = [...alerts].sort((a, b) => a.firedAtMs - b.firedAtMs || (a.id < b.id ? -1 : 1));
  const root = byTime.find(({ id }) => id === incident.rootId) ?? byTime[0];
  const gravest = byTime.reduce((best, each) => (rankOf(each.severity) > rankOf(best.severity) ? each : best));
  return {
    id: incident.id,
    firstAt: timestampOfMs(incident.firstAtMs),
    rootAlertId: incident.rootId,
    title: root.title,
    severity: gravest.severity,
    active: BigInt(alerts.length),
    acknowledged: alerts.every(({ acknowledged }) => acknowledged !== null),
    alertIds: byTime.slice(0, ALERT_IDS_MAX).map(({ id }) => id),
  };
}
