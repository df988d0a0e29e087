/** The journal and its documents as the log worker sees them: tables of `state.db`. */
import type { Database } from "bun:sqlite";
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { JournalQuery, StoredDocument } from "../model/journal.ts";
import { EPOCH_MAX } from "../model/journal-cursor.ts";
import { DocumentTable, type MetaTable } from "./document-table.ts";
import { EntryTable } from "./entry-table.ts";
import { JournalSnapshot } from "./journal-snapshot.ts";
import { JournalIncoming } from "./journal-incoming.ts";
import type { DocumentPage, IncomingChanges, IncomingState, JournalHead } from "./protocol.ts";
import type { JournalOpened, JournalPage, JournalSnapshotPage } from "./protocol.ts";

/** More than is committed between two syncs that a disk may have made up: positions it lost are not given again. */
const POSITIONS_SKIPPED = 1_000_000;

export class JournalDb {
  readonly #db: Database;
  readonly #meta: MetaTable;
  readonly #entries: EntryTable;
  readonly #documents: DocumentTable;
  readonly #incoming: JournalIncoming;
  #next: number;
  #isRestored: boolean;
  #snapshot: JournalSnapshot | null = null;

  constructor(db: Database, meta: MetaTable) {
    this.#db = db;
    this.#meta = meta;
    this.#entries = new EntryTable(db);
    this.#documents = new DocumentTable(db, meta);
    this.#incoming = new JournalIncoming(db);
    const given = Math.max(this.#entries.lastPosition() + 1, this.#firstPosition, this.#positionIn("journal_next"));
    this.#isRestored = this.#meta.number("journal_restored") === 1;
    this.#next = this.#link === undefined ? given : this.#meta.number("journal_head")! + 1;
  }

  /** Makes the tables where they are missing. */
  static make(db: Database): void {
    EntryTable.make(db);
    DocumentTable.make(db);
  }

  /** How it stands before the first commit. */
  get opened(): JournalOpened {
    const firstPosition = this.#firstPosition;
    const lastPosition = Math.max(this.#entries.lastPosition(), firstPosition - 1);
    const epoch = this.#meta.number("journal_epoch")!;
    const isRestored = this.#isRestored;
    return { epoch, firstPosition, lastPosition, nextPosition: this.#next, link: this.#link, isRestored };
  }

  get nextPosition(): number {
    return this.#next;
  }

  /** No cursor that was ever given out is good any more. */
  beginEpoch(): void {
    this.#meta.set("journal_epoch", newEpoch());
  }

  /** Of one whose positions are given elsewhere: it is that of a backup, until something comes. */
  noteRestored(): void {
    this.#meta.set("journal_restored", 1);
    this.#isRestored = true;
  }

  /** After a crash: leaves out positions that may have been given and lost. None where they are given elsewhere. */
  skipPositions(): void {
    if (this.#link === undefined) this.#next += POSITIONS_SKIPPED;
  }

  /** Appends and changes, all or nothing; durable when it returns. Returns the position of the first event. */
  commit(events: readonly JournalEvent[], changes: readonly DocumentChange[]): number {
    const first = this.#next;
    this.#db.transaction(() => {
      events.forEach((event, i) => this.#entries.insert({ ...event, position: first + i }));
      for (const change of changes) {
        this.#snapshot?.noteBefore(change);
        this.#documents.apply(change);
      }
    })();
    this.#next += events.length;
    if (this.#snapshot?.isOverfull) this.#snapshot = null;
    return first;
  }

  /** The same of what comes with its positions: all of it is applied up to `head`, which is higher than the one before. */
  apply(entries: readonly JournalEntry[], changes: readonly DocumentChange[], head: JournalHead): void {
    this.#db.transaction(() => {
      for (const entry of entries) this.#entries.insert(entry);
      for (const change of changes) {
        this.#snapshot?.noteBefore(change);
        this.#documents.apply(change);
      }
      this.#setHead(head);
    })();
    this.#next = head.position + 1;
    if (this.#snapshot?.isOverfull) this.#snapshot = null;
  }

  /** Takes in the pages of another journal, until {@link takeIncoming}; those of an earlier try are forgotten. */
  beginIncoming(): void {
    this.#incoming.begin();
  }

  putIncoming(entries: readonly JournalEntry[], documents: readonly StoredDocument[]): void {
    this.#db.transaction(() => this.#incoming.put(entries, documents))();
  }

  /**
   * Makes of what came the state of this journal, all or nothing: entries behind `afterPosition` and all documents are what
   * they are there. Entries that were here alone are {@link strays} from then on. Returns how many there are.
   */
  takeIncoming(state: IncomingState): number {
    const { afterPosition, firstPosition, position } = state;
    const strays = this.#db.transaction(() => {
      const found = this.#incoming.take(afterPosition, firstPosition);
      this.#documents.recount();
      if (firstPosition > afterPosition + 1) this.#meta.set("journal_first", firstPosition);
      this.#setHead(state);
      return found;
    })();
    this.#next = position + 1;
    this.#snapshot = null;
    return strays;
  }

  /** A page of the documents that {@link takeIncoming} has changed. */
  incomingChanges(after: IncomingChanges["next"]): IncomingChanges {
    return this.#incoming.changes(after);
  }

  /** Ascending. */
  strays(): readonly JournalEntry[] {
    return this.#incoming.strays();
  }

  forgetStrays(): void {
    this.#incoming.forgetStrays();
  }

  /** Puts entries and documents of a backup where they were. */
  put(entries: readonly JournalEntry[], documents: readonly StoredDocument[]): void {
    this.#db.transaction(() => {
      for (const entry of entries) this.#entries.insert(entry);
      for (const document of documents) this.#documents.put(document);
    })();
  }

  read(query: JournalQuery): JournalPage {
    return this.#entries.read(query);
  }

  documents(query: DocumentQuery): DocumentPage {
    return this.#documents.read(query);
  }

  document(collection: string, key: string): DocumentPage {
    return this.#documents.one({ collection, key });
  }

  /**
   * Removes the oldest entries up to a position, some of them; returns whether none is left. Their positions are not given
   * again, and from the first step on none of them is promised to be there.
   */
  trim(throughPosition: number): boolean {
    const isLast = this.#db.transaction(() => {
      if (throughPosition >= this.#firstPosition) this.#meta.set("journal_first", throughPosition + 1);
      return this.#entries.removeThrough(throughPosition);
    })();
    this.#next = Math.max(this.#next, this.#firstPosition);
    return isLast;
  }

  /** Removes what is there of trimmed entries, however long it takes. */
  removeTrimmed(): void {
    while (!this.#entries.removeThrough(this.#firstPosition - 1));
  }

  /**
   * What is committed now can be read as it is, page by page, until {@link endSnapshot}: documents, and entries behind a
   * position. One at a time. Returns how it stands.
   */
  beginSnapshot(afterPosition: number): JournalOpened {
    this.#snapshot = new JournalSnapshot(this.#entries, this.#documents, afterPosition, this.#next - 1);
    return this.opened;
  }

  /** The next page of the snapshot. Throws ABORTED where there is none any more. */
  readSnapshot(): JournalSnapshotPage {
    if (this.#snapshot === null) {
      const message = "the backup was ended: too many documents changed before they were copied; start it again";
      throw new WatchpostError("ABORTED", message);
    }
    return { ...this.#snapshot.next(), firstPosition: this.#firstPosition, counts: this.#snapshot.counts };
  }

  endSnapshot(): void {
    this.#snapshot = null;
  }

  /** Of the newest transaction that came with its position; undefined: none did. */
  get #link(): number | undefined {
    return this.#meta.number("journal_link");
  }

  #setHead({ epoch, position, link }: JournalHead): void {
    this.#meta.set("journal_epoch", epoch);
    this.#meta.set("journal_head", position);
    this.#meta.set("journal_link", link);
    if (this.#isRestored) this.#meta.set("journal_restored", 0);
    this.#isRestored = false;
  }

  /** The lowest position whose entry and all behind it are there. */
  get #firstPosition(): number {
    return this.#positionIn("journal_first");
  }

  /** 1 where it is not set, or is not what may be set. */
  #positionIn(key: string): number {
    const value = this.#meta.number(key);
    return isPosition(value) ? value : 1;
  }
}

/** Random, from 1 to {@link EPOCH_MAX}. */
export function newEpoch(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return 1 + (((high % 2 ** 16) * 2 ** 32 + low) % EPOCH_MAX);
}

export function isEpoch(value: unknown): value is number {
  return isPosition(value) && value <= EPOCH_MAX;
}

export function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
