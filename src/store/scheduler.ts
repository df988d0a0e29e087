/**
 * Shares the worker's thread between queries and maintenance, one slice at a time; messages are heard between slices.
 * Queries go first; a few of them take turns, the others wait and hold nothing, so memory does not follow how many are
 * asked. While a seal is due it gets every second slice, so that it ends whatever is asked; compaction gets one in eight
 * while queries run. Only a commit may take longer than a slice: SQLite waits for the disk in it.
 */
import type { Slice } from "./slice.ts";

const SLICE_MS = 8;
const SEAL_EVERY = 2;
const COMPACT_EVERY = 8;
const QUERIES_AT_ONCE = 4;

export interface Task {
  /** Does nothing before its first step. */
  readonly work: Generator<void, unknown>;
  onDone(result: unknown): void;
  onError(error: unknown): void;
}

export class Scheduler {
  readonly slice: Slice = { over: () => this.#nowMs() >= this.#sliceEndMs };
  readonly #nowMs: () => number;
  readonly #defer: (run: () => void) => void;
  readonly #isUrgent: () => boolean;
  readonly #onSlice: () => void;
  /** The next in turn first. */
  readonly #queries: Task[] = [];
  readonly #waiting: Task[] = [];
  #maintenance: Task | null = null;
  #sliceEndMs = 0;
  #turn = 0;
  #scheduled = false;

  /**
   * `isUrgent`: whether maintenance has a seal to do. `onSlice` is called after each slice, `defer` runs a function after
   * the messages that wait.
   */
  constructor(
    nowMs: () => number,
    isUrgent: () => boolean,
    onSlice: () => void = () => {},
    defer: (run: () => void) => void = setImmediate,
  ) {
    this.#nowMs = nowMs;
    this.#isUrgent = isUrgent;
    this.#onSlice = onSlice;
    this.#defer = defer;
  }

  get maintains(): boolean {
    return this.#maintenance !== null;
  }

  query(task: Task): void {
    this.#waiting.push(task);
    this.#schedule();
  }

  /** One at a time. */
  maintain(task: Task): void {
    this.#maintenance = task;
    this.#schedule();
  }

  /** Ends a query before its time; neither of its callbacks is called. */
  cancel(task: Task): void {
    for (const tasks of [this.#queries, this.#waiting]) {
      const at = tasks.indexOf(task);
      if (at < 0) continue;
      tasks.splice(at, 1);
      task.work.return(undefined);
    }
  }

  /** Cancels everything, maintenance too. */
  stop(): void {
    for (const task of [...this.#queries, ...this.#waiting]) this.cancel(task);
    this.#maintenance?.work.return(undefined);
    this.#maintenance = null;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(() => this.#runSlice());
  }

  #runSlice(): void {
    this.#scheduled = false;
    while (this.#queries.length < QUERIES_AT_ONCE && this.#waiting.length > 0)
      this.#queries.push(this.#waiting.shift()!);
    const every = this.#isUrgent() ? SEAL_EVERY : COMPACT_EVERY;
    const maintains = this.#maintenance !== null && (this.#queries.length === 0 || ++this.#turn % every === 0);
    const task = maintains ? this.#maintenance : this.#queries.shift();
    if (task === null || task === undefined) return;
    this.#sliceEndMs = this.#nowMs() + SLICE_MS;
    const ended = this.#advance(task);
    if (maintains) {
      if (ended !== null) this.#maintenance = null;
    } else if (ended === null) this.#queries.push(task);
    if (this.#queries.length > 0 || this.#maintenance !== null) this.#schedule();
    ended?.();
    this.#onSlice();
  }

  /** Returns what tells of the end; null while there is more to do. */
  #advance({ work, onDone, onError }: Task): (() => void) | null {
    try {
      do {
        const { done, value } = work.next();
        if (done) return () => onDone(value);
      } while (!this.slice.over());
      return null;
    } catch (error) {
      return () => onError(error);
    }
  }
}
