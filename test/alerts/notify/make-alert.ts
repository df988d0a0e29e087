import type { AlertFacts } from "../../../src/alerts/notify/alert-facts.ts";
import type { Severity } from "../../../src/alerts/severity.ts";

export interface MadeAlert extends Partial<AlertFacts> {
  readonly id: string;
}

/** An alert that fires; `labels` are those beside alertname and severity. */
export function makeAlert({ id, labels = {}, ...given }: MadeAlert): AlertFacts {
  const rule = given.rule ?? "Hot";
  const severity: Severity = given.severity ?? "high";
  return {
    id,
    rule,
    status: "firing",
    severity,
    title: `${rule} ${id}`,
    description: "",
    runbook: "",
    labels: { ...labels, alertname: rule, severity },
    startsAtMs: 0,
    endsAtMs: null,
    value: 1,
    isAcknowledged: false,
    isStale: false,
    isRuleActive: true,
    isLateSilent: false,
    absenceOf: "",
    graceMs: 0,
    ...given,
  };
}

/** The same with other facts; a severity moves the label as well. */
export function changed(alert: AlertFacts, given: Partial<AlertFacts>): AlertFacts {
  const { severity = alert.severity, labels = alert.labels } = given;
  return { ...alert, ...given, labels: { ...labels, severity } };
}

export function resolved(alert: AlertFacts, endsAtMs: number): AlertFacts {
  return { ...alert, status: "resolved", endsAtMs };
}
