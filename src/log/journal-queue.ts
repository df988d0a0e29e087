/** What waits to be committed to the journal, bounded in rows and bytes together with what is on its way. */
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../model/journal.ts";
import { JOURNAL_COMMIT_BYTES_MAX, JOURNAL_COMMIT_ROWS_MAX } from "../model/limits.ts";
import { JOURNAL_QUEUE_BYTES_MAX, JOURNAL_QUEUE_ROWS_MAX } from "../model/limits.ts";

/** What is committed as a whole or not at all. */
export interface JournalAppend {
  readonly events: readonly JournalEvent[];
  readonly changes: readonly DocumentChange[];
  readonly bytes: number;
  resolve(entries: readonly JournalEntry[]): void;
  reject(error: unknown): void;
}

export class JournalQueue {
  readonly #waiting: JournalAppend[] = [];
  #rows = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Settles as its commit does. Throws RESOURCE_EXHAUSTED where it does not fit, INVALID_ARGUMENT where it never will. */
  add(
    events: readonly JournalEvent[],
    changes: readonly DocumentChange[],
    retryAfterMs: number,
  ): Promise<readonly JournalEntry[]> {
    events.forEach(checkEvent);
    changes.forEach(checkChange);
    const bytes = bytesOf(events, changes);
    const rows = events.length + changes.length;
    const wanted = `${JOURNAL_QUEUE_ROWS_MAX} events and changes, ${JOURNAL_QUEUE_BYTES_MAX} bytes`;
    if (rows > JOURNAL_QUEUE_ROWS_MAX || bytes > JOURNAL_QUEUE_BYTES_MAX) {
      throw invalidField("append", `${rows} events and changes of ${bytes} bytes`, `at most ${wanted}`);
    }
    if (this.#rows + rows > JOURNAL_QUEUE_ROWS_MAX || this.#bytes + bytes > JOURNAL_QUEUE_BYTES_MAX) {
      const message = `the journal cannot take ${rows} more events and changes: ${this.#rows} wait to be committed, ${wanted} may`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs });
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly JournalEntry[]>();
    this.#rows += rows;
    this.#bytes += bytes;
    this.#waiting.push({ events: events.map(plainEvent), changes: changes.map(plainChange), bytes, resolve, reject });
    return promise;
  }

  /** The first to be committed: as many as go into one commit, at least one. They count until they are settled. */
  take(): JournalAppend[] {
    let [count, rows, bytes] = [0, 0, 0];
    for (const append of this.#waiting) {
      rows += rowsOf(append);
      bytes += append.bytes;
      if (count > 0 && (rows > JOURNAL_COMMIT_ROWS_MAX || bytes > JOURNAL_COMMIT_BYTES_MAX)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  settled(appends: readonly JournalAppend[]): void {
    for (const append of appends) {
      this.#rows -= rowsOf(append);
      this.#bytes -= append.bytes;
    }
  }
}

function rowsOf({ events, changes }: Pick<JournalAppend, "events" | "changes">): number {
  return events.length + changes.length;
}

function bytesOf(events: readonly JournalEvent[], changes: readonly DocumentChange[]): number {
  let bytes = 0;
  for (const { kind, subject, actor, payload } of events) bytes += sizeOf(kind, subject, actor, payload);
  for (const { collection, key, value } of changes) bytes += sizeOf(collection, key, value ?? "");
  return bytes;
}

function sizeOf(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Nothing but what is stored: all of it goes through a message port, and to followers. */
function plainEvent({ atMs, kind, subject, actor, payload }: JournalEvent): JournalEvent {
  return { atMs, kind, subject, actor, payload };
}

function plainChange({ collection, key, sort, value }: DocumentChange): DocumentChange {
  return { collection, key, sort, value };
}

/** One that the table refuses would take all that are committed with it along. */
function checkEvent({ atMs, kind, subject }: JournalEvent): void {
  if (!Number.isSafeInteger(atMs))
    throw new TypeError(`atMs of ${kind} ${subject} is ${atMs}; wanted whole milliseconds`);
}

function checkChange({ collection, key, sort }: DocumentChange): void {
  if (!Number.isFinite(sort)) throw new TypeError(`sort of ${key} of ${collection} is ${sort}; wanted a number`);
}
