/** Alerts as notifications have them. Pure. */
import { isActiveAt } from "./active-time.ts";
import type { AlertRecord } from "./alert.ts";
import type { AlertFacts } from "./notify/alert-facts.ts";
import type { Notification } from "./notify/notification.ts";
import type { NotifyConfig } from "./notify/notify-config.ts";
import type { Rule } from "./rule.ts";

/** As it stands at a time; `rule`: undefined where it is not one of ours. */
export function notifyFactsOf(alert: AlertRecord, rule: Rule | undefined, nowMs: number): AlertFacts {
  const { id, severity, says, firedAtMs, clearedAtMs, acknowledged, isStale, isLate } = alert;
  const { title, description, runbook, labels, value, device } = says;
  return {
    id,
    rule: alert.rule,
    status: clearedAtMs === null ? "firing" : "resolved",
    severity,
    title,
    description,
    runbook,
    labels: { ...labels, alertname: alert.rule, severity },
    startsAtMs: firedAtMs,
    endsAtMs: clearedAtMs,
    value,
    isAcknowledged: acknowledged !== null,
    isStale,
    isRuleActive: rule === undefined || isActiveAt(rule.activeTimes, nowMs),
    isLateSilent: isLate && rule?.notifyLate !== true,
    absenceOf: rule?.condition.kind === "absence" ? device : "",
    graceMs: 0,
    // Over when it is told of, and to be told of once all the same.
    isOwed: isLate,
  };
}

/** What escalation tells one receiver, beside what routes say: of alerts that fire, the gravest first, or that all are over. */
export function incidentNotification(
  receiver: string,
  incidentId: string,
  alerts: readonly AlertRecord[],
  { maxAlerts, externalUrl }: Pick<NotifyConfig, "maxAlerts" | "externalUrl">,
  ruleOf: (name: string) => Rule | undefined,
  nowMs: number,
): Notification {
  return {
    receiver,
    groupKey: `incident ${incidentId}`,
    groupLabels: { incident: incidentId },
    status: alerts.some(({ clearedAtMs }) => clearedAtMs === null) ? "firing" : "resolved",
    alerts: alerts.slice(0, maxAlerts).map((alert) => notifyFactsOf(alert, ruleOf(alert.rule), nowMs)),
    truncatedAlerts: Math.max(0, alerts.length - maxAlerts),
    externalUrl,
    isRepeated: false,
  };
}
