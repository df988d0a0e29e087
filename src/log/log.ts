/**
 * The log as its worker sees it: segments of records, and the series they are the first to use. Records are synced as
 * they come, or with a sync interval by timer: a record that brings a series is synced at once even then, so that no
 * sealed point can outlive the name of its series.
 */
import { readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../model/clock.ts";
import { isDiskFull, messageOf, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEvent } from "../model/journal.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";
import { systemClock } from "../model/system-clock.ts";
import type { JournalDb } from "./journal-db.ts";
import type { LogOpened, LogOptions, LogStats, StatePage } from "./protocol.ts";
import { definitionsOfRecord, frameOfRecord, recordIn, sealRecord } from "./record.ts";
import { replayRecords, type SegmentEnd } from "./replay.ts";
import { firstSeqOf, Segment, syncDirectory } from "./segment.ts";
import { StateDb } from "./state-db.ts";
import { WrittenBytes } from "./written-bytes.ts";

/** Definitions that may wait to be written to the state; until then they stand in the log alone. */
const DEFINITIONS_WAITING_MAX = 4_096;
const RETRY_AFTER_MS = 1_000;
/** Read within a millisecond or two: appends wait meanwhile. */
const SERIES_A_PAGE = 2_000;
/** Room without which a log that failed is not opened again: it would fail with the next record. */
const ROOM_BYTES_MIN = 64 * 1024;
/** More than is written in one sync interval: sequences of records that a power cut took are not given again. */
const SEQS_SKIPPED = 10_000_000;

/** What does not write. */
type JournalReads = Pick<
  JournalDb,
  "read" | "documents" | "document" | "beginSnapshot" | "readSnapshot" | "endSnapshot" | "incomingChanges" | "strays"
>;

interface ClosedSegment {
  readonly path: string;
  readonly lastSeq: number;
  readonly bytes: number;
}

export class Log {
  readonly #options: LogOptions;
  readonly #state: StateDb;
  readonly #clock: Clock;
  readonly #syncIntervalMs: number;
  readonly #onUnsynced: (sentence: string) => void;
  readonly #written = new WrittenBytes();
  /** Ascending. */
  #closed: ClosedSegment[] = [];
  /** Made by the first append that needs it. */
  #current: Segment | null = null;
  #definitions: SeriesDefinition[] = [];
  #highestSeq = -1;
  #failure: WatchpostError | null = null;
  #roomBytes = ROOM_BYTES_MIN;
  #isMarked = false;
  #cancelSync: (() => void) | null = null;
  /** What was told of as unsynced last. */
  #told: Segment | null = null;

  private constructor(options: LogOptions, state: StateDb, clock: Clock, onUnsynced: (sentence: string) => void) {
    this.#options = options;
    this.#state = state;
    this.#clock = clock;
    this.#syncIntervalMs = options.syncIntervalMs ?? 0;
    this.#onUnsynced = onUnsynced;
  }

  /**
   * Takes the data directory and reads what is in the log. Throws FAILED_PRECONDITION where it cannot be used.
   * `onUnsynced` hears of records that were taken and could not be synced.
   */
  static open(
    options: LogOptions,
    clock: Clock = systemClock,
    onUnsynced: (sentence: string) => void = () => {},
  ): { log: Log; opened: LogOpened } {
    const state = StateDb.open(options.dir);
    try {
      const log = new Log(options, state, clock, onUnsynced);
      return { log, opened: log.#open() };
    } catch (error) {
      state.close();
      throw error;
    }
  }

  get journal(): JournalReads {
    return this.#state.journal;
  }

  get hasDefinitionsToWrite(): boolean {
    return this.#definitions.length >= DEFINITIONS_WAITING_MAX;
  }

  /**
   * Makes a record durable, with a sync interval within that. Once it has failed it refuses every record until
   * {@link reopen}: with RESOURCE_EXHAUSTED where the disk is full, otherwise with UNAVAILABLE.
   */
  append(record: ArrayBuffer): void {
    const { seq } = frameOfRecord(record);
    this.#highestSeq = Math.max(this.#highestSeq, seq);
    if (this.#failure) throw this.#failure;
    try {
      this.#markInUse();
      sealRecord(record);
      const definitions = definitionsOfRecord(record);
      const segment = (this.#current ??= Segment.create(this.#options.dir, seq, this.#written));
      segment.append(recordIn(record), seq, this.#syncIntervalMs > 0 && definitions.length === 0);
      if (segment.unsyncedBytes > 0) this.#syncSoon();
      for (const definition of definitions) this.#definitions.push(definition);
      if (segment.bytes >= this.#options.segmentBytesMax) this.#roll();
    } catch (error) {
      this.#roomBytes = Math.max(ROOM_BYTES_MIN, recordIn(record).byteLength);
      throw this.#fail(error);
    }
  }

  /**
   * Leaves the failed segment at the last record that was taken and begins another. Returns the next sequence. Throws
   * while there is no room for what has failed.
   */
  reopen(): number {
    if (this.#failure !== null) {
      try {
        this.#beginAnew();
      } catch (error) {
        throw this.#fail(error);
      }
    }
    return this.#highestSeq + 1;
  }

  /** Everything up to `throughSeq` is kept elsewhere: removes the segments that hold nothing else. */
  release(throughSeq: number): void {
    if (this.#current !== null && this.#failure === null && this.#current.lastSeq <= throughSeq) this.#leaveCurrent();
    const gone = this.#closed.filter(({ lastSeq }) => lastSeq <= throughSeq);
    if (gone.length === 0) return;
    this.writeDefinitions();
    for (const { path } of gone) rmSync(path, { force: true });
    syncDirectory(this.#options.dir);
    this.#closed = this.#closed.filter((segment) => !gone.includes(segment));
  }

  /** Writes series that stand in the log alone to the state. */
  writeDefinitions(): void {
    this.#written.during("state", 0, () => {
      this.#state.addSeries(this.#definitions);
      this.#state.set("next_seq", this.#highestSeq + 1);
    });
    this.#definitions = [];
  }

  /**
   * Series after an id, ascending; with the first page all of the small state. That page makes sure that nothing is
   * missing. Series that are retired may be among them.
   */
  statePage(afterSeriesId: number): StatePage {
    const isFirst = afterSeriesId === 0;
    if (isFirst) this.writeDefinitions();
    return {
      series: this.#state.series(afterSeriesId, SERIES_A_PAGE),
      meta: this.#state.numbers(),
      retired: isFirst ? this.#state.retired() : new Uint32Array(0),
    };
  }

  /** Makes it durable that these series are deleted: none of them comes back, whatever the log still says of them. */
  retire(seriesIds: Uint32Array): void {
    this.#state.retire(seriesIds);
  }

  /**
   * Appends to the journal and changes documents, durably, all or nothing; returns the position of the first event. Throws
   * RESOURCE_EXHAUSTED where the disk is full, otherwise UNAVAILABLE when it cannot; the next may succeed.
   */
  commitJournal(events: readonly JournalEvent[], changes: readonly DocumentChange[]): number {
    const bytes = charsOf(events, changes);
    return this.writeJournal(bytes, (journal) => journal.commit(events, changes));
  }

  /** One step of removing the oldest entries; returns whether it was the last. */
  trimJournal(throughPosition: number): boolean {
    return this.writeJournal(0, (journal) => journal.trim(throughPosition));
  }

  /** Whatever else is written to the journal, of about so many bytes; throws as {@link commitJournal} does. */
  writeJournal<T>(bytes: number, write: (journal: JournalDb) => T): T {
    try {
      this.#markInUse();
      return this.#written.during("journal", bytes, () => write(this.#state.journal));
    } catch (error) {
      throw failureOf("the journal", error);
    }
  }

  stats(): LogStats {
    const closedBytes = this.#closed.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      segments: this.#closed.length + (this.#current ? 1 : 0),
      segmentBytes: closedBytes + (this.#current?.bytes ?? 0),
      unsyncedBytes: this.#current?.unsyncedBytes ?? 0,
      writtenBytes: { ...this.#written.totals },
      syncs: { ...this.#written.syncs },
    };
  }

  /**
   * Syncs what is not, and leaves the directory, whatever fails. Throws what failed, but for a full disk: series and
   * records stand in the log then, and the next start takes them from there.
   */
  close(): void {
    this.#cancelSync?.();
    try {
      this.#sync();
      this.#current?.close();
      this.#current = null;
      this.writeDefinitions();
      this.#state.set("clean", 1);
    } catch (error) {
      this.#tellUnsynced(error);
      if (!isDiskFull(error)) throw error;
    } finally {
      this.#state.close();
    }
  }

  #open(): LogOpened {
    const { dir } = this.#options;
    const { journal } = this.#state;
    const unclean = this.#state.number("clean") === 0;
    if (unclean) journal.skipPositions();
    const wasSyncedLate = (this.#state.number("sync_interval_ms") ?? 0) > 0;
    try {
      this.#markInUse();
    } catch (error) {
      // Done before the first record is taken: until then there may come room.
      if (!isDiskFull(error)) throw error;
    }
    const damage: string[] = [];
    const retired = this.#state.takeRetired((sentence) => damage.push(sentence));
    const known = this.#state.series(0, Infinity, (sentence) => damage.push(sentence));
    this.#highestSeq = (this.#state.number("next_seq") ?? 0) - 1;
    const highestKnown = known.at(-1)?.id ?? 0;
    const names = readdirSync(dir).filter((name) => firstSeqOf(name) !== undefined);
    names.sort();
    for (const [i, name] of names.entries()) this.#readSegment(name, i === names.length - 1, highestKnown, damage);
    const gone = new Set(retired);
    this.#definitions = this.#definitions.filter(({ id }) => !gone.has(id));
    if (unclean && wasSyncedLate) this.#highestSeq += SEQS_SKIPPED;
    const series = [...known, ...this.#definitions];
    const segments = this.#closed.map(({ path }) => path);
    const { upgradedFrom } = this.#state;
    const nextSeq = this.#highestSeq + 1;
    return { nextSeq, series, retired, segments, damage, unclean, upgradedFrom, journal: journal.opened };
  }

  /** What is damaged in it is told by whoever replays its points. */
  #readSegment(name: string, isLast: boolean, highestKnown: number, damage: string[]): void {
    const path = join(this.#options.dir, name);
    let lastSeq = firstSeqOf(name)! - 1;
    const records = replayRecords(path, () => {});
    let next: IteratorResult<ArrayBuffer, SegmentEnd>;
    for (next = records.next(); !next.done; next = records.next()) {
      lastSeq = frameOfRecord(next.value).seq;
      for (const definition of definitionsOfRecord(next.value)) {
        if (definition.id > highestKnown) this.#definitions.push(definition);
      }
    }
    const { wholeBytes, torn } = next.value;
    if (torn && wholeBytes === 0) rmSync(path);
    else if (torn && isLast) truncateSync(path, wholeBytes);
    else if (torn) damage.push(`${name} ends at byte ${wholeBytes} inside a record; what followed is lost`);
    this.#highestSeq = Math.max(this.#highestSeq, lastSeq, firstSeqOf(name)!);
    if (wholeBytes > 0) this.#closed.push({ path, lastSeq, bytes: statSync(path).size });
  }

  /** What the next start must know if this run does not end as it should. */
  #markInUse(): void {
    if (this.#isMarked) return;
    this.#state.set("sync_interval_ms", this.#syncIntervalMs);
    this.#state.set("journal_next", this.#state.journal.nextPosition);
    this.#state.set("clean", 0);
    this.#state.settle();
    this.#isMarked = true;
  }

  #syncSoon(): void {
    this.#cancelSync ??= this.#clock.after(this.#syncIntervalMs, () => {
      this.#cancelSync = null;
      try {
        this.#sync();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #sync(): void {
    if (this.#current?.hasFailedSync === false) this.#current.sync();
  }

  /** No record is taken any more. */
  #fail(error: unknown): WatchpostError {
    this.#tellUnsynced(error);
    this.#failure = failureOf("the log", error);
    return this.#failure;
  }

  #beginAnew(): void {
    if (this.#current !== null) {
      this.#current.cutBack();
      this.#roll();
    }
    // Each try has a name of its own: the file of one that failed may be in the way.
    const segment = Segment.create(this.#options.dir, ++this.#highestSeq, this.#written);
    try {
      segment.probe(this.#roomBytes);
    } catch (error) {
      segment.remove();
      throw error;
    }
    this.#current = segment;
    this.#failure = null;
  }

  /** After a failed sync nobody knows what is on the disk, whatever the next one says. */
  #tellUnsynced(error: unknown): void {
    const segment = this.#current;
    if (segment === null || segment === this.#told || !segment.hasFailedSync || segment.unsyncedBytes === 0) return;
    this.#told = segment;
    const what = `${basename(segment.path)} cannot be synced: ${messageOf(error)}`;
    this.#onUnsynced(`${what}; ${segment.unsyncedBytes} bytes of acknowledged records may not be on the disk`);
  }

  #roll(): void {
    this.#sync();
    this.#leaveCurrent();
  }

  #leaveCurrent(): void {
    const segment = this.#current!;
    if (segment.isEmpty) segment.remove();
    else {
      segment.close();
      this.#closed.push({ path: segment.path, lastSeq: segment.lastSeq, bytes: segment.bytes });
    }
    this.#current = null;
  }
}

/** About the bytes that they are written with. */
export function charsOf(
  events: readonly Pick<JournalEvent, "payload">[],
  changes: readonly Pick<DocumentChange, "value">[],
): number {
  const texts = [...events.map(({ payload }) => payload), ...changes.map(({ value }) => value ?? "")];
  return texts.reduce((sum, text) => sum + text.length, 0);
}

function failureOf(what: string, error: unknown): WatchpostError {
  const why = isDiskFull(error) ? `the disk is full (${messageOf(error)})` : messageOf(error);
  const status = isDiskFull(error) ? "RESOURCE_EXHAUSTED" : "UNAVAILABLE";
  const details = { retryAfterMs: RETRY_AFTER_MS, cause: error };
  return new WatchpostError(status, `${what} cannot be written: ${why}`, details);
}
