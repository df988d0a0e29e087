/** What escalation has to know of an alert. */
import type { Severity } from "../severity.ts";

export interface EscalationFacts {
  readonly id: string;
  /** Alerts that share it escalate together. */
  readonly incidentId: string;
  /** The escalation policy of its rule; "": none, and it does not escalate. One that is not known is none. */
  readonly policy: string;
  readonly severity: Severity;
  readonly isFiring: boolean;
  readonly isAcknowledged: boolean;
  /** Of the acknowledgement that stands, Unix milliseconds: another time is another acknowledgement. Null: none stands. */
  readonly ackAtMs: number | null;
  /** Silenced, or held back by something else. */
  readonly isMuted: boolean;
}
