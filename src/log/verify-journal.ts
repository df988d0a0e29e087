/** Checks the journal and its documents in a `state.db` that nobody has open: every row by its checksum. */
import type { Database } from "bun:sqlite";
import { COUNTED_COLLECTIONS } from "../model/journal.ts";
import { countKey, DOCUMENT_COLUMNS, documentName, foundDocuments } from "./document-table.ts";
import { isCount, isWholeDocument, type DocumentRow } from "./document-table.ts";
import { ENTRY_COLUMNS, entryName, isWholeEntry, type EntryRow } from "./entry-table.ts";
import { isEpoch, isPosition } from "./journal-db.ts";
import { notServed } from "./page.ts";

export interface VerifiedJournal {
  readonly entries: number;
  readonly documents: number;
}

/** `meta`: the small state. Yields after every row. `onDamage` hears a sentence for each thing that is damaged. */
export function* verifyJournal(
  database: Database,
  meta: ReadonlyMap<string, unknown>,
  onDamage: (what: string) => void,
): Generator<void, VerifiedJournal> {
  const epoch = meta.get("journal_epoch");
  if (!isEpoch(epoch)) onDamage(`journal_epoch is ${String(epoch)}: all cursors of clients are refused`);
  for (const key of ["journal_first", "journal_next"]) {
    const value = meta.get(key) ?? 1;
    if (!isPosition(value)) onDamage(`${key} is ${String(value)}; wanted a position`);
  }
  for (const key of ["journal_head", "journal_link"]) {
    const value = meta.get(key) ?? 0;
    const isWhole = Number.isSafeInteger(value) && (value as number) >= 0;
    if (!isWhole) onDamage(`${key} is ${String(value)}; wanted a whole number, 0 or more`);
  }
  if (meta.has("journal_head") !== meta.has("journal_link"))
    onDamage("of journal_head and journal_link one is missing: it is not known how far the shared journal has come");
  let [entries, documents] = [0, 0];
  for (const row of database.query(`SELECT ${ENTRY_COLUMNS} FROM journal ORDER BY position`).iterate()) {
    const entry = row as EntryRow;
    if (!isWholeEntry(entry)) onDamage(notServed(entryName(entry.position)));
    entries++;
    yield;
  }
  for (const row of database.query(`SELECT ${DOCUMENT_COLUMNS} FROM document ORDER BY collection, key`).iterate()) {
    const document = row as DocumentRow;
    if (!isWholeDocument(document)) onDamage(notServed(documentName(document)));
    documents++;
    yield;
  }
  for (const collection of COUNTED_COLLECTIONS) {
    const [key, found] = [countKey(collection), foundDocuments(database, collection)];
    const count = meta.get(key) ?? found;
    if (!isCount(count)) onDamage(`${key} is ${String(count)}; wanted a number of documents`);
    else if (count !== found)
      onDamage(`of ${JSON.stringify(collection)} ${count} documents are counted, and ${found} can be found`);
    yield;
  }
  return { entries, documents };
}
