/**
 * Writes what happens to the journal, in order, many at a time, and tells of it when it is durable. While the journal
 * cannot be written, alerts are told of all the same, without a position: nobody can go on behind them, but a person is
 * woken. What is not written yet is tried again until it is.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../model/journal.ts";
import { ALERTS_ACTED_ON_MAX } from "../model/limits.ts";
import { notEverywhere } from "../model/lasting-journal.ts";

/** The journal as alerts see it. */
export interface EventJournal {
  /** Resolves with an entry for each event when all of it is durable; null: on this node alone, {@link LastingJournal}. */
  append(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<readonly JournalEntry[] | null>;
}

/** What is committed of a change. */
export interface Rows {
  readonly event: JournalEvent;
  readonly documents: readonly DocumentChange[];
}

/** One change to be written. */
export interface Writing {
  /** Made when its turn comes. */
  rows(): Rows;
  /** Once, for everybody to hear: `position` in the journal, null where it could not be written so far. */
  told(position: number | null): void;
  /** It was told of before, and is written now. */
  written(position: number): void;
}

/** A commit of so many takes a few milliseconds, in which no points are acknowledged. */
const EVENTS_AT_ONCE = ALERTS_ACTED_ON_MAX;
/** Characters of their text together, about. */
const TEXT_AT_ONCE = 1024 * 1024;
const RETRY_AFTER_MS = 1_000;
/** Told of and not written: past that the oldest are given up. */
const WAITING_MAX = 1_000_000;

interface Waiter {
  /** How many must be durable. */
  readonly through: number;
  readonly settled: PromiseWithResolvers<void>;
}

export class AlertWriter {
  readonly #journal: EventJournal;
  readonly #clock: Clock;
  readonly #onTrouble: (sentence: string) => void;
  readonly #noteChanges: (count: number) => void;
  #waiting: Writing[] = [];
  /** Of those waiting, how many were told of already. */
  #told = 0;
  /** How many are written, or given up. */
  #done = 0;
  #isWriting = false;
  #isClosed = false;
  #cancelRetry = () => {};
  #waiters: Waiter[] = [];
  /** How many go into one transaction, by how many came before the first of them. */
  readonly #together = new Map<number, number>();
  #atOnce = EVENTS_AT_ONCE;

  /** `noteChanges`: hears how many were given, and how many were written. */
  constructor(
    journal: EventJournal,
    clock: Clock,
    onTrouble: (sentence: string) => void,
    noteChanges: (count: number) => void = () => {},
  ) {
    this.#journal = journal;
    this.#clock = clock;
    this.#onTrouble = onTrouble;
    this.#noteChanges = noteChanges;
  }

  write(writing: Writing): void {
    this.#waiting.push(writing);
    this.#noteChanges(1);
    if (this.#isWriting) return;
    this.#isWriting = true;
    queueMicrotask(() => void this.#run());
  }

  /** What `run` writes, at most {@link EVENTS_AT_ONCE}, goes into one transaction, unless that is more than the journal takes. */
  together(run: () => void): void {
    const first = this.#done + this.#waiting.length;
    run();
    const count = this.#done + this.#waiting.length - first;
    if (count > 0) this.#together.set(first, count);
  }

  /** Something was told of that is not written. */
  get lacksTold(): boolean {
    return this.#told > 0;
  }

  get isWritten(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves when all that was given so far is durable, for all nodes; rejects with what keeps it from that, and it is tried on. */
  written(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    const settled = Promise.withResolvers<void>();
    this.#waiters.push({ through: this.#done + this.#waiting.length, settled });
    return settled.promise;
  }

  /** What is not written now is not tried again: {@link written} waits for it before. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const { writings, events, changes } = this.#next();
      try {
        const entries = await this.#journal.append(events, changes);
        if (entries === null) this.#held(writings.length);
        this.#finish(writings, (i) => entries?.[i].position ?? null);
        this.#noteChanges(writings.length);
        this.#atOnce = EVENTS_AT_ONCE;
      } catch (error) {
        if (!isNeverTaken(error)) return this.#fail(error);
        if (writings.length === 1) this.#giveUp(writings, error);
        this.#atOnce = Math.max(1, writings.length >>> 1);
      }
    }
    this.#isWriting = false;
  }

  /** The next ones that are written together, and their text. */
  #next(): { writings: Writing[]; events: JournalEvent[]; changes: DocumentChange[] } {
    const events: JournalEvent[] = [];
    const changes: DocumentChange[] = [];
    let [count, text, end] = [0, 0, 0];
    while (count < this.#waiting.length) {
      if (count >= end) {
        const size = this.#together.get(this.#done + count) ?? 1;
        if (count > 0 && (count + size > this.#atOnce || text >= TEXT_AT_ONCE)) break;
        end = count + Math.min(size, this.#atOnce);
      }
      const { event, documents } = this.#waiting[count++].rows();
      events.push(event);
      changes.push(...documents);
      text += documents.reduce((sum, { value }) => sum + (value?.length ?? 0), event.payload.length);
    }
    return { writings: this.#waiting.slice(0, count), events, changes };
  }

  #finish(writings: readonly Writing[], positionOf: (i: number) => number | null): void {
    this.#waiting.splice(0, writings.length);
    const told = Math.min(this.#told, writings.length);
    this.#told -= told;
    this.#done += writings.length;
    for (const first of this.#together.keys()) if (first < this.#done) this.#together.delete(first);
    for (const [i, writing] of writings.entries()) {
      const position = positionOf(i);
      if (i >= told) writing.told(position);
      else if (position !== null) writing.written(position);
    }
    const settled = this.#waiters.filter(({ through }) => through <= this.#done);
    this.#waiters = this.#waiters.filter(({ through }) => through > this.#done);
    for (const { settled: each } of settled) each.resolve();
  }

  /** Those who wait for the first of what waits are not answered as if all nodes knew. */
  #held(count: number): void {
    const waiting = this.#waiters.filter(({ through }) => through <= this.#done + count);
    this.#waiters = this.#waiters.filter(({ through }) => through > this.#done + count);
    for (const { settled } of waiting) settled.reject(notEverywhere());
  }

  /** One that the journal will never take. */
  #giveUp(writings: readonly Writing[], error: unknown): void {
    this.#onTrouble(`a change of an alert cannot be written, and is told of without: ${messageOf(error)}`);
    const waiter = this.#waiters.findIndex(({ through }) => through === this.#done + 1);
    if (waiter >= 0) this.#waiters.splice(waiter, 1)[0].settled.reject(error);
    this.#finish(writings, () => null);
  }

  #fail(error: unknown): void {
    for (const { settled } of this.#waiters.splice(0)) settled.reject(error);
    const { length } = this.#waiting;
    for (; this.#told < length; this.#told++) this.#waiting[this.#told].told(null);
    if (this.#isClosed) return;
    const lost = Math.max(0, length - WAITING_MAX);
    this.#waiting.splice(0, lost);
    this.#told -= lost;
    this.#done += lost;
    const sentence = `the journal cannot be written: ${messageOf(error)}; ${length} changes of alerts wait for it`;
    this.#onTrouble(lost > 0 ? `${sentence}, and the oldest ${lost} are given up` : sentence);
    const retryAfterMs = error instanceof WatchpostError ? error.retryAfterMs : undefined;
    this.#cancelRetry = this.#clock.after(retryAfterMs ?? RETRY_AFTER_MS, () => void this.#run());
  }
}

/** However often it is tried: too large, or not what may be written. */
function isNeverTaken(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof WatchpostError && error.status === "INVALID_ARGUMENT");
}
