/** A firing episode of one rule for one set of labels, as it stands. Never changed: a change makes another. */
import { WatchpostError } from "../model/errors.ts";
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

/** What few alerts have. */
type Uncommon = Pick<AlertOrigin, "isLate" | "isPublished"> &
  Pick<
    AlertChanges,
    "clearedAtMs" | "clearedBecause" | "acknowledged" | "assignee" | "comments" | "raisedTo" | "expiresAtMs"
  >;

/** All that have nothing of it share this: a hundred thousand may be active. */
const NOTHING_UNCOMMON: Uncommon = {
  isLate: false,
  isPublished: false,
  clearedAtMs: null,
  clearedBecause: null,
  acknowledged: null,
  assignee: "",
  comments: [],
  raisedTo: null,
  expiresAtMs: null,
};

export class AlertRecord implements AlertOrigin, AlertChanges, Description {
  readonly id: string;
  readonly rule: string;
  readonly sinceMs: number;
  readonly firedAtMs: number;
  readonly incidentId: string;
  readonly says: Description;
  readonly severity: Severity;
  readonly severityMax: Severity;
  readonly updatedAtMs: number;
  readonly isStale: boolean;
  readonly #uncommon: Uncommon;

  constructor(origin: AlertOrigin, changes: AlertChanges) {
    this.id = origin.id;
    this.rule = origin.rule;
    this.sinceMs = origin.sinceMs;
    this.firedAtMs = origin.firedAtMs;
    this.incidentId = origin.incidentId;
    this.says = changes.says;
    this.severity = changes.severity;
    this.severityMax = changes.severityMax;
    this.updatedAtMs = changes.updatedAtMs;
    this.isStale = changes.isStale;
    this.#uncommon = uncommonOf(origin, changes);
  }

  /** One that has just fired. */
  static fired(origin: AlertOrigin, severity: Severity, says: Description, updatedAtMs: number): AlertRecord {
    const severityMax = severity;
    return new AlertRecord(origin, { ...NOTHING_UNCOMMON, says, severity, severityMax, updatedAtMs, isStale: false });
  }

  /** Throws DATA_LOSS for what is no alert, and SyntaxError for what is no JSON. */
  static fromJson(text: string): AlertRecord {
    return AlertRecord.revived(JSON.parse(text) as AlertJson);
  }

