/** A firing episode of one rule for one set of labels, as it stands. Never changed: a change makes another. */
import { rankOf, type Severity } from "./severity.ts";

export interface AlertComment {
  readonly by: string;
  readonly atMs: number;
  readonly text: string;
}

export interface Acknowledgement {
  readonly by: string;
  readonly atMs: number;
  readonly comment: string;
  /** The gravest that had been reached: only more than that voids it. */
  readonly severity: Severity;
}

export type ClearedBecause =
  "resolved" | "no_data" | "by_hand" | "rule_deleted" | "rule_changed" | "series_deleted" | "expired";

/** Nothing is left of the instance. */
export function isGone(because: ClearedBecause | null): boolean {
  return because === "rule_deleted" || because === "rule_changed" || because === "series_deleted";
}

/** What an alert says of itself. */
export interface Description {
  /** Those of the rule, and the tags, source and device of the series, or the values of the group. */
  readonly labels: Readonly<Record<string, string>>;
  /** "" where there is not one, as in source and device. */
  readonly metric: string;
  readonly source: string;
  readonly device: string;
  readonly title: string;
  readonly description: string;
  readonly runbook: string;
  /** What was compared with the limit; NaN where nothing was. */
  readonly value: number;
}

/** What changes while an alert lives. */
export interface AlertChanges {
  /** Made when it is asked for: a hundred thousand alerts may be active, and few of them looked at. */
  readonly says: Description;
  readonly severity: Severity;
  readonly severityMax: Severity;
  readonly updatedAtMs: number;
  /** Null while it is active. */
  readonly clearedAtMs: number | null;
  readonly clearedBecause: ClearedBecause | null;
  readonly acknowledged: Acknowledgement | null;
  readonly assignee: string;
  readonly comments: readonly AlertComment[];
  readonly isStale: boolean;
  /** By escalation: it is no milder than that, whatever its rule says. Null: it was not. */
  readonly raisedTo: Severity | null;
  /** When one that was published ends by itself; null for others. */
  readonly expiresAtMs: number | null;
}

/** What does not. */
export interface AlertOrigin {
  readonly id: string;
  readonly rule: string;
  /** When the condition began to hold, before the rule's hold. Event time where there are points, Unix milliseconds. */
  readonly sinceMs: number;
  readonly firedAtMs: number;
  readonly isLate: boolean;
  readonly isPublished: boolean;
  /** "": none. */
  readonly incidentId: string;
}

const NO_COMMENTS: readonly AlertComment[] = [];

export class AlertRecord implements AlertOrigin, AlertChanges, Description {
  readonly id: string;
  readonly rule: string;
  readonly sinceMs: number;
  readonly firedAtMs: number;
  readonly isLate: boolean;
  readonly isPublished: boolean;
  readonly incidentId: string;
  readonly says: Description;
  readonly severity: Severity;
  readonly severityMax: Severity;
  readonly updatedAtMs: number;
  readonly clearedAtMs: number | null;
  readonly clearedBecause: ClearedBecause | null;
  readonly acknowledged: Acknowledgement | null;
  readonly assignee: string;
  readonly comments: readonly AlertComment[];
  readonly isStale: boolean;
  readonly raisedTo: Severity | null;
  readonly expiresAtMs: number | null;

  constructor(origin: AlertOrigin, changes: AlertChanges) {
    this.id = origin.id;
    this.rule = origin.rule;
    this.sinceMs = origin.sinceMs;
    this.firedAtMs = origin.firedAtMs;
    this.isLate = origin.isLate;
    this.isPublished = origin.isPublished;
    this.incidentId = origin.incidentId;
    this.says = changes.says;
    this.severity = changes.severity;
    this.severityMax = changes.severityMax;
    this.updatedAtMs = changes.updatedAtMs;
    this.clearedAtMs = changes.clearedAtMs;
    this.clearedBecause = changes.clearedBecause;
    this.acknowledged = changes.acknowledged;
    this.assignee = changes.assignee;
    this.comments = changes.comments;
    this.isStale = changes.isStale;
    this.raisedTo = changes.raisedTo;
    this.expiresAtMs = changes.expiresAtMs;
  }

