/**
 * Writes changes of devices to the journal, one commit after the other, so that what is written is made of what is told already.
 * What people ask for goes before what the server itself notes; of the latter many go into one commit, and what cannot be written
 * is tried again.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEvent } from "../model/journal.ts";
import { notEverywhere, type LastingJournal } from "../model/lasting-journal.ts";

export interface Rows {
  readonly events: readonly JournalEvent[];
  readonly changes: readonly DocumentChange[];
}

/** What the server notes of a device. */
export interface Note {
  readonly device: number;
  /** Another one that must be told before. */
  readonly after?: number;
  /** Made when its turn comes; nothing where there is nothing to be written any more. */
  rows(): Rows | undefined;
}

export interface WriterDeps {
  /** For what people ask. */
  readonly journal: {
    append(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<unknown>;
  };
  /** For what the server notes; left out: the same. */
  readonly lasting?: Pick<LastingJournal, "append" | "hasHeld" | "isHolding">;
  /** These are on this node's disk, and come into the journal later. */
  onHeld?(events: readonly JournalEvent[]): void;
  readonly clock: Clock;
  /** What is committed next. */
  onCommit(events: readonly JournalEvent[]): void;
  onTrouble(sentence: string): void;
}

interface Settling {
  /** When so many are. */
  readonly noted: number;
  /** It waits however long the journal cannot be written. */
  readonly isPatient: boolean;
  resolve(isSettled: boolean): void;
}

type MaybePromise<T> = T | Promise<T>;

interface Ask {
  run(): Promise<void>;
}

/** A commit of so many takes a few milliseconds, in which no points are acknowledged. */
const NOTES_AT_ONCE = 100;
const TEXT_AT_ONCE = 1024 * 1024;
const NOTES_MAX = 1_000_000;
/** Of what is done with so many are still held. */
const HELD_MAX = 16_384;
const ASKS_MAX = 10_000;
const RETRY_AFTER_MS = 1_000;

export class DeviceWriter {
  readonly #deps: WriterDeps;
  readonly #notesMax: number;
  readonly #asks: Ask[] = [];
  #notes: Note[] = [];
  /** Of {@link #notes}, those before are done with. */
  #first = 0;
  /** Since the start. */
  #noted = 0;
  #settling: Settling[] = [];
  #running: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #isFailing = false;
  /** Since too many waited. */
  #givenUp = 0;
  #atOnce = NOTES_AT_ONCE;

  /** Where more than `notesMax` wait the oldest are given up. */
  constructor(deps: WriterDeps, notesMax = NOTES_MAX) {
    this.#deps = deps;
    this.#notesMax = notesMax;
  }

