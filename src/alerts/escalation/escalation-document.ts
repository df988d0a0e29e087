/** How escalation is written down: a document for each incident, and one for each of its alerts. */
import type { StoredIncident } from "./incident.ts";
import type { StoredMember } from "./member.ts";

/** `value` is JSON; null: the document is gone. */
export interface EscalationDocument {
  readonly key: string;
  readonly value: string | null;
}

/** What a document is of; its key begins with that. */
export type DocumentKind = "incident" | "member";

export interface StoredEscalations {
  /** By their ids. */
  readonly incidents: ReadonlyMap<string, StoredIncident>;
  /** In the order in which they joined their incidents. */
  readonly members: readonly StoredMember[];
}

export function documentKey(kind: DocumentKind, name: string): string {
  return `${kind}:${name}`;
}

export function partsOfKey(key: string): { readonly kind: DocumentKind; readonly name: string } {
  const at = key.indexOf(":");
  return { kind: key.slice(0, at) as DocumentKind, name: key.slice(at + 1) };
}

/** What documents say, each as it was last; those of others are let be. Throws SyntaxError on one that is not JSON. */
export function readDocuments(documents: Iterable<EscalationDocument>): StoredEscalations {
  const incidents = new Map<string, StoredIncident>();
  const members: StoredMember[] = [];
  for (const { key, value } of documents) {
    if (value === null) continue;
    const { kind, name } = partsOfKey(key);
    if (kind === "incident") incidents.set(name, JSON.parse(value) as StoredIncident);
    else if (kind === "member") members.push(JSON.parse(value) as StoredMember);
  }
  members.sort((a, b) => a.nth - b.nth);
  return { incidents, members };
}
