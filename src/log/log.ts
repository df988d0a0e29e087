/** The log as its worker sees it: segments of synced records, and the series they are the first to use. */
import { readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";
import type { LogOpened, LogOptions, LogStats, StatePage } from "./protocol.ts";
import { definitionsOfRecord, frameOfRecord, recordIn, sealRecord } from "./record.ts";
import { replayRecords, type SegmentEnd } from "./replay.ts";
import { firstSeqOf, Segment, syncDirectory } from "./segment.ts";
import { StateDb } from "./state-db.ts";

/** Definitions that may wait to be written to the state; until then they stand in the log alone. */
const DEFINITIONS_WAITING_MAX = 4_096;
const RETRY_AFTER_MS = 1_000;
/** Read within a millisecond or two: appends wait meanwhile. */
const SERIES_A_PAGE = 2_000;

interface ClosedSegment {
  readonly path: string;
  readonly lastSeq: number;
  readonly bytes: number;
}

export class Log {
  readonly #options: LogOptions;
  readonly #state: StateDb;
  /** Ascending. */
  #closed: ClosedSegment[] = [];
  /** Made by the first append that needs it. */
  #current: Segment | null = null;
  #definitions: SeriesDefinition[] = [];
  #highestSeq = -1;
  #failure: WatchpostError | null = null;

  private constructor(options: LogOptions, state: StateDb) {
    this.#options = options;
    this.#state = state;
  }

  /** Takes the data directory and reads what is in the log. Throws FAILED_PRECONDITION where it cannot be used. */
  static open(options: LogOptions): { log: Log; opened: LogOpened } {
    const state = StateDb.open(options.dir);
    try {
      const log = new Log(options, state);
      return { log, opened: log.#open() };
    } catch (error) {
      state.close();
      throw error;
    }
  }

  get hasDefinitionsToWrite(): boolean {
    return this.#definitions.length >= DEFINITIONS_WAITING_MAX;
  }

  /** Makes a record durable. Once it has failed it refuses every record until {@link reopen}. */
  append(record: ArrayBuffer): void {
    const { seq } = frameOfRecord(record);
    this.#highestSeq = Math.max(this.#highestSeq, seq);
    if (this.#failure) throw this.#failure;
    try {
      sealRecord(record);
      const segment = (this.#current ??= Segment.create(this.#options.dir, seq));
      segment.append(recordIn(record), seq);
      for (const definition of definitionsOfRecord(record)) this.#definitions.push(definition);
      if (segment.bytes >= this.#options.segmentBytesMax) this.#roll();
    } catch (error) {
      this.#failure = new WatchpostError("UNAVAILABLE", `the log cannot be written: ${messageOf(error)}`, {
        retryAfterMs: RETRY_AFTER_MS,
        cause: error,
      });
      throw this.#failure;
    }
  }

  /** Leaves the failed segment at its last synced record and begins another. Returns the next sequence. */
  reopen(): number {
    if (this.#failure !== null) {
      if (this.#current !== null) {
        this.#current.cutBack();
        this.#roll();
      }
      // Each try has a name of its own: the file of one that failed may be in the way.
      const firstSeq = ++this.#highestSeq;
      this.#current = Segment.create(this.#options.dir, firstSeq);
      this.#failure = null;
    }
    return this.#highestSeq + 1;
  }

  /** Everything up to `throughSeq` is kept elsewhere: removes the segments that hold nothing else. */
  release(throughSeq: number): void {
    if (this.#current !== null && this.#failure === null && this.#current.lastSeq <= throughSeq) this.#roll();
    const gone = this.#closed.filter(({ lastSeq }) => lastSeq <= throughSeq);
    if (gone.length === 0) return;
    this.writeDefinitions();
    for (const { path } of gone) rmSync(path, { force: true });
    syncDirectory(this.#options.dir);
    this.#closed = this.#closed.filter((segment) => !gone.includes(segment));
  }

  /** Writes series that stand in the log alone to the state. */
  writeDefinitions(): void {
    this.#state.addSeries(this.#definitions);
    this.#state.set("next_seq", this.#highestSeq + 1);
    this.#definitions = [];
  }

  /** Series after an id, ascending, and all of the small state. The first page makes sure that nothing is missing. */
  statePage(afterSeriesId: number): StatePage {
    if (afterSeriesId === 0) this.writeDefinitions();
    return { series: this.#state.series(afterSeriesId, SERIES_A_PAGE), meta: this.#state.numbers() };
  }

  stats(): LogStats {
    const closedBytes = this.#closed.reduce((sum, { bytes }) => sum + bytes, 0);
    const segmentBytes = closedBytes + (this.#current?.bytes ?? 0);
    return { segments: this.#closed.length + (this.#current ? 1 : 0), segmentBytes };
  }

  close(): void {
    this.#current?.close();
    this.#current = null;
    try {
      this.writeDefinitions();
      this.#state.set("clean", 1);
    } finally {
      this.#state.close();
    }
  }

  #open(): LogOpened {
    const { dir } = this.#options;
    const unclean = this.#state.number("clean") === 0;
    this.#state.set("clean", 0);
    const damage: string[] = [];
    const known = this.#state.series(0, Infinity, (sentence) => damage.push(sentence));
    this.#highestSeq = (this.#state.number("next_seq") ?? 0) - 1;
    const highestKnown = known.at(-1)?.id ?? 0;
    const names = readdirSync(dir).filter((name) => firstSeqOf(name) !== undefined);
    names.sort();
    for (const [i, name] of names.entries()) this.#readSegment(name, i === names.length - 1, highestKnown, damage);
    const series = [...known, ...this.#definitions];
    return { nextSeq: this.#highestSeq + 1, series, segments: this.#closed.map(({ path }) => path), damage, unclean };
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

  #roll(): void {
    const { path, lastSeq, bytes } = this.#current!;
    this.#current!.close();
    this.#current = null;
    this.#closed.push({ path, lastSeq, bytes });
  }
}
