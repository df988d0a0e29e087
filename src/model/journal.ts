/**
 * The journal is the one append-only, numbered log of everything that is not a point. Documents are small state that is
 * projected from it: each changes in the transaction of the events that changed it.
 */
export interface JournalEvent {
  /** When it came, Unix milliseconds. */
  readonly atMs: number;
  /** What it is about, such as "alert". */
  readonly kind: string;
  /** Which one, such as an alert's id. */
  readonly subject: string;
  /** Whoever did it. */
  readonly actor: string;
  /** JSON. */
  readonly payload: string;
}

export interface JournalEntry extends JournalEvent {
  /** From 1, ascending, with gaps; given once in an epoch. */
  readonly position: number;
}

export interface StoredDocument {
  readonly collection: string;
  /** Names it within the collection. */
  readonly key: string;
  /** What the collection is listed by, such as the time it was made. */
  readonly sort: number;
  /** JSON. */
  readonly value: string;
}

export interface DocumentChange extends Omit<StoredDocument, "value"> {
  /** JSON; null removes the document, if it is there. */
  readonly value: string | null;
}

export interface JournalQuery {
  /** Entries behind this position; 0: from the first. */
  readonly after: number;
  /** And before this one; left out: to the last. */
  readonly before?: number;
  /** The last one first. */
  readonly descending?: boolean;
  /** At least 1. */
  readonly limit: number;
  readonly subject?: string;
  readonly kind?: string;
}

export interface DocumentQuery {
  readonly collection: string;
  /** Documents behind this place in the order asked for; left out: from the first. */
  readonly after?: Pick<StoredDocument, "sort" | "key">;
  /** At least 1. */
  readonly limit: number;
  readonly descending?: boolean;
  /** Damaged ones, too, with {@link DAMAGED} for their value: where it matters that there is one. */
  readonly hasDamaged?: boolean;
}

/** No value of a document is that. */
export const DAMAGED = "";

/**
 * Where a document that is lost lets somebody in. How many there are is kept apart from them, so that those are missed whose
 * collection or key is damaged: all together they are one that is damaged, called {@link LOST}.
 */
export const COUNTED_COLLECTIONS: ReadonlySet<string> = new Set(["token", "revoked-certificate"]);
export const LOST = "lost";
