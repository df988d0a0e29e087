/** The journal's entries in `state.db`, by position. */
import type { Database } from "bun:sqlite";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import { PAGE_ROWS_MAX, pageOf } from "./page.ts";
import type { JournalPage } from "./protocol.ts";

export type EntryRow = JournalEntry & { readonly crc: number };

export const ENTRY_COLUMNS = "position, at_ms AS atMs, kind, subject, actor, payload, crc";

export class EntryTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes the table where it is missing. */
  static make(db: Database): void {
    const columns = [
      "position INTEGER PRIMARY KEY",
      "at_ms INTEGER NOT NULL",
      "kind TEXT NOT NULL",
      "subject TEXT NOT NULL",
      "actor TEXT NOT NULL",
      "payload TEXT NOT NULL",
      "crc INTEGER NOT NULL",
    ];
    db.run(`CREATE TABLE IF NOT EXISTS journal (${columns.join(", ")})`);
    db.run("CREATE INDEX IF NOT EXISTS journal_by_subject ON journal (subject, position)");
    db.run("CREATE INDEX IF NOT EXISTS journal_by_kind ON journal (kind, position)");
  }

  /** 0 where there is none. */
  lastPosition(): number {
    // One that no number can count on from is damaged.
    const query = this.#db.query("SELECT max(position) AS last FROM journal WHERE position < ?");
    const { last } = query.get(Number.MAX_SAFE_INTEGER) as { last: number | null };
    return last ?? 0;
  }

  insert(entry: JournalEntry): void {
    const { position, atMs, kind, subject, actor, payload } = entry;
    const insert = this.#db.query("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)");
    insert.run(position, atMs, kind, subject, actor, payload, entryCrc(entry));
  }

  /** A page of what is asked for, in its order. */
  read({ after, before, descending, limit, subject, kind }: JournalQuery): JournalPage {
    const conditions = ["position > ?"];
    const values: (string | number)[] = [after];
    if (before !== undefined) {
      conditions.push("position < ?");
      values.push(before);
    }
    if (subject !== undefined) {
      conditions.push("subject = ?");
      values.push(subject);
    }
    if (kind !== undefined) {
      // With a + SQLite leaves the index of kinds alone: that of subjects finds much less.
      conditions.push(subject === undefined ? "kind = ?" : "+kind = ?");
      values.push(kind);
    }
    const order = `ORDER BY position ${descending ? "DESC" : "ASC"}`;
    const sql = `SELECT ${ENTRY_COLUMNS} FROM journal WHERE ${conditions.join(" AND ")} ${order} LIMIT ?`;
    const found = this.#db.query(sql).iterate(...values, PAGE_ROWS_MAX) as IterableIterator<EntryRow>;
    const { rows, isLast } = pageOf(found, limit, (row) => textOf(row).length);
    const entries: JournalEntry[] = [];
    const damage: string[] = [];
    for (const row of rows) {
      if (!isWholeEntry(row)) damage.push(entryName(row.position));
      else {
        const { crc: _, ...entry } = row;
        entries.push(entry);
      }
    }
    return { entries, damage, through: rows.at(-1)?.position ?? after, isLast };
  }

  /** Removes the first entries up to a position, a page of them; returns whether that was the last page. */
  removeThrough(position: number): boolean {
    const page = "SELECT position FROM journal WHERE position <= ? ORDER BY position LIMIT ?";
    const remove = this.#db.query(`DELETE FROM journal WHERE position <= (SELECT max(position) FROM (${page}))`);
    return remove.run(position, PAGE_ROWS_MAX).changes < PAGE_ROWS_MAX;
  }
}

export function entryName(position: number): string {
  return `journal entry ${position}`;
}

export function isWholeEntry(row: EntryRow): boolean {
  return row.crc === entryCrc(row);
}

/** What the row of an entry is checked with. */
export function entryCrc(entry: JournalEntry): number {
  return Bun.hash.crc32(textOf(entry));
}

/** Whatever the cells of a damaged row are. */
function textOf({ position, atMs, kind, subject, actor, payload }: JournalEntry): string {
  return [position, atMs, kind, subject, actor, payload].join("\0");
}
