/** The event loop's end of the log worker. */
import type { Worker } from "node:worker_threads";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { JournalQuery, StoredDocument } from "../model/journal.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { DocumentPage, IncomingChanges, IncomingState, JournalHead } from "./protocol.ts";
import type { JournalOpened, JournalPage, JournalSnapshotPage } from "./protocol.ts";
import type { LogAnswer, LogEvent, LogOpened, LogOptions, LogRequest, LogStats, StatePage } from "./protocol.ts";

export type { DocumentPage, JournalOpened, JournalPage, JournalSnapshotPage } from "./protocol.ts";
export type { LogOpened, LogOptions, LogStats, StatePage } from "./protocol.ts";

type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;
/** What is asked, without the number that the answer comes back with. */
type Question = WithoutId<LogRequest>;

interface Pending<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

export class LogClient {
  readonly #worker: Worker;
  readonly #opened = Promise.withResolvers<LogOpened>();
  readonly #appends: Pending<ArrayBuffer>[] = [];
  readonly #asked = new Map<number, Pending<LogAnswer>>();
  #lastId = 0;
  #holders = 0;
  #releasedSeq = -1;
  #gone: WatchpostError | null = null;
  #closed: Promise<void> | null = null;
  #onCrash: (error: WatchpostError) => void = () => {};
  #onUnsynced: (sentence: string) => void = () => {};

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (event: LogEvent) => this.#hear(event));
    worker.on("error", (error) => this.#leave(messageOf(error)));
    worker.on("exit", (code) => this.#leave(`it ended with code ${code}`));
  }

  /** Starts the worker and takes the data directory. Fails with FAILED_PRECONDITION where that cannot be had. */
  static async open(spawn: SpawnWorker, options: LogOptions): Promise<{ log: LogClient; opened: LogOpened }> {
    const log = new LogClient(spawn("log"));
    log.#post({ kind: "open", options });
    try {
      return { log, opened: await log.#opened.promise };
    } catch (error) {
      log.#closed = Promise.resolve();
      await log.#worker.terminate();
      throw error;
    }
  }

  /**
   * Makes a record durable, with a sync interval within that. `record` is detached and comes back, sealed, when it is
   * taken. Fails with RESOURCE_EXHAUSTED where the disk is full, otherwise with UNAVAILABLE when it is not, and so does
   * every append after it until {@link reopen}.
   */
  append(record: ArrayBuffer): Promise<ArrayBuffer> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const { promise, resolve, reject } = Promise.withResolvers<ArrayBuffer>();
    this.#appends.push({ resolve, reject });
    this.#post({ kind: "append", record }, [record]);
    return promise;
  }

  /** Begins a new segment after a failed append. Answers with the next sequence, higher than any refused one. */
  reopen(): Promise<number> {
    return this.#ask({ kind: "reopen" }) as Promise<number>;
  }

  /** Everything up to `throughSeq` is durable elsewhere: segments that hold nothing else go, or once nobody holds them. */
  release(throughSeq: number): void {
    this.#releasedSeq = Math.max(this.#releasedSeq, throughSeq);
    if (this.#gone === null && this.#holders === 0) this.#post({ kind: "release", throughSeq });
  }

  /** Keeps all segments for somebody who reads them; returns what ends that. */
  hold(): () => void {
    let isHolding = true;
    this.#holders++;
    return () => {
      if (isHolding) this.#holders--;
      if (isHolding && this.#releasedSeq >= 0) this.release(this.#releasedSeq);
      isHolding = false;
    };
  }

  /** Resolves when it is durable that these series are deleted. */
  async retire(seriesIds: Uint32Array): Promise<void> {
    await this.#ask({ kind: "retire", seriesIds });
  }

  stats(): Promise<LogStats> {
    return this.#ask({ kind: "stats" }) as Promise<LogStats>;
  }

  /** The state, page by page: the series after an id, 0 for the first. All that was appended before is in it. */
  statePage(afterSeriesId: number): Promise<StatePage> {
    return this.#ask({ kind: "state", afterSeriesId }) as Promise<StatePage>;
  }

  /**
   * Appends to the journal and changes documents in one transaction, durably. Answers with the position of the first
   * event; the others follow it. Fails with RESOURCE_EXHAUSTED where the disk is full, otherwise with UNAVAILABLE.
   */
  commitJournal(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<number> {
    return this.#ask({ kind: "journal_commit", events, changes }) as Promise<number>;
  }

  /**
   * The same of entries that come with their positions: `head` is how far all of it has come. Journals whose positions are
   * given elsewhere have no other commits.
   */
  async applyJournal(
    entries: readonly JournalEntry[],
    changes: readonly DocumentChange[],
    head: JournalHead,
  ): Promise<void> {
    await this.#ask({ kind: "journal_apply", entries, changes, head });
  }

  /** A page of entries, ascending; everything that was committed before is looked at. */
  readJournal(query: JournalQuery): Promise<JournalPage> {
    return this.#ask({ kind: "journal_read", query }) as Promise<JournalPage>;
  }

  /** Removes some of the entries up to a position, the oldest first; answers whether none is left. */
  trimJournal(throughPosition: number): Promise<boolean> {
    return this.#ask({ kind: "journal_trim", throughPosition }) as Promise<boolean>;
  }

  /** A page of documents by sort and key; everything that was committed before is looked at. */
  readDocuments(query: DocumentQuery): Promise<DocumentPage> {
    return this.#ask({ kind: "documents", query }) as Promise<DocumentPage>;
  }

  /** One document, or none. */
  readDocument(collection: string, key: string): Promise<DocumentPage> {
    return this.#ask({ kind: "document", collection, key }) as Promise<DocumentPage>;
  }

  /**
   * Holds on to what journal and documents are now, for {@link readSnapshot}, while they go on changing; one at a time. Of
   * documents that change meanwhile a bounded amount is kept in memory, until {@link endSnapshot}. Answers with how the
   * journal stands.
   */
  beginSnapshot(afterPosition = 0): Promise<JournalOpened> {
    return this.#ask({ kind: "snapshot_begin", afterPosition }) as Promise<JournalOpened>;
  }

  /** Page by page: all documents, then all entries behind the position. Fails with ABORTED where too much has changed to go on. */
  readSnapshot(): Promise<JournalSnapshotPage> {
    return this.#ask({ kind: "snapshot_read" }) as Promise<JournalSnapshotPage>;
  }

  endSnapshot(): void {
    this.#ask({ kind: "snapshot_end" }).catch(() => {});
  }

  /** Makes room for the pages of another journal. */
  async beginIncoming(): Promise<void> {
    await this.#ask({ kind: "incoming_begin" });
  }

  async putIncoming(entries: readonly JournalEntry[], documents: readonly StoredDocument[]): Promise<void> {
    await this.#ask({ kind: "incoming_put", entries, documents });
  }

  /**
   * Makes of all pages the state of this journal, in one transaction. Answers with how many entries were here alone, whose
   * positions others have had: {@link strays}, which are kept until {@link forgetStrays}.
   */
  takeIncoming(state: IncomingState): Promise<number> {
    return this.#ask({ kind: "incoming_take", state }) as Promise<number>;
  }

  /** A page of the documents that {@link takeIncoming} has changed, as they are now. */
  incomingChanges(after: IncomingChanges["next"]): Promise<IncomingChanges> {
    return this.#ask({ kind: "incoming_changes", after }) as Promise<IncomingChanges>;
  }

  /** Ascending. */
  strays(): Promise<readonly JournalEntry[]> {
    return this.#ask({ kind: "strays" }) as Promise<readonly JournalEntry[]>;
  }

  async forgetStrays(): Promise<void> {
    await this.#ask({ kind: "strays_forget" });
  }

  /** Leaves the data directory and ends the worker, once everything asked before is answered. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      try {
        if (this.#gone === null) await this.#ask({ kind: "close" });
      } finally {
        this.#leave("it was closed");
        await this.#worker.terminate();
      }
    })();
    return this.#closed;
  }

  /** Acknowledged records could not be synced: they are lost if the power goes before they are sealed. */
  onUnsynced(callback: (sentence: string) => void): void {
    this.#onUnsynced = callback;
  }

  /** The worker ended by itself. Every call fails with UNAVAILABLE from then on. */
  onCrash(callback: (error: WatchpostError) => void): void {
    this.#onCrash = callback;
  }

  #ask(question: Question): Promise<LogAnswer> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const { promise, resolve, reject } = Promise.withResolvers<LogAnswer>();
    const id = ++this.#lastId;
    this.#asked.set(id, { resolve, reject });
    this.#post({ ...question, id });
    return promise;
  }

  #post(request: LogRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #hear(event: LogEvent): void {
    switch (event.kind) {
      case "opened":
        return this.#opened.resolve(event.opened);
      case "refused":
        return this.#opened.reject(new WatchpostError(event.failure.status, event.failure.message));
      case "appended":
        return this.#appends.shift()?.resolve(event.record);
      case "append_failed":
        return this.#appends
          .shift()
          ?.reject(new WatchpostError(event.failure.status, event.failure.message, { retryAfterMs: 1_000 }));
      case "unsynced":
        return this.#onUnsynced(event.sentence);
      case "answer":
        return this.#take(event.id)?.resolve(event.value);
      case "failed":
        return this.#take(event.id)?.reject(new WatchpostError(event.failure.status, event.failure.message));
    }
  }

  #take(id: number): Pending<LogAnswer> | undefined {
    const pending = this.#asked.get(id);
    this.#asked.delete(id);
    return pending;
  }

  #leave(reason: string): void {
    if (this.#gone !== null) return;
    this.#gone = new WatchpostError("UNAVAILABLE", `the log worker is gone: ${reason}`);
    this.#opened.promise.catch(() => {});
    this.#opened.reject(this.#gone);
    for (const { reject } of [...this.#appends.splice(0), ...this.#asked.values()]) reject(this.#gone);
    this.#asked.clear();
    if (this.#closed === null) this.#onCrash(this.#gone);
  }
}
