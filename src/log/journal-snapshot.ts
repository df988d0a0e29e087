/**
 * What the journal and the documents were at one moment, for a backup or another node: read page by page while they change. Entries stay
 * as they are; of a document that changes before its page was read, what it was is kept.
 */
import type { StoredDocument } from "../model/journal.ts";
import { damagedDocument, documentName, isWholeDocument, storedDocument } from "./document-table.ts";
import type { DocumentName, DocumentTable } from "./document-table.ts";
import type { EntryTable } from "./entry-table.ts";
import { PAGE_ROWS_MAX } from "./page.ts";
import type { JournalSnapshotPage } from "./protocol.ts";

type Pages = Omit<JournalSnapshotPage, "firstPosition" | "counts">;

/** Of documents as they were. */
const KEPT_CHARS_MAX = 32 * 1024 * 1024;

export class JournalSnapshot {
  /** Of the small state, what belongs to the documents. */
  readonly counts: Readonly<Record<string, number>>;
  readonly #entries: EntryTable;
  readonly #documents: DocumentTable;
  readonly #throughPosition: number;
  #entriesAfter: number;
  /** Documents that have changed and are not read yet, as they were; null: there was none. By their name. */
  readonly #before = new Map<string, StoredDocument | null>();
  #keptChars = 0;
  #damage: string[] = [];
  #readThrough: DocumentName | null = null;
  #areRowsRead = false;

  constructor(entries: EntryTable, documents: DocumentTable, afterPosition: number, throughPosition: number) {
    this.#entries = entries;
    this.#documents = documents;
    this.#entriesAfter = afterPosition;
    this.#throughPosition = throughPosition;
    this.counts = documents.counts();
  }

  /** More has changed than can be kept: it cannot be read on. */
  get isOverfull(): boolean {
    return this.#keptChars > KEPT_CHARS_MAX;
  }

  /** A document is about to change. */
  noteBefore(name: DocumentName): void {
    const id = documentName(name);
    if (this.#areRowsRead || this.#before.has(id)) return;
    if (this.#readThrough !== null && this.#documents.isThrough(name, this.#readThrough)) return;
    const { documents, damage } = this.#documents.one(name, true);
    this.#damage.push(...damage);
    this.#before.set(id, documents[0] ?? null);
    this.#keptChars += id.length + (documents[0]?.value.length ?? 0);
  }

  /** The next page: all documents first, then all entries. */
  next(): Pages {
    if (!this.#areRowsRead) return this.#pageOfRows();
    if (this.#before.size > 0) return this.#pageOfRemoved();
    return this.#pageOfEntries();
  }

  #pageOfRows(): Pages {
    const { rows, isLast } = this.#documents.all(this.#readThrough);
    const documents: StoredDocument[] = [];
    const damagedDocuments = this.#damage.splice(0);
    for (const row of rows) {
      const id = documentName(row);
      const before = this.#before.get(id);
      if (before !== undefined) {
        if (before !== null) documents.push(before);
        this.#before.delete(id);
      } else if (isWholeDocument(row)) documents.push(storedDocument(row));
      else {
        documents.push(damagedDocument(row));
        damagedDocuments.push(id);
      }
    }
    this.#readThrough = rows.at(-1) ?? this.#readThrough;
    this.#areRowsRead = isLast;
    return { documents, entries: [], damage: [], damagedDocuments, isLast: false };
  }

  /** Those that were there and have no row any more. */
  #pageOfRemoved(): Pages {
    const documents: StoredDocument[] = [];
    for (const [id, before] of [...this.#before].slice(0, PAGE_ROWS_MAX)) {
      if (before !== null) documents.push(before);
      this.#before.delete(id);
    }
    return { documents, entries: [], damage: [], damagedDocuments: [], isLast: false };
  }

  #pageOfEntries(): Pages {
    const page = this.#entries.read({ after: this.#entriesAfter, limit: PAGE_ROWS_MAX });
    this.#entriesAfter = page.through;
    const entries = page.entries.filter(({ position }) => position <= this.#throughPosition);
    const isLast = page.isLast || page.through >= this.#throughPosition;
    return { documents: [], entries, damage: page.damage, damagedDocuments: [], isLast };
  }
}