  /**
   * Resolves with what `make` made once its rows are durable; `make` is called when its turn comes, and nothing is written where
   * there are no rows. Rejects with what `make` or the journal throws; with RESOURCE_EXHAUSTED where too many wait.
   */
  ask<T>(make: () => MaybePromise<{ readonly rows: Rows; readonly result: T }>): Promise<T> {
    if (this.#asks.length >= ASKS_MAX) {
      const message = `${this.#asks.length} changes of devices wait to be written, and at most ${ASKS_MAX} may`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = async () => {
      try {
        // What is made goes by what was noted, and is not to be in the journal before it.
        if (this.#deps.lasting?.hasHeld === true) throw notEverywhere();
        const { rows, result } = await make();
        await this.#append(rows, this.#deps.journal);
        resolve(result);
      } catch (error) {
        reject(error);
      }
    };
    this.#asks.push({ run });
    this.#run();
    return promise;
  }

  note(note: Note): void {
    this.#notes.push(note);
    this.#noted++;
    if (!this.#isFailing) this.#run();
    if (this.waiting > this.#notesMax) this.#giveUpOldest();
  }

  /** Notes wait until the journal can be written again. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** What is noted comes to this node's disk alone. */
  get isHolding(): boolean {
    return this.#deps.lasting?.isHolding === true;
  }

  /** How many notes wait. */
  get waiting(): number {
    return this.#notes.length - this.#first;
  }

  /** Resolves when all that waits is written, or cannot be for now. */
  async written(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Resolves when all that is noted until now is durable, or was given up, however long the journal cannot be written. */
  async settled(): Promise<void> {
    await this.#settle(true);
  }

  /** The same, but for false as soon as the journal cannot be written. */
  tried(): Promise<boolean> {
    return this.#isFailing ? Promise.resolve(this.waiting === 0) : this.#settle(false);
  }

  #settle(isPatient: boolean): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#settling.push({ noted: this.#noted, isPatient, resolve });
    this.#tellSettled();
    return promise;
  }

  close(): void {
    this.#cancelRetry?.();
  }

  #run(): void {
    this.#running ??= Promise.resolve()
      .then(() => this.#work())
      .finally(() => {
        this.#running = undefined;
        // What came since it looked last.
        if (this.#asks.length > 0 || (this.waiting > 0 && !this.#isFailing)) this.#run();
      });
  }

  async #work(): Promise<void> {
    for (;;) {
      const ask = this.#asks.shift();
      if (ask !== undefined) await ask.run();
      else if (this.waiting === 0 || this.#isFailing) return;
      else await this.#writeNotes();
    }
  }

  async #writeNotes(): Promise<void> {
    const before = this.#noted - this.waiting;
    const { count, rows } = this.#next();
    try {
      const { journal, lasting = journal, onHeld } = this.#deps;
      if ((await this.#append(rows, lasting)) === null) onHeld?.(rows.events);
      this.#atOnce = NOTES_AT_ONCE;
      this.#done(before, count);
      this.#tellGivenUp();
    } catch (error) {
      const { length } = rows.events;
      if (!isNeverTaken(error)) return this.#retryLater(error);
      if (count > 1) this.#atOnce = Math.max(1, count >>> 1);
      else {
        this.#deps.onTrouble(
          `a change of a device cannot be written, and is left out: ${messageOf(error)} (${length})`,
        );
        this.#done(before, count);
      }
    }
  }

  async #append({ events, changes }: Rows, journal: WriterDeps["journal"]): Promise<unknown> {
    if (events.length + changes.length === 0) return;
    this.#deps.onCommit(events);
    return journal.append(events, changes);
  }

  /** Those that are written together: of each device at most one, since the next one is made of what is told then. */
  #next(): { readonly count: number; readonly rows: Rows } {
    const events: JournalEvent[] = [];
    const changes: DocumentChange[] = [];
    const devices = new Set<number>();
    let [count, text] = [0, 0];
    while (count < this.waiting && count < this.#atOnce && text < TEXT_AT_ONCE) {
      const note = this.#notes[this.#first + count];
      if (devices.has(note.device) || (note.after !== undefined && devices.has(note.after))) break;
      devices.add(note.device);
      count++;
      const rows = note.rows();
      if (rows === undefined) continue;
      events.push(...rows.events);
      changes.push(...rows.changes);
      for (const { payload } of rows.events) text += payload.length;
      for (const { value } of rows.changes) text += value?.length ?? 0;
    }
    return { count, rows: { events, changes } };
  }

  #tellSettled(): void {
    const done = this.#noted - this.waiting;
    while (this.#settling.length > 0 && this.#settling[0].noted <= done) this.#settling.shift()!.resolve(true);
  }

  /** Notes that began to be written after `before` others. What was given up of them meanwhile was not, then. */
  #done(before: number, count: number): void {
    const givenUp = Math.min(count, this.#noted - this.waiting - before);
    this.#givenUp -= givenUp;
    this.#leave(count - givenUp);
  }

  #giveUpOldest(): void {
    const sentence = `more than ${this.#notesMax} changes of devices wait for the journal: the oldest are given up`;
    if (this.#givenUp === 0) this.#deps.onTrouble(sentence);
    this.#givenUp++;
    this.#leave(1);
  }

  /** Once it is over, so that where it goes on for long that is not said with every commit. */
  #tellGivenUp(): void {
    if (this.#givenUp === 0 || this.waiting > this.#notesMax / 2) return;
    this.#deps.onTrouble(`${this.#givenUp} changes of devices were given up, since too many waited for the journal`);
    this.#givenUp = 0;
  }

  #leave(count: number): void {
    this.#first += count;
    this.#tellSettled();
    if (this.#first < HELD_MAX && this.#first < this.#notes.length) return;
    this.#notes = this.#notes.slice(this.#first);
    this.#first = 0;
  }

  #retryLater(error: unknown): void {
    this.#isFailing = true;
    for (const { isPatient, resolve } of this.#settling) if (!isPatient) resolve(false);
    this.#settling = this.#settling.filter(({ isPatient }) => isPatient);
    const wait = `${this.waiting} changes of devices wait for it`;
    this.#deps.onTrouble(`the journal cannot be written: ${messageOf(error)}; ${wait}`);
    const retryAfterMs = error instanceof WatchpostError ? error.retryAfterMs : undefined;
    this.#cancelRetry = this.#deps.clock.after(retryAfterMs ?? RETRY_AFTER_MS, () => {
      this.#isFailing = false;
      this.#run();
    });
  }
}

/** However often it is tried: too large, or not what may be written. */
function isNeverTaken(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof WatchpostError && error.status === "INVALID_ARGUMENT");
}
