/** ListIncidents: those with active alerts, from these. */
import { invalidField } from "../model/errors.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { ListIncidentsRequest } from "../wire/gen/alerts_pb.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord } from "./alert.ts";
import type { Incident, Incidents } from "./incidents.ts";
import { rankOf } from "./severity.ts";

const [LIMIT_DEFAULT, LIMIT_MAX] = [1_000, 10_000];
const ALERT_IDS_MAX = 100;

export function listIncidents({ limit }: ListIncidentsRequest, book: AlertBook, incidents: Incidents) {
  if (limit < 0 || limit > LIMIT_MAX) throw invalidField("limit", limit, `0 to ${LIMIT_MAX}`);
  const alertsOf = new Map<string, AlertRecord[]>();
  for (const alert of book.active()) {
    const others = alertsOf.get(alert.incidentId);
    if (others === undefined) alertsOf.set(alert.incidentId, [alert]);
    else others.push(alert);
  }
  const all = [...alertsOf].flatMap(([id, alerts]) => {
    const incident = incidents.get(id);
    return incident === undefined ? [] : [{ incident, alerts }];
  });
  all.sort((a, b) => b.incident.firstAtMs - a.incident.firstAtMs || (a.incident.id < b.incident.id ? -1 : 1));
  const page = all.slice(0, limit || LIMIT_DEFAULT);
  return { incidents: page.map(({ incident, alerts }) => messageOf(incident, alerts)), total: BigInt(all.length) };
}

function messageOf(incident: Incident, alerts: readonly AlertRecord[]) {
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
