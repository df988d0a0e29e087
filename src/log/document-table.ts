/** The documents in `state.db`. */
import type { Database } from "bun:sqlite";
import { COUNTED_COLLECTIONS, DAMAGED, LOST } from "../model/journal.ts";
import type { DocumentChange, DocumentQuery, StoredDocument } from "../model/journal.ts";
import { PAGE_ROWS_MAX, pageOf, type RowPage } from "./page.ts";
import type { DocumentPage } from "./protocol.ts";

export type DocumentRow = StoredDocument & { readonly crc: number };
export type DocumentName = Pick<StoredDocument, "collection" | "key">;

/** Of documents that may be those that are missed. */
const DAMAGED_NAMED_MAX = 5;

export const DOCUMENT_COLUMNS = "collection, key, sort, value, crc";

/** The small state of `state.db`. */
export interface MetaTable {
  number(key: string): number | undefined;
  set(key: string, value: number): void;
}

export class DocumentTable {
  readonly #db: Database;
  readonly #meta: MetaTable;

  constructor(db: Database, meta: MetaTable) {
    this.#db = db;
    this.#meta = meta;
  }

  /** Makes the table where it is missing. */
  static make(db: Database): void {
    const columns = [
      "collection TEXT NOT NULL",
      "key TEXT NOT NULL",
      "sort INTEGER NOT NULL",
      "value TEXT NOT NULL",
      "crc INTEGER NOT NULL",
      "PRIMARY KEY (collection, key)",
    ];
    db.run(`CREATE TABLE IF NOT EXISTS document (${columns.join(", ")}) WITHOUT ROWID`);
    db.run("CREATE INDEX IF NOT EXISTS document_by_sort ON document (collection, sort, key)");
  }

  /** One with {@link DAMAGED} for its value is a damaged one from then on, where there is none of its name. */
  put(document: StoredDocument): void {
    const { collection, key, sort, value } = document;
    const otherwise = value === DAMAGED ? "IGNORE" : "REPLACE";
    const insert = this.#db.query(`INSERT OR ${otherwise} INTO document VALUES (?, ?, ?, ?, ?)`);
    insert.run(collection, key, sort, value, documentCrc(document));
  }

  apply(change: DocumentChange): void {
    const { collection, value } = change;
    if (COUNTED_COLLECTIONS.has(collection)) this.#count(change);
    if (value !== null) return this.put({ ...change, value });
    const remove = this.#db.query("DELETE FROM document WHERE collection = ? AND key = ?");
    remove.run(collection, change.key);
  }

