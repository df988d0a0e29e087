/**
 * The journal as it is written to by what goes on by itself: one that several nodes share may be out of reach, while a person has to be
 * woken. What is appended then is on the disk of this node alone, and another one may do the same without knowing of it.
 */
import { WatchpostError } from "./errors.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent, StoredDocument } from "./journal.ts";

export interface LastingJournal {
  /** Resolves when it is durable; null: on this node alone, and in the journal once that can be reached. */
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[] | null>;
  /** With what is on this node alone. */
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  /** What was appended a moment ago may be on this node alone. Left out: it never is. */
  readonly isHolding?: boolean;
  /** Something is on this node alone. Left out: it never is. */
  readonly hasHeld?: boolean;
  /** Calls with the position up to which the journal has what was on this node alone. Returns what ends it. */
  followBrought?(listener: (position: number) => void): () => void;
}

const RETRY_AFTER_MS = 1_000;

/** For who is to be answered only once all nodes will know. */
export function notEverywhere(): WatchpostError {
  const message =
    "the journal that the nodes share cannot be reached: what goes on by itself does so here, and is written into it later";
  return new WatchpostError("UNAVAILABLE", message, { retryAfterMs: RETRY_AFTER_MS });
}

/** Throws UNAVAILABLE where what people write would be on this node alone. */
export function refuseWhileHolding({ isHolding }: Pick<LastingJournal, "isHolding">): void {
  if (isHolding === true) throw notEverywhere();
}

/** Another node writes and tells now: this one does neither any more. */
export function isTakenOver(error: unknown): boolean {
  return error instanceof WatchpostError && error.status === "FAILED_PRECONDITION";
}