  /** Throws DATA_LOSS for what is no alert. */
  static revived(json: AlertJson): AlertRecord {
    if (!isAlert(json)) throw new WatchpostError("DATA_LOSS", "it is no alert as this version writes them");
    const { labels } = json.says;
    const { metric = "", source = "", device = "" } = labels;
    const says = { metric, source, device, description: "", runbook: "", value: NaN, ...json.says };
    const origin = { incidentId: "", ...NOTHING_UNCOMMON, ...json };
    return new AlertRecord(origin, { ...NOTHING_UNCOMMON, severityMax: json.severity, isStale: false, ...json, says });
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

  get isLate(): boolean {
    return this.#uncommon.isLate;
  }

  get isPublished(): boolean {
    return this.#uncommon.isPublished;
  }

  get clearedAtMs(): number | null {
    return this.#uncommon.clearedAtMs;
  }

  get clearedBecause(): ClearedBecause | null {
    return this.#uncommon.clearedBecause;
  }

  get acknowledged(): Acknowledgement | null {
    return this.#uncommon.acknowledged;
  }

  get assignee(): string {
    return this.#uncommon.assignee;
  }

  get comments(): readonly AlertComment[] {
    return this.#uncommon.comments;
  }

  get raisedTo(): Severity | null {
    return this.#uncommon.raisedTo;
  }

  get expiresAtMs(): number | null {
    return this.#uncommon.expiresAtMs;
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

  toJSON(): object {
    const { id, rule, sinceMs, firedAtMs, updatedAtMs, severity, severityMax, says } = this;
    return {
      id,
      rule,
      sinceMs,
      firedAtMs,
      updatedAtMs,
      severity,
      severityMax: severityMax === severity ? undefined : severityMax,
      incidentId: this.incidentId || undefined,
      isStale: this.isStale || undefined,
      isLate: this.isLate || undefined,
      isPublished: this.isPublished || undefined,
      clearedAtMs: this.clearedAtMs ?? undefined,
      clearedBecause: this.clearedBecause ?? undefined,
      acknowledged: this.acknowledged ?? undefined,
      assignee: this.assignee || undefined,
      comments: this.comments.length === 0 ? undefined : this.comments,
      raisedTo: this.raisedTo ?? undefined,
      expiresAtMs: this.expiresAtMs ?? undefined,
      says: saysJsonOf(says),
    };
  }

  #changes(): AlertChanges {
    const { says, severity, severityMax, updatedAtMs, isStale } = this;
    return { ...this.#uncommon, says, severity, severityMax, updatedAtMs, isStale };
  }
}

function uncommonOf(origin: AlertOrigin, changes: AlertChanges): Uncommon {
  const { isLate, isPublished } = origin;
  const { clearedAtMs, clearedBecause, acknowledged, assignee, comments, raisedTo, expiresAtMs } = changes;
  const isCommon =
    !isLate &&
    !isPublished &&
    clearedAtMs === null &&
    clearedBecause === null &&
    acknowledged === null &&
    assignee === "" &&
    comments.length === 0 &&
    raisedTo === null &&
    expiresAtMs === null;
  if (isCommon) return NOTHING_UNCOMMON;
  const uncommon = { isLate, isPublished, clearedAtMs, clearedBecause, acknowledged };
  return { ...uncommon, assignee, comments, raisedTo, expiresAtMs };
}

/** As {@link AlertRecord.toJSON} writes it down. Left out: what is false, empty or null, and `severityMax` that is the severity. */
export interface AlertJson
  extends
    Pick<AlertOrigin, "id" | "rule" | "sinceMs" | "firedAtMs">,
    Pick<AlertChanges, "severity" | "updatedAtMs">,
    Partial<Pick<AlertOrigin, "incidentId"> & Pick<AlertChanges, "severityMax" | "isStale"> & Uncommon> {
  readonly says: SaysJson;
}

/** Left out: metric, source and device that the labels of these names tell; texts that are empty; a value that is none. */
type SaysJson = Pick<Description, "labels" | "title"> & Partial<Omit<Description, "labels" | "title">>;

function saysJsonOf({ labels, metric, source, device, title, description, runbook, value }: Description): object {
  const besides = (text: string, label: string) => (text === (labels[label] ?? "") ? undefined : text);
  return {
    labels,
    metric: besides(metric, "metric"),
    source: besides(source, "source"),
    device: besides(device, "device"),
    title,
    description: description || undefined,
    runbook: runbook || undefined,
    // JSON knows no NaN.
    value: Number.isNaN(value) ? undefined : value,
  };
}

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

/** Throws as {@link AlertRecord.fromJson} does. */
export function eventFromJson(text: string): Pick<AlertEvent, "change" | "text" | "alert" | "before"> {
  const { alert, ...event } = JSON.parse(text) as Omit<AlertEvent, "alert"> & { alert: AlertJson };
  return { ...event, alert: AlertRecord.revived(alert) };
}

/** As far as others rely on it. */
function isAlert(json: AlertJson | null): boolean {
  if (typeof json !== "object" || json === null) return false;
  const { id, rule, firedAtMs, severity, severityMax = severity, says, comments = [] } = json;
  const isNamed = typeof id === "string" && typeof rule === "string" && typeof firedAtMs === "number";
  const isGraded = rankOf(severity) > 0 && rankOf(severityMax) > 0;
  return isNamed && isGraded && typeof says?.labels === "object" && says.labels !== null && Array.isArray(comments);
}
