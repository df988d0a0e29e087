/**
 * The journal as the event loop sees it. Whatever is appended while a commit is under way is the next commit; entries are
 * durable before anybody hears of them, and whoever appended them hears last.
 */
import { messageOf, WatchpostError } from "../model/errors.ts";
import { nothingWritten } from "../model/nothing-written.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { JournalQuery, StoredDocument } from "../model/journal.ts";
import { decodeCursor, encodeCursor } from "../model/journal-cursor.ts";
import type { JournalAppend } from "./journal-queue.ts";
import { JournalQueue } from "./journal-queue.ts";
import { notServed } from "./page.ts";
import type { DocumentPage, JournalOpened, JournalPage } from "./protocol.ts";

/** The log worker as the journal sees it. Answers in the order of its questions. */
export interface JournalLog {
  commitJournal(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<number>;
  readJournal(query: JournalQuery): Promise<JournalPage>;
  trimJournal(throughPosition: number): Promise<boolean>;
  readDocuments(query: DocumentQuery): Promise<DocumentPage>;
  readDocument(collection: string, key: string): Promise<DocumentPage>;
  /** Why nothing is taken now, where that is known before it is tried; left out or undefined: it is. */
  refusal?(): WatchpostError | undefined;
}

/** What a journal hears where several write to one log, also of what it wrote itself. */
export interface HeardCommit {
  /** Behind all that was heard before. */
  readonly entries: readonly JournalEntry[];
  /** Documents that others have changed. */
  readonly changes: readonly DocumentChange[];
  /** Up to here all is heard. */
  readonly through: number;
}

export interface JournalDeps {
  readonly log: JournalLog;
  readonly opened: JournalOpened;
  /** Hears of what a listener threw. */
  onListenerError(error: unknown): void;
  /** Hears a sentence, once, for each thing that is damaged and not served. */
  onDamage(sentence: string): void;
  /** It takes nothing any more, and nothing is under way. */
  onClosed?(): void;
}

export type JournalListener = (entries: readonly JournalEntry[]) => void;
export type ChangesListener = (changes: readonly DocumentChange[]) => void;

const RETRY_AFTER_MS = 1_000;

export class Journal {
  readonly epoch: number;
  readonly #deps: JournalDeps;
  readonly #queue = new JournalQueue();
  readonly #listeners = new Set<JournalListener>();
  readonly #changesListeners = new Set<ChangesListener>();
  readonly #toldDamage = new Set<string>();
  #firstPosition: number;
  #lastPosition: number;
  #isCommitting = false;
  #isFlushPlanned = false;
  #idle: PromiseWithResolvers<void> | null = null;
  #isClosed = false;

  constructor(deps: JournalDeps) {
    this.#deps = deps;
    this.epoch = deps.opened.epoch;
    this.#firstPosition = deps.opened.firstPosition;
    this.#lastPosition = deps.opened.lastPosition;
  }

  /** Of the newest entry that followers have heard of; 0: there never was one. */
  get lastPosition(): number {
    return this.#lastPosition;
  }

  /** All entries from here on can be read; those before may have been trimmed. */
  get firstPosition(): number {
    return this.#firstPosition;
  }

