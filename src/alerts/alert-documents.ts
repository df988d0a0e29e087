/** How alerts and instances are written down: entries of the journal, and documents that say how they stand. */
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEvent } from "../model/journal.ts";
import type { AlertEvent, AlertRecord } from "./alert.ts";
import { fixedHash } from "./fixed-hash.ts";
import type { Incident } from "./incidents.ts";
import { conditionKey } from "./rule-text.ts";
import type { Rule } from "./rule.ts";
import type { SavedInstance } from "./saved-instance.ts";

export const ACTIVE_ALERTS = "alerts-active";
export const CLEARED_ALERTS = "alerts-cleared";
export const INSTANCES = "alert-instances";
export const INCIDENTS = "incidents";
export const ALERT_EVENT = "alert";
export const INSTANCE_EVENT = "alert-instance";

const hashes = new WeakMap<Rule, string>();

/** An instance as it is written down. */
export interface StoredInstance {
  readonly rule: string;
  readonly key: string;
  readonly alertId: string | null;
  /** What the rule was about. */
  readonly condition: string;
  readonly state: SavedInstance;
}

/** Inverse of how they are written. Throws DATA_LOSS for what is none, and SyntaxError for what is no JSON. */
export function storedInstanceOf(text: string): StoredInstance {
  const stored = JSON.parse(text) as StoredInstance | null;
  const { rule, key, state } = stored ?? {};
  const isPlaced = typeof rule === "string" && typeof key === "string" && typeof state === "object" && state !== null;
  if (isPlaced && Array.isArray(state.sincesUs) && Array.isArray(state.spent)) return stored!;
  throw new WatchpostError("DATA_LOSS", "it is no instance as this version writes them");
}

/** Of an alert. */
export function eventOf({ change, atMs, actor, text, alert, before }: AlertEvent): JournalEvent {
  return {
    atMs,
    kind: ALERT_EVENT,
    subject: alert.id,
    actor,
    payload: JSON.stringify({ change, text, alert, before }),
  };
}

/** An alert, where it is to be found now. */
export function documentsOf(alert: AlertRecord): DocumentChange[] {
  const document = { key: alert.id, sort: alert.firedAtMs };
  const value = JSON.stringify(alert);
  if (alert.clearedAtMs === null) return [{ ...document, collection: ACTIVE_ALERTS, value }];
  return [
    { ...document, collection: ACTIVE_ALERTS, value: null },
    { ...document, collection: CLEARED_ALERTS, value },
  ];
}

export function documentOfIncident(incident: Incident): DocumentChange {
  return { collection: INCIDENTS, key: incident.id, sort: incident.firstAtMs, value: JSON.stringify(incident) };
}

/** Throws as {@link storedInstanceOf} does. */
export function incidentOf(text: string): Incident {
  const incident = JSON.parse(text) as Incident | null;
  if (typeof incident?.id === "string" && typeof incident.firstAtMs === "number") return incident;
  throw new WatchpostError("DATA_LOSS", "it is no incident as this version writes them");
}

export function removalOfIncident(id: string): DocumentChange {
  return { collection: INCIDENTS, key: id, sort: 0, value: null };
}

/** The same as long as a rule is about the same, whatever version asks. */
export function conditionHash(rule: Rule): string {
  let hash = hashes.get(rule);
  if (hash === undefined) hashes.set(rule, (hash = fixedHash(conditionKey(rule))));
  return hash;
}
