/** Entries of the journal and documents as a backup holds them: files of JSON arrays, a row each. */
import type { JournalEntry, StoredDocument } from "./journal.ts";

export function entriesText(entries: readonly JournalEntry[]): string {
  return JSON.stringify(entries.map((e) => [e.position, e.atMs, e.kind, e.subject, e.actor, e.payload]));
}

/** Inverse of {@link entriesText}. Throws, in words, for anything else. */
export function parseEntries(text: string): JournalEntry[] {
  return rowsIn(text, "nnssss").map(([position, atMs, kind, subject, actor, payload]) => {
    return { position, atMs, kind, subject, actor, payload } as JournalEntry;
  });
}

export function documentsText(documents: readonly StoredDocument[]): string {
  return JSON.stringify(documents.map(({ collection, key, sort, value }) => [collection, key, sort, value]));
}

/** Inverse of {@link documentsText}. Throws, in words, for anything else. */
export function parseDocuments(text: string): StoredDocument[] {
  return rowsIn(text, "ssns").map(([collection, key, sort, value]) => {
    return { collection, key, sort, value } as StoredDocument;
  });
}

/** `shape`: a letter for each cell, n for a number, s for a text. */
function rowsIn(text: string, shape: string): unknown[][] {
  const rows: unknown = JSON.parse(text);
  const hasShape = (row: unknown) => Array.isArray(row) && row.map((cell) => (typeof cell)[0]).join("") === shape;
  if (!Array.isArray(rows) || !rows.every(hasShape)) throw new Error("its rows are not those of a backup");
  return rows as unknown[][];
}
