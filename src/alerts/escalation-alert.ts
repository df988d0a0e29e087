/** The alert that says that an incident has gone through all steps of its escalation, and nobody has acknowledged it. */
import type { AlertRecord } from "./alert.ts";
import type { PublishedAlerts } from "./published-alerts.ts";

const RULE = "escalation-exhausted";
/** It ends with the incident, or when somebody acknowledges that. */
const EXPIRES_AFTER_MS = 10 * 366 * 86_400_000;

export function nobodyAnswers(published: PublishedAlerts, incidentId: string, alerts: readonly AlertRecord[]): void {
  const more = alerts.length > 1 ? `, and ${alerts.length - 1} more` : "";
  const title = `nobody has acknowledged: ${alerts[0]?.title ?? `incident ${incidentId}`}${more}`;
  const description = `All steps of the escalation of incident ${incidentId} are through.`;
  const says = { ...descriptionOf(incidentId), title, description };
  published.publish(RULE, "critical", says, EXPIRES_AFTER_MS, false, "");
}

export function somebodyAnswered(published: PublishedAlerts, incidentId: string): void {
  published.publish(RULE, "critical", descriptionOf(incidentId), 0, true, "");
}

/** Incidents of which it says so now. */
export function unansweredIncidents(active: Iterable<AlertRecord>): string[] {
  return [...active].flatMap(({ rule, isPublished, labels }) => {
    const { incident } = labels;
    return rule === RULE && isPublished && incident !== undefined ? [incident] : [];
  });
}

function descriptionOf(incidentId: string) {
  const labels = { incident: incidentId };
  return { labels, metric: "", source: "", device: "", title: "", description: "", runbook: "", value: NaN };
}
