/**
 * This node's copy of the shared journal: what stands on its disk, how far it has come, and the {@link Journal}s of this
 * process, which hear of all that comes. One call at a time.
 */
import { Journal, type HeardCommit, type JournalLog } from "../../log/journal.ts";
import type { IncomingChanges, JournalHead, JournalOpened } from "../../log/protocol.ts";
import type { LogClient } from "../../log/log-client.ts";
import { WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../../model/journal.ts";
import { JOURNAL_COMMIT_BYTES_MAX, JOURNAL_COMMIT_ROWS_MAX } from "../../model/limits.ts";
import { PendingCommits } from "./pending-commits.ts";
import type { SharedCommit } from "./shared-transaction.ts";
import type { StatePage } from "./state-pages.ts";

export interface ReplicaDeps {
  readonly log: LogClient;
  readonly head: JournalHead;
  readonly firstPosition: number;
  onListenerError(error: unknown): void;
  onDamage(sentence: string): void;
}

/** Reads what another node has: documents, and entries behind a position. */
export type ReadStatePages = (afterPosition: number) => AsyncIterable<StatePage>;

/** Of own entries that another node's are held against. */
const OVERLAP_ENTRIES = 1_000;
const TOLD_AT_ONCE = 500;

export class SharedReplica {
  readonly pending = new PendingCommits();
  readonly #deps: ReplicaDeps;
  /** By what their transactions' ids begin with. */
  readonly #journals = new Map<string, Journal>();
  readonly #waiting = new Set<{ readonly position: number; resolve(): void }>();
  #head: JournalHead;
  #firstPosition: number;
  /** What was taken over behind this position is not told yet; undefined: all is. */
  #toldPosition: number | undefined;

  constructor(deps: ReplicaDeps) {
    this.#deps = deps;
    this.#head = deps.head;
    this.#firstPosition = deps.firstPosition;
  }

  /** Of what is on the disk and told. */
  get head(): JournalHead {
    return this.#head;
  }

  /** Nothing has come yet. */
  get isEmpty(): boolean {
    return this.#head.link === 0;
  }

  /** A journal that commits with `commit`, as `appender`, and reads what is here. */
  journal(appender: string, commit: Pick<JournalLog, "commitJournal" | "refusal">): Journal {
    const { log, onListenerError, onDamage } = this.#deps;
    const shared: JournalLog = {
      ...commit,
      readJournal: (query) => log.readJournal(query),
      readDocuments: (query) => log.readDocuments(query),
      readDocument: (collection, key) => log.readDocument(collection, key),
      trimJournal: (throughPosition) => this.#trim(throughPosition),
    };
    const journal = new Journal({
      log: shared,
      opened: this.#opened(),
      onListenerError,
      onDamage,
      onClosed: () => void this.#journals.delete(appender),
    });
    this.#journals.set(appender, journal);
    return journal;
  }

  /** Makes durable what follows on {@link head}, then tells it. Rejects as the log does. */
  async apply(commits: readonly SharedCommit[]): Promise<void> {
    await this.#tellState();
    for (let next = 0; next < commits.length;) {
      const group = groupFrom(commits, next);
      const { position, link } = group[group.length - 1];
      const head = { epoch: this.#head.epoch, position, link };
      const entries = group.flatMap((commit) => commit.entries);
      const changes = group.flatMap((commit) => commit.changes);
      await this.#deps.log.applyJournal(entries, changes, head);
      this.#head = head;
      for (const commit of group) this.#tellCommit(commit);
      next += group.length;
      this.#passed();
    }
  }

  /**
   * Takes over what another node has, which must be more than is here. Resolves with how many entries were here alone, whose
   * positions others have had; {@link LogClient.strays}. Rejects with UNAVAILABLE where it is no more, and as reading does.
   */
  async takeState(read: ReadStatePages): Promise<number> {
    await this.#tellState();
    const { log } = this.#deps;
    const recent = await log.readJournal({ after: 0, descending: true, limit: OVERLAP_ENTRIES });
    const oldest = recent.entries.at(-1);
    let afterPosition = oldest === undefined ? 0 : oldest.position - 1;
    let state = await this.#gather(read, afterPosition, oldest);
    // They part further back than was looked at.
    if (state === undefined) state = await this.#gather(read, (afterPosition = 0), undefined);
    const strays = await log.takeIncoming({ ...state!, afterPosition });
    if (state!.firstPosition > afterPosition + 1) this.#firstPosition = state!.firstPosition;
    this.#toldPosition = this.#head.position;
    this.#head = { epoch: state!.epoch, position: state!.position, link: state!.link };
    await this.#tellState();
    return strays;
  }

  /** Settles what cannot come any more. */
  recheck(): void {
    this.pending.passed(this.#head.position);
  }

  /** Resolves once all up to a position is on the disk and told, or it is aborted. */
  whenAt(position: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#head.position >= position || signal.aborted) return resolve();
      const done = () => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const waiting = { position, resolve: done };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", done);
    });
  }

  /** Gathers the pages; undefined where `oldest` is another one there. */
  async #gather(
    read: ReadStatePages,
    afterPosition: number,
    oldest: JournalEntry | undefined,
  ): Promise<(JournalHead & { firstPosition: number }) | undefined> {
    const { log } = this.#deps;
    await log.beginIncoming();
    let state: (JournalHead & { firstPosition: number }) | undefined;
    let isMet = oldest === undefined;
    for await (const page of read(afterPosition)) {
      state ??= page.state;
      const isAhead = state.position > this.#head.position;
      const isOther = state.position === this.#head.position && state.link !== this.#head.link;
      if (state.epoch !== this.#head.epoch || (!isAhead && !isOther)) {
        const has = `${state.position} of ${state.epoch}, this one ${this.#head.position} of ${this.#head.epoch}`;
        throw new WatchpostError(
          "UNAVAILABLE",
          `another node has no more of the shared journal: it has position ${has}`,
        );
      }
      if (!isMet && state.firstPosition <= oldest!.position && page.entries.length > 0) {
        isMet = true;
        if (JSON.stringify(page.entries[0]) !== JSON.stringify(oldest)) return undefined;
      }
      await log.putIncoming(page.entries, page.documents);
    }
    if (state === undefined)
      throw new WatchpostError("UNAVAILABLE", "another node has told nothing of the shared journal");
    if (!isMet && state.firstPosition <= oldest!.position) return undefined;
    return state;
  }

  /** Entries first, then documents. */
  async #tellState(): Promise<void> {
    if (this.#toldPosition === undefined) return;
    const { log } = this.#deps;
    this.#tellTrimmed();
    for (let isLast = false; !isLast;) {
      const page = await log.readJournal({ after: this.#toldPosition, limit: TOLD_AT_ONCE });
      const { entries } = page;
      if (entries.length > 0) this.#heard({ entries, changes: [], through: page.through });
      for (const entry of entries) this.pending.found(entry);
      this.#toldPosition = page.through;
      isLast = page.isLast;
    }
    let page: IncomingChanges = { changes: [], next: null };
    do {
      page = await log.incomingChanges(page.next);
      this.#heard({ entries: [], changes: page.changes, through: this.#head.position });
    } while (page.next !== null);
    this.#toldPosition = undefined;
    this.#passed();
  }

  #tellCommit({ id, entries, changes, position }: SharedCommit): void {
    const awaiting = this.pending.has(id) ? id.slice(0, id.lastIndexOf(":")) : "";
    for (const [appender, journal] of [...this.#journals]) {
      journal.heard({ entries, changes: appender === awaiting ? [] : changes, through: position });
    }
    this.pending.applied(id, position - Math.max(entries.length, 1) + 1);
  }

  #heard(commit: HeardCommit): void {
    for (const journal of [...this.#journals.values()]) journal.heard(commit);
  }

  #passed(): void {
    this.recheck();
    for (const { position, resolve } of [...this.#waiting]) {
      if (position <= this.#head.position) resolve();
    }
  }

  async #trim(throughPosition: number): Promise<boolean> {
    const isDone = await this.#deps.log.trimJournal(throughPosition);
    this.#firstPosition = Math.max(this.#firstPosition, throughPosition + 1);
    this.#tellTrimmed();
    return isDone;
  }

  #tellTrimmed(): void {
    for (const journal of this.#journals.values()) journal.trimmed(this.#firstPosition - 1);
  }

  /** Cursors of all that was applied are good: what a crash took from this disk came again. */
  #opened(): JournalOpened {
    const { epoch, position, link } = this.#head;
    return { epoch, firstPosition: this.#firstPosition, lastPosition: position, nextPosition: position + 1, link };
  }
}

/** The first of what is left, as many as go into one commit, at least one. */
function groupFrom(commits: readonly SharedCommit[], start: number): SharedCommit[] {
  let [count, rows, chars] = [0, 0, 0];
  for (const { entries, changes } of commits.slice(start)) {
    rows += entries.length + changes.length;
    chars += charsOf(entries, changes);
    if (count > 0 && (rows > JOURNAL_COMMIT_ROWS_MAX || chars > JOURNAL_COMMIT_BYTES_MAX)) break;
    count++;
  }
  return commits.slice(start, start + count);
}

function charsOf(events: readonly JournalEvent[], changes: readonly DocumentChange[]): number {
  let chars = 0;
  for (const { payload } of events) chars += payload.length;
  for (const { value } of changes) chars += value?.length ?? 0;
  return chars;
}
