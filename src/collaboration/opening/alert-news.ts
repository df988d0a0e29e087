/** What an entry of the journal says of an alert, as far as sessions and issues are opened for it and told of it. Pure. */
import type { JournalEntry } from "../../model/journal.ts";

/** The mildest first. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

const CHANGES = ["fired", "rose", "cleared"] as const;

export interface AlertNews {
  readonly position: number;
  readonly change: (typeof CHANGES)[number];
  /** Who did it; "": the server. */
  readonly actor: string;
  readonly alertId: string;
  /** "": the alert belongs to none. */
  readonly incidentId: string;
  readonly rule: string;
  /** By another system: the rule is but a name. */
  readonly isPublished: boolean;
  readonly severity: Severity;
  readonly title: string;
  readonly description: string;
  readonly runbook: string;
  /** "": none. */
  readonly device: string;
  /** Why it is over; "" while it is not. */
  readonly because: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Undefined where it is another change, such as an acknowledgement. Throws for what is no entry of an alert. */
export function alertNewsOf({ position, subject, actor, payload }: JournalEntry): AlertNews | undefined {
  const { change: given, alert } = JSON.parse(payload) as Json;
  const change = CHANGES.find((one) => one === given);
  if (change === undefined) return undefined;
  const { rule, isPublished, severity: graded, incidentId, clearedBecause, says } = (alert ?? {}) as Json;
  const severity = SEVERITIES.find((one) => one === graded);
  const { title, description, runbook, device, labels } = (says ?? {}) as Json;
  if (subject === "" || severity === undefined || typeof title !== "string") {
    throw new TypeError("it is no alert as this version writes them");
  }
  return {
    position,
    change,
    actor,
    alertId: subject,
    incidentId: textOf(incidentId),
    rule: textOf(rule),
    isPublished: isPublished === true,
    severity,
    title,
    description: textOf(description),
    runbook: textOf(runbook),
    device: textOf(device) || textOf(((labels ?? {}) as Json)["device"]),
    because: textOf(clearedBecause),
  };
}

export function graver(a: Severity, b: Severity): Severity {
  return SEVERITIES.indexOf(a) >= SEVERITIES.indexOf(b) ? a : b;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
