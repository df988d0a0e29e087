/** Alerts as notifications have them. Pure. */
import { isActiveAt } from "./active-time.ts";
import type { AlertRecord } from "./alert.ts";
import type { AlertFacts } from "./notify/alert-facts.ts";
import type { Notification } from "./notify/notification.ts";
import type { NotifyConfig } from "./notify/notify-config.ts";
import type { Rule } from "./rule.ts";
import type { Severity } from "./severity.ts";

/** As it stands at a time; `rule`: undefined where it is not one of ours. */
export function notifyFactsOf(alert: AlertRecord, rule: Rule | undefined, nowMs: number): AlertFacts {
  return new RecordFacts(
    alert,
    rule === undefined || isActiveAt(rule.activeTimes, nowMs),
    alert.isLate && rule?.notifyLate !== true,
    rule?.condition.kind === "absence",
  );
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

/** Made of the record when it is asked for: the notifier keeps the facts of all that fire. */
class RecordFacts implements AlertFacts {
  readonly isRuleActive: boolean;
  readonly isLateSilent: boolean;
  readonly #alert: AlertRecord;
  readonly #isAbsence: boolean;

  constructor(alert: AlertRecord, isRuleActive: boolean, isLateSilent: boolean, isAbsence: boolean) {
    this.isRuleActive = isRuleActive;
    this.isLateSilent = isLateSilent;
    this.#alert = alert;
    this.#isAbsence = isAbsence;
  }

  get id(): string {
    return this.#alert.id;
  }

  get rule(): string {
    return this.#alert.rule;
  }

  get status(): "firing" | "resolved" {
    return this.#alert.clearedAtMs === null ? "firing" : "resolved";
  }

  get severity(): Severity {
    return this.#alert.severity;
  }

  get title(): string {
    return this.#alert.title;
  }

  get description(): string {
    return this.#alert.description;
  }

  get runbook(): string {
    return this.#alert.runbook;
  }

  get labels(): Readonly<Record<string, string>> {
    const { labels, rule, severity } = this.#alert;
    return { ...labels, alertname: rule, severity };
  }

  get startsAtMs(): number {
    return this.#alert.firedAtMs;
  }

  get endsAtMs(): number | null {
    return this.#alert.clearedAtMs;
  }

  get value(): number {
    return this.#alert.value;
  }

  get isAcknowledged(): boolean {
    return this.#alert.acknowledged !== null;
  }

  get isStale(): boolean {
    return this.#alert.isStale;
  }

  get absenceOf(): string {
    return this.#isAbsence ? this.#alert.device : "";
  }

  get graceMs(): number {
    return 0;
  }

  /** Over when it is told of, and to be told of once all the same. */
  get isOwed(): boolean {
    return this.#alert.isLate;
  }

  toJSON(): AlertFacts {
    const { id, rule, status, severity, title, description, runbook, labels, startsAtMs, endsAtMs, value } = this;
    const { isAcknowledged, isStale, isRuleActive, isLateSilent, absenceOf, graceMs, isOwed } = this;
    const notified = { id, rule, status, severity, title, description, runbook, labels, startsAtMs, endsAtMs, value };
    return { ...notified, isAcknowledged, isStale, isRuleActive, isLateSilent, absenceOf, graceMs, isOwed };
  }
}
