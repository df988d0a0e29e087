/** Alerts as they go over the wire. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampOfMs } from "../wire/timestamp.ts";
import { AlertChange as WireChange, AlertSchema, AlertState } from "../wire/gen/alerts_pb.ts";
import type { AlertChange, AlertRecord } from "./alert.ts";

export type AlertMessage = MessageInitShape<typeof AlertSchema>;

export function messageOf(alert: AlertRecord): AlertMessage {
  const { acknowledged, clearedAtMs } = alert;
  return {
    id: alert.id,
    title: alert.title,
    description: alert.description,
    severity: alert.severity,
    createdAt: timestampOfMs(alert.firedAtMs),
    context: contextOf(alert),
    rule: alert.rule,
    state: clearedAtMs === null ? AlertState.ACTIVE : AlertState.CLEARED,
    labels: { ...alert.labels },
    value: alert.value,
    since: timestampOfMs(alert.sinceMs),
    updatedAt: timestampOfMs(alert.updatedAtMs),
    ...(clearedAtMs === null ? {} : { clearedAt: timestampOfMs(clearedAtMs) }),
    clearedReason: alert.clearedBecause ?? "",
    severityMax: alert.severityMax,
    ...(acknowledged === null
      ? {}
      : {
          acknowledged: true,
          acknowledgedBy: acknowledged.by,
          acknowledgedAt: timestampOfMs(acknowledged.atMs),
          acknowledgedComment: acknowledged.comment,
        }),
    assignee: alert.assignee,
    comments: alert.comments.map(({ by, atMs, text }) => ({ userId: by, text, at: timestampOfMs(atMs) })),
    stale: alert.isStale,
    late: alert.isLate,
    runbook: alert.runbook,
    published: alert.isPublished,
    incidentId: alert.incidentId,
    raisedTo: alert.raisedTo ?? "",
  };
}

/** Who sends and reads nothing is told what was sent, and not what others have done about it. */
export function messageToSender(alert: AlertRecord): AlertMessage {
  const others = { acknowledged: false, acknowledgedBy: "", acknowledgedAt: undefined, acknowledgedComment: "" };
  return { ...messageOf(alert), ...others, ...{ assignee: "", comments: [], incidentId: "", raisedTo: "" } };
}

/** What clients that know the contract alone can read of it. */
function contextOf({ labels, rule, metric, source, device, value }: AlertRecord): Record<string, string> {
  const context: Record<string, string> = { ...labels, rule, value: String(value) };
  for (const [key, text] of Object.entries({ metric, source, device })) if (text !== "") context[key] = text;
  return context;
}

export const WIRE_CHANGES: Readonly<Record<AlertChange, WireChange>> = {
  fired: WireChange.FIRED,
  rose: WireChange.SEVERITY_ROSE,
  fell: WireChange.SEVERITY_FELL,
  cleared: WireChange.CLEARED,
  acknowledged: WireChange.ACKNOWLEDGED,
  assigned: WireChange.ASSIGNED,
  commented: WireChange.COMMENTED,
  stale: WireChange.STALE,
  heard: WireChange.HEARD,
  updated: WireChange.UPDATED,
  late: WireChange.LATE,
};
