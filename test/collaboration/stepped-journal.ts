/**
 * A journal in memory that takes its time: what is asked of it waits until it is let, commits in order and readings in
 * order, and it can fail, or die with some of what was on its way.
 */
import type { CollaborationJournal } from "../../src/collaboration/collaboration-journal.ts";
import { invalidField, WatchpostError } from "../../src/model/errors.ts";
import type {
  DocumentChange,
  DocumentQuery,
  JournalEntry,
  JournalEvent,
  JournalQuery,
  StoredDocument,
} from "../../src/model/journal.ts";
import type { MemoryJournal } from "../support/memory-journal.ts";

interface Step {
  run(): Promise<void>;
  reject(error: Error): void;
}

export class SteppedJournal implements CollaborationJournal {
  readonly #kept: MemoryJournal;
  readonly #commits: Step[] = [];
  readonly #reads: Step[] = [];
  #isDead = false;
  isStepped = false;
  /** Commits are refused. */
  isFailing = false;

  constructor(kept: MemoryJournal) {
    this.#kept = kept;
  }

  get commits(): number {
    return this.#commits.length;
  }

  get reads(): number {
    return this.#reads.length;
  }

  get lastPosition(): number {
    return this.#kept.lastPosition;
  }

  get firstPosition(): number {
    return this.#kept.firstPosition;
  }

  append(events: readonly JournalEvent[], changes: readonly DocumentChange[] = []): Promise<readonly JournalEntry[]> {
    return this.#wait(this.#commits, () => {
      if (this.isFailing) throw new WatchpostError("UNAVAILABLE", "the disk fails", { retryAfterMs: 1_000 });
      return this.#kept.append(events, changes);
    });
  }

  read(query: JournalQuery): Promise<readonly JournalEntry[]> {
    return this.#wait(this.#reads, () => this.#kept.read(query));
  }

  documents(query: DocumentQuery): Promise<readonly StoredDocument[]> {
    return this.#wait(this.#reads, () => this.#kept.documents(query));
  }

  document(collection: string, key: string): Promise<StoredDocument | undefined> {
    return this.#wait(this.#reads, () => this.#kept.document(collection, key));
  }

  follow(listener: (entries: readonly JournalEntry[]) => void): () => void {
    return this.#kept.follow(listener);
  }

  cursorOf(position: number): string {
    return this.#kept.cursorOf(position);
  }

  positionOf(cursor: string, field = "cursor"): number {
    if (!/^cursor-\d+$/.test(cursor)) throw invalidField(field, cursor, "a cursor");
    const position = this.#kept.positionOf(cursor, field);
    if (position > this.lastPosition) throw new WatchpostError("OUT_OF_RANGE", "the journal does not reach so far");
    return position;
  }

  async stepCommit(): Promise<void> {
    await this.#commits.shift()?.run();
  }

  async stepRead(): Promise<void> {
    await this.#reads.shift()?.run();
  }

  async stepAll(): Promise<void> {
    while (this.#commits.length + this.#reads.length > 0) {
      await this.stepCommit();
      await this.stepRead();
    }
  }

  /** The first `committed` commits get to the disk, and nobody hears of it or of anything more. */
  async crash(committed = 0): Promise<void> {
    const commits = this.#commits.splice(0);
    this.#reads.splice(0);
    this.#isDead = true;
    for (const commit of commits.slice(0, committed)) await commit.run();
  }

  #wait<T>(steps: Step[], run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const step: Step = {
        reject,
        run: () =>
          (async () => run())().then(
            (value) => void (this.#isDead || resolve(value)),
            (error) => void (this.#isDead || reject(error)),
          ),
      };
      if (this.#isDead) return;
      if (this.isStepped) steps.push(step);
      else void step.run();
    });
  }
}
