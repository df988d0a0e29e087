/** The journal as sessions, annotations and issues use it. */
import type {
  DocumentChange,
  DocumentQuery,
  JournalEntry,
  JournalEvent,
  JournalQuery,
  StoredDocument,
} from "../model/journal.ts";

export interface CollaborationJournal {
  /** Resolves with an entry for each event when all of it is durable, after followers have heard of them. */
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
  /** Hears of the entries of each commit, in order. Returns what ends it. */
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void;
  cursorOf(position: number): string;
  /** Throws INVALID_ARGUMENT, naming `field`, for what no cursor is, OUT_OF_RANGE where nobody can go on from it. */
  positionOf(cursor: string, field?: string): number;
  readonly lastPosition: number;
  readonly firstPosition: number;
}

/** What is committed together with an event. */
export interface Rows {
  readonly events: readonly JournalEvent[];
  readonly changes: readonly DocumentChange[];
}

export const SESSION_EVENT = "session";
export const ANNOTATION_EVENT = "annotation";
export const ISSUE_EVENT = "issue";
/** Of alerts, who write them. */
export const ALERT_EVENT = "alert";
export const SILENCE_EVENT = "silence";
