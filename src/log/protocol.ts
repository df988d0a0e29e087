/** What the event loop and the log worker say to each other. Appends are answered in order. */
import type { Failure } from "../store/protocol.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { JournalQuery, StoredDocument } from "../model/journal.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";

export interface LogOptions {
  /** The data directory; made where it is missing. */
  readonly dir: string;
  /** Bytes after which the log goes on in another segment. */
  readonly segmentBytesMax: number;
  /** Acknowledged records are synced after this time at the latest; 0, the default: before they are acknowledged. */
  readonly syncIntervalMs?: number;
}

export interface LogOpened {
  /** Higher than any sequence ever given. */
  readonly nextSeq: number;
  readonly series: readonly SeriesDefinition[];
  /** Ids of deleted series, which are never given again. */
  readonly retired: Uint32Array;
  /** Paths of the segments to replay, ascending. */
  readonly segments: readonly string[];
  readonly damage: readonly string[];
  /** The server before did not close the directory. */
  readonly unclean: boolean;
  /** Path of a copy of the state that an older version had written; undefined: this version had. */
  readonly upgradedFrom: string | undefined;
  readonly journal: JournalOpened;
}

/** How the journal stands. */
export interface JournalOpened {
  /** Random. Positions are given once in an epoch; a restored backup begins another. */
  readonly epoch: number;
  /** Everything from here on is there; what was before may have been trimmed. */
  readonly firstPosition: number;
  /** Of the newest entry; 0: there never was one. */
  readonly lastPosition: number;
  /** Of the next entry. After a crash positions are left out: entries there, if there were any, are lost. */
  readonly nextPosition: number;
  /** Of the newest transaction, where they come with their positions; undefined: positions are given here. */
  readonly link?: number | undefined;
  /** It is that of a backup, and nothing has come since. */
  readonly isRestored?: boolean;
}

/** How far transactions that came with their positions have come. */
export interface JournalHead {
  readonly epoch: number;
  readonly position: number;
  /** Random, of each transaction: two that took the same position are told apart by it. */
  readonly link: number;
}

/** What the pages of another node's journal are the state of. */
export interface IncomingState extends JournalHead {
  /** Entries behind it are in the pages. */
  readonly afterPosition: number;
  /** All entries from here on are in the pages, or were here before. */
  readonly firstPosition: number;
}

/** Some of the documents that such a state has changed. */
export interface IncomingChanges {
  readonly changes: readonly DocumentChange[];
  /** Where the next page goes on; null: there are no more. */
  readonly next: Pick<StoredDocument, "collection" | "key"> | null;
}

export interface LogStats {
  readonly segments: number;
  readonly segmentBytes: number;
  /** Acknowledged and not synced. */
  readonly unsyncedBytes: number;
  /** Bytes written to the disk since the start, by what for: "log", in whole pages at each sync, "state" and "journal". */
  readonly writtenBytes: Readonly<Record<string, number>>;
  /** Of records, since the start, and how long they took together. */
  readonly syncs: { readonly count: number; readonly totalMs: number };
}

/** Some of what `state.db` holds. */
export interface StatePage {
  /** Ascending by id; none: there are no more. */
  readonly series: readonly SeriesDefinition[];
  readonly meta: Readonly<Record<string, number>>;
  /** Ids of deleted series, with the first page; later ones have none. */
  readonly retired: Uint32Array;
}

/** Some of the entries that were asked for. */
export interface JournalPage {
  readonly entries: readonly JournalEntry[];
  /** What is damaged among them, by name; it is left out. */
  readonly damage: readonly string[];
  /** Up to here everything was looked at, or down to here. */
  readonly through: number;
  /** There are no more. */
  readonly isLast: boolean;
}

/** Some of the documents that were asked for. */
export interface DocumentPage {
  readonly documents: readonly StoredDocument[];
  /** What is damaged among them, by name; it is left out unless it was asked for. */
  readonly damage: readonly string[];
  /** What is counted and cannot be found, in words. */
  readonly lost?: string;
  /** Where the next page goes on; null: there are no more. */
  readonly next: Pick<StoredDocument, "sort" | "key"> | null;
}

/** Some of what journal and documents were when the snapshot began. Each document and entry is in one page. */
export interface JournalSnapshotPage {
  readonly documents: readonly StoredDocument[];
  /** Ascending, over all pages. */
  readonly entries: readonly JournalEntry[];
  /** Entries that are damaged, by name; they are left out. */
  readonly damage: readonly string[];
  /** Documents that are damaged, by name. They are among the others, with `DAMAGED` for their value. */
  readonly damagedDocuments: readonly string[];
  /** Entries before it may have been trimmed meanwhile. */
  readonly firstPosition: number;
  /** Of the small state, what belongs to these documents. */
  readonly counts: Readonly<Record<string, number>>;
  readonly isLast: boolean;
}

export type LogAnswer =
  | number
  | boolean
  | LogStats
  | StatePage
  | JournalOpened
  | JournalPage
  | DocumentPage
  | JournalSnapshotPage
  | IncomingChanges
  | readonly JournalEntry[]
  | null;

export type LogRequest =
  | { kind: "open"; options: LogOptions }
  | { kind: "append"; record: ArrayBuffer }
  | { kind: "release"; throughSeq: number }
  | { kind: "state"; id: number; afterSeriesId: number }
  | { kind: "retire"; id: number; seriesIds: Uint32Array }
  | { kind: "journal_commit"; id: number; events: readonly JournalEvent[]; changes: readonly DocumentChange[] }
  | {
      kind: "journal_apply";
      id: number;
      entries: readonly JournalEntry[];
      changes: readonly DocumentChange[];
      head: JournalHead;
    }
  | { kind: "journal_read"; id: number; query: JournalQuery }
  | { kind: "journal_trim"; id: number; throughPosition: number }
  | { kind: "documents"; id: number; query: DocumentQuery }
  | { kind: "document"; id: number; collection: string; key: string }
  | { kind: "snapshot_begin"; id: number; afterPosition: number }
  | { kind: "snapshot_read" | "snapshot_end"; id: number }
  | { kind: "incoming_put"; id: number; entries: readonly JournalEntry[]; documents: readonly StoredDocument[] }
  | { kind: "incoming_take"; id: number; state: IncomingState }
  | { kind: "incoming_changes"; id: number; after: IncomingChanges["next"] }
  | { kind: "incoming_begin" | "strays" | "strays_forget"; id: number }
  | { kind: "reopen" | "stats" | "close"; id: number };

export type LogEvent =
  | { kind: "opened"; opened: LogOpened }
  | { kind: "refused"; failure: Failure }
  | { kind: "appended"; record: ArrayBuffer }
  | { kind: "append_failed"; failure: Failure }
  | { kind: "answer"; id: number; value: LogAnswer }
  | { kind: "failed"; id: number; failure: Failure }
  | { kind: "unsynced"; sentence: string };