  /** Of the counted collections, how many documents there are, also where some of them are lost; by the key in the small state. */
  counts(): Record<string, number> {
    return Object.fromEntries(Array.from(COUNTED_COLLECTIONS, (name) => [countKey(name), this.#counted(name)]));
  }

  /** All documents are others now: those that are there are all that there should be. */
  recount(): void {
    for (const collection of COUNTED_COLLECTIONS) this.#meta.set(countKey(collection), this.#found(collection));
  }

  /** A page of what is asked for, by sort and key. */
  read({ collection, after, limit, descending = false, hasDamaged = false }: DocumentQuery): DocumentPage {
    const [order, beyond] = descending ? ["DESC", "<"] : ["ASC", ">"];
    const behind = after === undefined ? "" : `AND (sort, key) ${beyond} (?, ?)`;
    const sql = `SELECT ${DOCUMENT_COLUMNS} FROM document WHERE collection = ? ${behind} ORDER BY sort ${order}, key ${order} LIMIT ?`;
    const place = after === undefined ? [] : [after.sort, after.key];
    const found = this.#db.query(sql).iterate(collection, ...place, PAGE_ROWS_MAX);
    const page = answerOf(pageOf(found as IterableIterator<DocumentRow>, limit, charsOf), hasDamaged);
    const isCounted = hasDamaged && after === undefined && COUNTED_COLLECTIONS.has(collection);
    const lost = isCounted ? this.#counted(collection) - this.#found(collection) : 0;
    if (lost <= 0) return page;
    const damaged = this.#damagedNames(DAMAGED_NAMED_MAX).join(", ") || "none that is there";
    const sentence = `${lost} of the documents of ${JSON.stringify(collection)} cannot be found; damaged are: ${damaged}`;
    return {
      ...page,
      lost: sentence,
      documents: [{ collection, key: LOST, sort: 0, value: DAMAGED }, ...page.documents],
    };
  }

  /** One or none. */
  one({ collection, key }: DocumentName, hasDamaged = false): DocumentPage {
    const query = this.#db.query(`SELECT ${DOCUMENT_COLUMNS} FROM document WHERE collection = ? AND key = ?`);
    return answerOf({ rows: query.all(collection, key) as DocumentRow[], isLast: true }, hasDamaged);
  }

  /** A page of all documents behind a name, by collection and key, damaged ones too. */
  all(after: DocumentName | null): RowPage<DocumentRow> {
    const behind = after === null ? "" : "WHERE (collection, key) > (?, ?)";
    const sql = `SELECT ${DOCUMENT_COLUMNS} FROM document ${behind} ORDER BY collection, key LIMIT ?`;
    const place = after === null ? [] : [after.collection, after.key];
    const found = this.#db.query(sql).iterate(...place, PAGE_ROWS_MAX) as IterableIterator<DocumentRow>;
    return pageOf(found, PAGE_ROWS_MAX, charsOf);
  }

  /** Whether `name` stands at `place` or before, in the order of {@link all}. */
  isThrough(name: DocumentName, place: DocumentName): boolean {
    const query = this.#db.query("SELECT (?, ?) <= (?, ?) AS is_through");
    const row = query.get(name.collection, name.key, place.collection, place.key) as { is_through: number };
    return row.is_through === 1;
  }

  /** Before it is made. To remove {@link LOST}, or what cannot be found, takes leave of all that are lost. */
  #count({ collection, key, value }: DocumentChange): void {
    const isThere =
      this.#db.query("SELECT 1 FROM document WHERE collection = ? AND key = ?").get(collection, key) !== null;
    if (value !== null && isThere) return;
    const count = value !== null || isThere ? this.#counted(collection) + (isThere ? -1 : 1) : this.#found(collection);
    this.#meta.set(countKey(collection), count);
  }

  #counted(collection: string): number {
    const count = this.#meta.number(countKey(collection));
    const found = this.#found(collection);
    return isCount(count) ? Math.max(count, found) : found;
  }

  /** In the order in which they lie: where that is wrong nothing can be looked for. */
  #damagedNames(max: number): string[] {
    const names: string[] = [];
    for (const found of this.#db.query(`SELECT ${DOCUMENT_COLUMNS} FROM document NOT INDEXED`).iterate()) {
      const row = found as DocumentRow;
      if (!isWholeDocument(row)) names.push(documentName(row));
      if (names.length === max) break;
    }
    return names;
  }

  #found(collection: string): number {
    return foundDocuments(this.#db, collection);
  }
}

/** Of the small state. */
export function countKey(collection: string): string {
  return `documents_${collection}`;
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** As they are read: by the index, and then each by its name, of which either may be damaged. */
export function foundDocuments(db: Database, collection: string): number {
  const sql = "SELECT count(value) AS found FROM document INDEXED BY document_by_sort WHERE collection = ?";
  return (db.query(sql).get(collection) as { found: number }).found;
}

export function documentName({ collection, key }: DocumentName): string {
  return `document ${JSON.stringify(key)} of ${JSON.stringify(collection)}`;
}

export function isWholeDocument(row: DocumentRow): boolean {
  return row.value !== DAMAGED && row.crc === documentCrc(row);
}

/** What the row of a document is checked with. */
export function documentCrc(document: StoredDocument): number {
  return Bun.hash.crc32(textOf(document));
}

export function storedDocument({ collection, key, sort, value }: DocumentRow): StoredDocument {
  return { collection, key, sort, value };
}

/** That there is one, without what stands in it. Whatever its cells are, they can be told. */
export function damagedDocument({ collection, key, sort }: DocumentRow): StoredDocument {
  return { collection: String(collection), key: String(key), sort: Number.isFinite(sort) ? sort : 0, value: DAMAGED };
}

function answerOf({ rows, isLast }: RowPage<DocumentRow>, hasDamaged = false): DocumentPage {
  const documents: StoredDocument[] = [];
  const damage: string[] = [];
  for (const row of rows) {
    const isWhole = isWholeDocument(row);
    if (!isWhole) damage.push(documentName(row));
    if (isWhole) documents.push(storedDocument(row));
    else if (hasDamaged) documents.push(damagedDocument(row));
  }
  const last = rows.at(-1);
  return { documents, damage, next: isLast || last === undefined ? null : { sort: last.sort, key: last.key } };
}

function charsOf(row: DocumentRow): number {
  return textOf(row).length;
}

/** Whatever the cells of a damaged row are. */
function textOf({ collection, key, sort, value }: StoredDocument): string {
  return [collection, key, sort, value].join("\0");
}
