/** The documents in `state.db`. */
import type { Database } from "bun:sqlite";
import { DAMAGED, type DocumentChange, type DocumentQuery, type StoredDocument } from "../model/journal.ts";
import { PAGE_ROWS_MAX, pageOf, type RowPage } from "./page.ts";
import type { DocumentPage } from "./protocol.ts";

export type DocumentRow = StoredDocument & { readonly crc: number };
export type DocumentName = Pick<StoredDocument, "collection" | "key">;

export const DOCUMENT_COLUMNS = "collection, key, sort, value, crc";

export class DocumentTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
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

  put(document: StoredDocument): void {
    const { collection, key, sort, value } = document;
    const insert = this.#db.query("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?)");
    insert.run(collection, key, sort, value, documentCrc(document));
  }

  apply({ value, ...document }: DocumentChange): void {
    if (value !== null) return this.put({ ...document, value });
    const remove = this.#db.query("DELETE FROM document WHERE collection = ? AND key = ?");
    remove.run(document.collection, document.key);
  }

  /** A page of what is asked for, by sort and key. */
  read({ collection, after, limit, descending = false, hasDamaged = false }: DocumentQuery): DocumentPage {
    const [order, beyond] = descending ? ["DESC", "<"] : ["ASC", ">"];
    const behind = after === undefined ? "" : `AND (sort, key) ${beyond} (?, ?)`;
    const sql = `SELECT ${DOCUMENT_COLUMNS} FROM document WHERE collection = ? ${behind} ORDER BY sort ${order}, key ${order} LIMIT ?`;
    const place = after === undefined ? [] : [after.sort, after.key];
    const found = this.#db.query(sql).iterate(collection, ...place, PAGE_ROWS_MAX);
    return answerOf(pageOf(found as IterableIterator<DocumentRow>, limit, charsOf), hasDamaged);
  }

  /** One or none. */
  one({ collection, key }: DocumentName): DocumentPage {
    const query = this.#db.query(`SELECT ${DOCUMENT_COLUMNS} FROM document WHERE collection = ? AND key = ?`);
    return answerOf({ rows: query.all(collection, key) as DocumentRow[], isLast: true });
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
}

export function documentName({ collection, key }: DocumentName): string {
  return `document ${JSON.stringify(key)} of ${JSON.stringify(collection)}`;
}

export function isWholeDocument(row: DocumentRow): boolean {
  return row.crc === documentCrc(row);
}

/** What the row of a document is checked with. */
export function documentCrc(document: StoredDocument): number {
  return Bun.hash.crc32(textOf(document));
}

export function storedDocument({ collection, key, sort, value }: DocumentRow): StoredDocument {
  return { collection, key, sort, value };
}

function answerOf({ rows, isLast }: RowPage<DocumentRow>, hasDamaged = false): DocumentPage {
  const documents: StoredDocument[] = [];
  const damage: string[] = [];
  for (const row of rows) {
    const isWhole = isWholeDocument(row);
    if (!isWhole) damage.push(documentName(row));
    if (isWhole) documents.push(storedDocument(row));
    else if (hasDamaged) documents.push({ ...storedDocument(row), key: String(row.key), value: DAMAGED });
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
