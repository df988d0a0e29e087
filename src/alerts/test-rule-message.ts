/** What a test of a rule says, as messages. */
import { timestampOfMs } from "../wire/timestamp.ts";
import type { NotifiedAlert } from "./notify/notification.ts";
import type { SimulatedNotification, SimulatedStep } from "./simulated-telling.ts";
import type { Episode } from "./simulation.ts";

export function episodeMessage({ says, severities, ...episode }: Episode) {
  return {
    labels: { ...says.labels },
    title: says.title,
    value: says.value,
    since: timestampOfMs(episode.sinceMs),
    firedAt: timestampOfMs(episode.firedAtMs),
    ...(episode.clearedAtMs === null ? {} : { clearedAt: timestampOfMs(episode.clearedAtMs) }),
    clearedReason: episode.clearedBecause ?? "",
    severity: episode.severity,
    severityMax: episode.severityMax,
    severities: severities.map(({ atMs, severity }) => ({ at: timestampOfMs(atMs), severity })),
    ...(episode.toldAtMs === null ? {} : { toldAt: timestampOfMs(episode.toldAtMs) }),
  };
}

export function notificationMessage({ atMs, alerts, alertCount, muted, ...told }: SimulatedNotification) {
  return {
    at: timestampOfMs(atMs),
    receiver: told.receiver,
    channel: told.channel,
    status: told.status,
    reason: told.reason,
    groupLabels: { ...told.groupLabels },
    alerts: alerts.map(alertMessage),
    alertsTotal: BigInt(alertCount),
    silenced: BigInt(muted.silenced),
    inhibited: BigInt(muted.inhibited + muted.held),
    inactive: BigInt(muted.inactive),
  };
}

export function stepMessage({ atMs, incidentId, alerts, alertCount, receivers, ...taken }: SimulatedStep) {
  return {
    at: timestampOfMs(atMs),
    incident: incidentId,
    policy: taken.policy,
    step: taken.step,
    loop: taken.loop,
    receivers: [...receivers],
    raisedSeverity: taken.raisedTo ?? "",
    reminder: taken.isReminder,
    exhausted: taken.isExhausted,
    alerts: alerts.map(alertMessage),
    alertsTotal: BigInt(alertCount),
  };
}

function alertMessage({ labels, title, severity, status }: NotifiedAlert) {
  return { labels: { ...labels }, title, severity, resolved: status === "resolved" };
}
