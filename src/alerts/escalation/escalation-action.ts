/** What escalation wants done. Alerts are those of the incident that are open: firing, not acknowledged, not muted. */
import type { Severity } from "../severity.ts";

/** Where in its policy an incident is. */
export interface EscalationPlace {
  readonly policy: string;
  /** Counted from 1, as is the loop. */
  readonly step: number;
  readonly loop: number;
}

/** Tell people of the incident. */
export interface NotifyAction extends EscalationPlace {
  readonly kind: "notify";
  readonly incidentId: string;
  /** The loops are exhausted: the last step's once more. */
  readonly isReminder: boolean;
  /** At least one, each once; for a schedule, who is on call. */
  readonly receivers: readonly string[];
  /** In the order in which they joined. */
  readonly alertIds: readonly string[];
}

/** Alerts below a severity are to have it. Stands before the step's notification. */
export interface RaiseAction extends EscalationPlace {
  readonly kind: "raise";
  readonly incidentId: string;
  readonly alertIds: readonly string[];
  readonly severity: Severity;
}

/** All loops are through and nobody has acknowledged: said once, until it begins anew. Its place is the last step. */
export interface ExhaustedAction extends EscalationPlace {
  readonly kind: "exhausted";
  readonly incidentId: string;
  readonly alertIds: readonly string[];
}

export type Action = NotifyAction | RaiseAction | ExhaustedAction;
