/** How alerts and instances are written down: entries of the journal, and documents that say how they stand. */
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEvent } from "../model/journal.ts";
import type { AlertEvent, AlertJson, AlertRecord } from "./alert.ts";
import { fixedHash } from "./fixed-hash.ts";
import type { Incident } from "./incidents.ts";
import type { Instance } from "./instance.ts";
import { conditionKey } from "./rule-text.ts";
import type { Rule } from "./rule.ts";
import type { SavedInstance } from "./saved-instance.ts";

/** Active ones of other systems; those of rules stand in the documents of their instances. */
export const PUBLISHED_ALERTS = "alerts-published";
export const CLEARED_ALERTS = "alerts-cleared";
export const INSTANCES = "alert-instances";
export const INCIDENTS = "incidents";
export const ALERT_EVENT = "alert";
export const INSTANCE_EVENT = "alert-instance";

const hashes = new WeakMap<Rule, string>();

type Usual = Pick<SavedInstance, "sinceUs" | "higherUs" | "keptSinceUs" | "isStale" | "firedUs" | "spent">;
/** What is left out where an instance stands so. */
const USUAL: Usual = { sinceUs: null, higherUs: [], keptSinceUs: null, isStale: false, firedUs: null, spent: [] };

/** An instance as it is written down. */
export interface StoredInstance {
  readonly rule: string;
  readonly key: string;
  /** What the rule was about. */
  readonly condition: string;
  /** As {@link stateText} makes it. */
  readonly state: Omit<SavedInstance, keyof Usual> & Partial<Usual>;
  /** Left out: it fires none. */
  readonly alert?: AlertJson;
}

/** Inverse of {@link documentOfInstance}. Throws DATA_LOSS for what is none, and SyntaxError for what is no JSON. */
export function storedInstanceOf(text: string): StoredInstance {
  const stored = JSON.parse(text) as StoredInstance | null;
  const { rule, key, state } = stored ?? {};
  const isPlaced = typeof rule === "string" && typeof key === "string" && typeof state === "object" && state !== null;
  if (isPlaced && typeof state.phase === "string") return stored!;
  throw new WatchpostError("DATA_LOSS", "it is no instance as this version writes them");
}

/** What an entry of the journal says of a change; `alertText`: the alert as JSON. */
export function eventOf({ change, atMs, actor, text, alert, before }: AlertEvent, alertText: string): JournalEvent {
  const said = JSON.stringify({ change, text, before });
  const payload = `${said.slice(0, -1)},"alert":${alertText}}`;
  return { atMs, kind: ALERT_EVENT, subject: alert.id, actor, payload };
}

/** Of its document. */
export function instanceKey(rule: Rule, key: string): string {
  return `${rule.name}/${key}`;
}

/** Where an instance stands, as JSON. */
export function stateText(saved: SavedInstance): string {
  const { sinceUs, higherUs, keptSinceUs, isStale, firedUs, spent, ...others } = saved;
  return JSON.stringify({
    ...others,
    sinceUs: sinceUs ?? undefined,
    higherUs: higherUs.length === 0 ? undefined : higherUs,
    keptSinceUs: keptSinceUs ?? undefined,
    isStale: isStale || undefined,
    firedUs: firedUs === -Infinity ? undefined : (firedUs ?? undefined),
    spent: spent.length === 0 ? undefined : spent,
  });
}

/** Inverse of {@link stateText}. */
export function savedIn({ state }: StoredInstance): SavedInstance {
  return { ...USUAL, ...state };
}

/** `state`: as JSON, null where it is gone; `alertText`: of the alert it fires, as JSON, null where it fires none. */
export function documentOfInstance(
  { rule, key }: Pick<Instance, "rule" | "key">,
  atMs: number,
  state: string | null,
  alertText: string | null,
): DocumentChange {
  const place = { collection: INSTANCES, key: instanceKey(rule, key), sort: atMs };
  if (state === null) return { ...place, value: null };
  const said = JSON.stringify({ rule: rule.name, key, condition: conditionHash(rule) });
  const alert = alertText === null ? "" : `,"alert":${alertText}`;
  return { ...place, value: `${said.slice(0, -1)},"state":${state}${alert}}` };
}

/** Of an alert that another system published, or that is over. */
export function documentsOf(alert: AlertRecord, alertText: string): DocumentChange[] {
  const documents: DocumentChange[] = [];
  const place = { key: alert.id, sort: alert.firedAtMs };
  const isActive = alert.clearedAtMs === null;
  if (alert.isPublished) documents.push({ ...place, collection: PUBLISHED_ALERTS, value: isActive ? alertText : null });
  if (!isActive) documents.push({ ...place, collection: CLEARED_ALERTS, value: alertText });
  return documents;
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