  /**
   * Appends events and changes documents, all or nothing. Resolves with the entries once they are durable and followers
   * have heard of them; in the order of the calls. Rejects with
   *
   * - RESOURCE_EXHAUSTED while more than 10,000 events and changes, or 8 MiB of them, wait to be committed, or where the
   *   disk is full, UNAVAILABLE where it fails otherwise or the log worker is gone, each with the time to wait: nothing of
   *   it is kept then, and the next append is tried anew;
   * - INVALID_ARGUMENT where it is more by itself than may ever wait;
   * - where several nodes share the journal UNAVAILABLE while it cannot be reached, FAILED_PRECONDITION for good once another
   *   node has taken over what this journal wrote for;
   * - UNAVAILABLE after {@link close}, and a TypeError for a time that is no whole number or a sort that is none.
   */
  async append(
    events: readonly JournalEvent[],
    changes: readonly DocumentChange[] = [],
  ): Promise<readonly JournalEntry[]> {
    if (this.#isClosed)
      throw new WatchpostError("UNAVAILABLE", "the journal is closed: the server is stopping", nothingWritten);
    if (events.length === 0 && changes.length === 0) return [];
    const refusal = this.#deps.log.refusal?.();
    if (refusal !== undefined) throw refusal;
    const done = this.#queue.add(events, changes, RETRY_AFTER_MS);
    this.#flushSoon();
    return done;
  }

  /**
   * Calls `listener` with the entries of each commit from now on, in order, each entry once. It must not block. What it
   * throws is reported and disturbs nobody. Returns what ends it.
   */
  follow(listener: JournalListener): () => void {
    // Its own for each call: the end of one must not end another.
    const own: JournalListener = (entries) => listener(entries);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * Calls `listener` with documents that others have changed, as they are then, in order: behind the entries that were
   * committed with them. Nobody does where one node has the journal alone. Otherwise as {@link follow}.
   */
  followChanges(listener: ChangesListener): () => void {
    const own: ChangesListener = (changes) => listener(changes);
    this.#changesListeners.add(own);
    return () => void this.#changesListeners.delete(own);
  }

  /** Where several write to one log: what is committed, each commit once, in order, before whoever appended it is told. */
  heard({ entries, changes, through }: HeardCommit): void {
    this.#lastPosition = Math.max(this.#lastPosition, through);
    if (entries.length > 0) this.#each(this.#listeners, entries);
    if (changes.length > 0) this.#each(this.#changesListeners, changes);
  }

  /** Somebody else has trimmed what it reads. */
  trimmed(throughPosition: number): void {
    this.#firstPosition = Math.max(this.#firstPosition, throughPosition + 1);
  }

  /**
   * The first `limit` entries behind a position, ascending, or with `descending` the last ones, the last one first; those of
   * a subject or kind alone where that is asked. Fewer only where there are no more. Everything that {@link append} has
   * resolved for is looked at. What is damaged is left out.
   */
  async read({ limit, ...query }: JournalQuery): Promise<readonly JournalEntry[]> {
    const entries: JournalEntry[] = [];
    for (let next = query; ;) {
      const page = await this.#deps.log.readJournal({ ...next, limit: limit - entries.length });
      this.#tellDamage(page.damage);
      entries.push(...page.entries);
      if (page.isLast || entries.length >= limit) return entries;
      next = query.descending ? { ...query, before: page.through } : { ...query, after: page.through };
    }
  }

  /**
   * The first `limit` documents of a collection, ascending by sort, then by the UTF-8 bytes of their keys, or descending by
   * both; fewer only where there are no more. What is damaged is told of, and left out unless `hasDamaged` asks for it.
   */
  async documents({ limit, ...query }: DocumentQuery): Promise<readonly StoredDocument[]> {
    const documents: StoredDocument[] = [];
    for (let next = query; ;) {
      const page = await this.#deps.log.readDocuments({ ...next, limit: limit - documents.length });
      this.#tellDamage(page.damage);
      if (page.lost !== undefined) this.#deps.onDamage(`state.db: ${page.lost}`);
      documents.push(...page.documents);
      if (page.next === null || documents.length >= limit) return documents;
      next = { ...query, after: page.next };
    }
  }

  /** Undefined where there is none, or it is damaged. */
  async document(collection: string, key: string): Promise<StoredDocument | undefined> {
    const { documents, damage } = await this.#deps.log.readDocument(collection, key);
    this.#tellDamage(damage);
    return documents[0];
  }

  /** What a reader who has everything up to this position goes on from. */
  cursorOf(position: number): string {
    return encodeCursor(this.epoch, position);
  }

  /**
   * The position a cursor stands for: what its reader has not seen is behind it. Throws INVALID_ARGUMENT, naming `field`,
   * for what no cursor is; OUT_OF_RANGE where it is of another epoch, entries behind it are trimmed, or it is of an entry
   * that is not there.
   */
  positionOf(cursor: string, field = "cursor"): number {
    const { lastPosition, nextPosition } = this.#deps.opened;
    const { epoch, position } = decodeCursor(cursor, field);
    if (epoch !== this.epoch) throw outOfRange(field, "it is of another journal, such as the one before a restore");
    if (position < this.#firstPosition - 1) throw outOfRange(field, "what follows it is no longer kept");
    const isLost = position > lastPosition && position < nextPosition;
    if (isLost || position > this.#lastPosition) throw outOfRange(field, "the journal does not reach so far");
    return position;
  }

  /**
   * Removes all entries up to a position; their positions are not given again. Cursors before its end are OUT_OF_RANGE from
   * the first step on, also where a later one fails; documents stay. Rejects as {@link append} does.
   */
  async trim(throughPosition: number): Promise<void> {
    const through = Math.min(throughPosition, this.#lastPosition);
    for (let isDone = false; !isDone;) {
      isDone = await this.#deps.log.trimJournal(through).catch(failWithRetry);
      this.trimmed(through);
    }
  }

  /** Takes no more appends; resolves when those under way are settled. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#isCommitting || !this.#queue.isEmpty) {
      this.#idle ??= Promise.withResolvers<void>();
      await this.#idle.promise;
    }
    this.#deps.onClosed?.();
  }

  /** Once whoever runs now is done: what is appended together is committed together. */
  #flushSoon(): void {
    if (this.#isFlushPlanned || this.#isCommitting) return;
    this.#isFlushPlanned = true;
    queueMicrotask(() => {
      this.#isFlushPlanned = false;
      if (!this.#isCommitting) this.#flush();
    });
  }

  #flush(): void {
    if (this.#queue.isEmpty) return this.#idle?.resolve();
    this.#isCommitting = true;
    const appends = this.#queue.take();
    const events = appends.flatMap((append) => append.events);
    const changes = appends.flatMap((append) => append.changes);
    const settle = (run: () => void) => {
      run();
      this.#queue.settled(appends);
      this.#isCommitting = false;
      this.#flush();
    };
    this.#deps.log.commitJournal(events, changes).then(
      (first) => settle(() => this.#tell(appends, first)),
      (error: unknown) => settle(() => appends.forEach(({ reject }) => reject(withRetry(error)))),
    );
  }

  #tell(appends: readonly JournalAppend[], first: number): void {
    let position = first;
    const told = appends.map(({ events }) => events.map((event) => ({ position: position++, ...event })));
    const entries = told.flat();
    // What several write to is heard of before it is answered.
    const isHeard = entries.length === 0 || position - 1 <= this.#lastPosition;
    if (!isHeard) this.heard({ entries, changes: [], through: position - 1 });
    appends.forEach(({ resolve }, i) => resolve(told[i]));
  }

  #each<T>(listeners: ReadonlySet<(told: T) => void>, told: T): void {
    for (const listener of [...listeners]) {
      try {
        listener(told);
      } catch (error) {
        this.#deps.onListenerError(error);
      }
    }
  }

  #tellDamage(names: readonly string[]): void {
    for (const name of names) {
      if (this.#toldDamage.has(name)) continue;
      this.#toldDamage.add(name);
      this.#deps.onDamage(`state.db, ${notServed(name)}`);
    }
  }
}

function outOfRange(field: string, why: string): WatchpostError {
  return new WatchpostError("OUT_OF_RANGE", `${field} cannot be gone on from: ${why}; subscribe again without it`);
}

function withRetry(error: unknown): WatchpostError {
  const status = error instanceof WatchpostError ? error.status : "UNAVAILABLE";
  return new WatchpostError(status, messageOf(error), { cause: error, retryAfterMs: RETRY_AFTER_MS });
}

function failWithRetry(error: unknown): never {
  throw withRetry(error);
}
