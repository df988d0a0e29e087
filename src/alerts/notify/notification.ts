/** What is sent to a receiver: alerts of one group, as they stand. */
import type { Severity } from "../severity.ts";

export interface NotifiedAlert {
  readonly id: string;
  readonly rule: string;
  readonly status: "firing" | "resolved";
  readonly severity: Severity;
  readonly title: string;
  readonly description: string;
  readonly runbook: string;
  /** With "alertname" (the rule) and "severity". */
  readonly labels: Readonly<Record<string, string>>;
  /** Unix milliseconds. */
  readonly startsAtMs: number;
  /** Null while it is firing. */
  readonly endsAtMs: number | null;
  readonly value: number;
  readonly isAcknowledged: boolean;
  /** The series has been silent for longer than is usual. */
  readonly isStale: boolean;
}

export interface Notification {
  readonly receiver: string;
  /** The same for all notifications of a group to a route. */
  readonly groupKey: string;
  readonly groupLabels: Readonly<Record<string, string>>;
  /** Firing where any alert is. */
  readonly status: "firing" | "resolved";
  readonly alerts: readonly NotifiedAlert[];
  /** Alerts of the group left out. */
  readonly truncatedAlerts: number;
  /** Where people find this server; "": not known. */
  readonly externalUrl: string;
  /**
   * May be there already: it was sent once before, and nobody knows whether it got there, since the server ended meanwhile; or other
   * nodes could not be reached, of which one may send it, too.
   */
  readonly isRepeated: boolean;
}
