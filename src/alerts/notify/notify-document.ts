/** How the notifier's state is written down: a document each for alerts, groups, what was said in a group, and silences. */
import type { AlertFacts } from "./alert-facts.ts";
import type { Group, StoredGroup } from "./group.ts";
import type { StoredSilence } from "./silences.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";

/** `value` is JSON; null: the document is gone. */
export interface NotifyDocument {
  readonly key: string;
  readonly value: string | null;
}

/** What a document is of; its key begins with that. */
export type DocumentKind = "alert" | "group" | "told" | "silence";

export interface StoredAlert {
  readonly facts: AlertFacts;
  readonly graceFromMs: number;
  readonly isOwed: boolean;
  /** Of one that is over: the groups that have not said so. Those of one that fires follow from its labels. */
  readonly pending: readonly string[];
}

/** What the receiver of a group knows: the rank of each alert that fires, by id. */
export type StoredTold = readonly (readonly [id: string, rank: number])[];

export interface StoredState {
  readonly alerts: readonly StoredAlert[];
  /** By the keys of groups. */
  readonly groups: ReadonlyMap<string, StoredGroup>;
  readonly told: ReadonlyMap<string, StoredTold>;
  readonly silences: readonly StoredSilence[];
}

export function documentKey(kind: DocumentKind, name: string): string {
  return `${kind}:${name}`;
}

export function partsOfKey(key: string): { readonly kind: DocumentKind; readonly name: string } {
  const at = key.indexOf(":");
  return { kind: key.slice(0, at) as DocumentKind, name: key.slice(at + 1) };
}

export function storedAlert(alert: TrackedAlert): StoredAlert {
  const { facts, graceFromMs, isOwed, groups } = alert;
  return { facts, graceFromMs, isOwed, pending: isFiring(alert) ? [] : groups.map(({ key }) => key) };
}

/** Undefined where it knows nothing. */
export function storedTold({ members }: Group): StoredTold | undefined {
  const told = [...members.values()].filter(({ toldRank }) => toldRank > 0);
  return told.length === 0 ? undefined : told.map(({ alert, toldRank }) => [alert.id, toldRank]);
}

/** What documents say, each as it was last. Throws SyntaxError on one that is not JSON. */
export function readDocuments(documents: Iterable<NotifyDocument>): StoredState {
  const alerts: StoredAlert[] = [];
  const groups = new Map<string, StoredGroup>();
  const told = new Map<string, StoredTold>();
  const silences: StoredSilence[] = [];
  for (const { key, value } of documents) {
    if (value === null) continue;
    const { kind, name } = partsOfKey(key);
    if (kind === "alert") alerts.push(JSON.parse(value) as StoredAlert);
    else if (kind === "group") groups.set(name, JSON.parse(value) as StoredGroup);
    else if (kind === "told") told.set(name, JSON.parse(value) as StoredTold);
    else if (kind === "silence") silences.push(JSON.parse(value) as StoredSilence);
  }
  return { alerts, groups, told, silences };
}