  /** One that has just fired. */
  static fired(origin: AlertOrigin, severity: Severity, says: Description, updatedAtMs: number): AlertRecord {
    return new AlertRecord(origin, {
      says,
      severity,
      severityMax: severity,
      updatedAtMs,
      clearedAtMs: null,
      clearedBecause: null,
      acknowledged: null,
      assignee: "",
      comments: NO_COMMENTS,
      isStale: false,
      raisedTo: null,
      expiresAtMs: null,
    });
  }

  static fromJson(text: string): AlertRecord {
    return revived(JSON.parse(text) as AlertJson);
  }

  with(changes: Partial<AlertChanges>): AlertRecord {
    return new AlertRecord(this, { ...this.#changes(), ...changes });
  }

  /** With another severity, or the one it was raised to: an acknowledgement stands unless it covers less. */
  withSeverity(given: Severity, says: Description): AlertRecord {
    const { raisedTo } = this;
    const severity = raisedTo !== null && rankOf(raisedTo) > rankOf(given) ? raisedTo : given;
    const severityMax = rankOf(severity) > rankOf(this.severityMax) ? severity : this.severityMax;
    const { acknowledged } = this;
    const isCovered = acknowledged === null || rankOf(severity) <= rankOf(acknowledged.severity);
    return this.with({ severity, severityMax, says, acknowledged: isCovered ? acknowledged : null });
  }

  get labels(): Readonly<Record<string, string>> {
    return this.says.labels;
  }

  get metric(): string {
    return this.says.metric;
  }

  get source(): string {
    return this.says.source;
  }

  get device(): string {
    return this.says.device;
  }

  get title(): string {
    return this.says.title;
  }

  get description(): string {
    return this.says.description;
  }

  get runbook(): string {
    return this.says.runbook;
  }

  get value(): number {
    return this.says.value;
  }

  toJSON(): AlertJson {
    const { id, rule, sinceMs, firedAtMs, isLate, isPublished, incidentId } = this;
    const { labels, metric, source, device, title, description, runbook, value } = this.says;
    const says = { labels, metric, source, device, title, description, runbook, value };
    return { id, rule, sinceMs, firedAtMs, isLate, isPublished, incidentId, ...this.#changes(), says };
  }

  #changes(): AlertChanges {
    const { says, severity, severityMax, updatedAtMs, clearedAtMs, clearedBecause } = this;
    const { acknowledged, assignee, comments, isStale, raisedTo, expiresAtMs } = this;
    return {
      says,
      severity,
      severityMax,
      updatedAtMs,
      clearedAtMs,
      clearedBecause,
      acknowledged,
      assignee,
      comments,
      isStale,
      raisedTo,
      expiresAtMs,
    };
  }
}

type AlertJson = AlertOrigin & AlertChanges;

/** An alert of another system, as that tells it. */
export interface Publication {
  readonly id: string | undefined;
  readonly rule: string;
  readonly severity: Severity;
  readonly says: Description;
  readonly expiresAtMs: number;
  readonly by: string;
}

/** What happened to an alert, as subscribers hear of it. */
export type AlertChange =
  | "fired"
  | "rose"
  | "fell"
  | "cleared"
  | "acknowledged"
  | "assigned"
  | "commented"
  | "stale"
  | "heard"
  | "updated"
  | "late";

/** One entry of an alert's history. */
export interface AlertEvent {
  readonly change: AlertChange;
  readonly atMs: number;
  /** Who did it; "": the server. */
  readonly actor: string;
  readonly text: string;
  readonly alert: AlertRecord;
  /** What stood before decides who has seen it; null where there was nothing. */
  readonly before: Seen | null;
}

/** What of an alert decides whether a reader sees it, and changes. */
export interface Seen {
  readonly severity: Severity;
  readonly isAcknowledged: boolean;
  readonly isActive: boolean;
}

export function seenOf({ severity, acknowledged, clearedAtMs }: AlertRecord): Seen {
  return { severity, isAcknowledged: acknowledged !== null, isActive: clearedAtMs === null };
}

export function eventFromJson(text: string): Pick<AlertEvent, "change" | "text" | "alert" | "before"> {
  const { alert, ...event } = JSON.parse(text) as Omit<AlertEvent, "alert"> & { alert: AlertJson };
  return { ...event, alert: revived(alert) };
}

/** JSON knows no NaN. */
function revived(json: AlertJson): AlertRecord {
  const value = (json.says.value as number | null) ?? NaN;
  return new AlertRecord(json, { ...json, says: { ...json.says, value } });
}
