/**
 * The journal of another node on its way into `state.db`: pages gather in tables of their own, then take the place of what
 * is there in one transaction. What was there alone is kept as strays, until somebody has brought it again.
 */
import type { Database } from "bun:sqlite";
import type { JournalEntry, StoredDocument } from "../model/journal.ts";
import { documentCrc } from "./document-table.ts";
import { ENTRY_COLUMNS, entryCrc, type EntryRow } from "./entry-table.ts";
import { PAGE_ROWS_MAX, pageOf } from "./page.ts";
import type { IncomingChanges } from "./protocol.ts";

interface ChangeRow {
  readonly collection: string;
  readonly key: string;
  readonly sort: number | null;
  readonly value: string | null;
}

const GATHERED = ["incoming_entry", "incoming_document", "incoming_change"];

export class JournalIncoming {
  readonly #db: Database;

  /** Forgets what an earlier process gathered. */
  constructor(db: Database) {
    this.#db = db;
    this.#clear();
  }

  /** Forgets what was gathered and not taken. */
  begin(): void {
    this.#clear();
    this.#db.run("CREATE TABLE incoming_entry AS SELECT * FROM journal WHERE FALSE");
    this.#db.run("CREATE UNIQUE INDEX incoming_entry_by_position ON incoming_entry (position)");
    this.#db.run("CREATE TABLE incoming_document AS SELECT * FROM document WHERE FALSE");
    this.#db.run("CREATE UNIQUE INDEX incoming_document_by_key ON incoming_document (collection, key)");
  }

  put(entries: readonly JournalEntry[], documents: readonly StoredDocument[]): void {
    const insert = this.#db.query("INSERT INTO incoming_entry VALUES (?, ?, ?, ?, ?, ?, ?)");
    for (const entry of entries) {
      const { position, atMs, kind, subject, actor, payload } = entry;
      insert.run(position, atMs, kind, subject, actor, payload, entryCrc(entry));
    }
    const insertDocument = this.#db.query("INSERT INTO incoming_document VALUES (?, ?, ?, ?, ?)");
    for (const document of documents) {
      const { collection, key, sort, value } = document;
      insertDocument.run(collection, key, sort, value, documentCrc(document));
    }
  }

  /** In a transaction. Returns how many strays there are now. */
  take(afterPosition: number, firstPosition: number): number {
    this.#db.run("CREATE TABLE IF NOT EXISTS stray AS SELECT * FROM journal WHERE FALSE");
    const strays =
      "INSERT INTO stray SELECT here.* FROM journal AS here LEFT JOIN incoming_entry AS other USING (position) " +
      "WHERE position > ? AND position >= ? AND other.crc IS NOT here.crc";
    this.#db.query(strays).run(afterPosition, firstPosition);
    this.#db.query("DELETE FROM journal WHERE position > ?").run(afterPosition);
    this.#db.query("INSERT INTO journal SELECT * FROM incoming_entry WHERE position > ?").run(afterPosition);

    const cells = "collection, key, sort, value, crc";
    this.#db.run(
      "CREATE TABLE incoming_change (collection TEXT, key TEXT, PRIMARY KEY (collection, key)) WITHOUT ROWID",
    );
    this.#db.run(
      "INSERT INTO incoming_change SELECT collection, key FROM " +
        `(SELECT ${cells} FROM incoming_document EXCEPT SELECT ${cells} FROM document)`,
    );
    this.#db.run(
      "INSERT INTO incoming_change SELECT collection, key FROM document EXCEPT SELECT collection, key FROM incoming_document",
    );
    this.#db.run("DELETE FROM document WHERE (collection, key) IN (SELECT collection, key FROM incoming_change)");
    this.#db.run(
      "INSERT INTO document SELECT incoming_document.* FROM incoming_document JOIN incoming_change USING (collection, key)",
    );
    this.#db.run("DROP TABLE incoming_entry");
    this.#db.run("DROP TABLE incoming_document");
    return (this.#db.query("SELECT count(*) AS count FROM stray").get() as { count: number }).count;
  }

  /** A page of the documents that were taken and were others before, by collection and key; as they are now. */
  changes(after: IncomingChanges["next"]): IncomingChanges {
    if (!this.#has("incoming_change")) return { changes: [], next: null };
    const behind = after === null ? "" : "WHERE (collection, key) > (?, ?)";
    const sql =
      "SELECT collection, key, sort, value FROM incoming_change LEFT JOIN document USING (collection, key) " +
      `${behind} ORDER BY collection, key LIMIT ?`;
    const place = after === null ? [] : [after.collection, after.key];
    const found = this.#db.query(sql).iterate(...place, PAGE_ROWS_MAX) as IterableIterator<ChangeRow>;
    const { rows, isLast } = pageOf(found, PAGE_ROWS_MAX, ({ key, value }) => key.length + (value?.length ?? 0));
    const changes = rows.map(({ sort, ...row }) => ({ ...row, sort: sort ?? 0 }));
    return { changes, next: isLast ? null : (rows.at(-1) ?? null) };
  }

  strays(): readonly JournalEntry[] {
    if (!this.#has("stray")) return [];
    const rows = this.#db.query(`SELECT ${ENTRY_COLUMNS} FROM stray ORDER BY position`).all() as EntryRow[];
    return rows.map(({ crc: _, ...entry }) => entry);
  }

  forgetStrays(): void {
    this.#db.run("DROP TABLE IF EXISTS stray");
  }

  #clear(): void {
    for (const table of GATHERED) this.#db.run(`DROP TABLE IF EXISTS ${table}`);
  }

  #has(table: string): boolean {
    return this.#db.query("SELECT 1 FROM sqlite_master WHERE name = ?").get(table) !== null;
  }
}
