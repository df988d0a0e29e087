/**
 * Until when the server has lived: written down from time to time while alerts stand somewhere, and at the end. Silences
 * and holds that run on server time go on from there after a restart. Times in which the server was away, or nobody could
 * be heard, do not count, however many of them there were.
 */
import type { Clock } from "../model/clock.ts";
import type { DocumentChange, JournalEntry, JournalEvent, StoredDocument } from "../model/journal.ts";
import type { AlertBook } from "./alert-book.ts";
import type { Engine } from "./engine.ts";

export interface LifespanJournal {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[] | null>;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
}

interface LifespanDeps {
  readonly journal: LifespanJournal;
  readonly clock: Clock;
  readonly book: AlertBook;
  readonly engine: Engine;
  /** When the oldest of the points came that are not evaluated yet; Infinity: there are none. */
  arrivingSinceMs(): number;
  /** Whether everything that came of points is written down. */
  isWritten(): boolean;
}

const [COLLECTION, KEY] = ["alert-state", "alive"];
const BEAT_MS = 10_000;
/** What says no more than that an instance was quiet is kept longer than a beat, so that nothing is evaluated twice. */
const QUIET_KEPT_MS = 3 * BEAT_MS;
/** Times that do not count and are remembered, the last ones. */
const AWAY_MAX = 100;

export class Lifespan {
  readonly #deps: LifespanDeps;
  /** The run before evaluated everything that had come until then; NaN where there was none. */
  readonly evaluatedMs: number;
  /** It lived at least until then. */
  readonly #aliveMs: number;
  /** Ascending. */
  readonly #away: Away[];
  #deafSinceMs: number | null = null;
  #hasNews = false;
  #cancel: (() => void) | null = null;

  private constructor(deps: LifespanDeps, { evaluatedMs, aliveMs, away, deafSinceMs }: Beat) {
    this.#deps = deps;
    this.evaluatedMs = evaluatedMs;
    this.#aliveMs = aliveMs;
    this.#away = [...away];
    if (deafSinceMs !== null) this.#noteAway(deafSinceMs, aliveMs);
    this.#noteAway(aliveMs, deps.clock.nowMs());
  }

  /** `newestArrivalMs`: of what is stored. */
  static async open(deps: LifespanDeps, newestArrivalMs: number): Promise<Lifespan> {
    const stored = await deps.journal.document(COLLECTION, KEY);
    const beat = stored === undefined ? NO_BEAT : { ...NO_BEAT, ...(JSON.parse(stored.value) as Partial<Beat>) };
    return new Lifespan(deps, { ...beat, aliveMs: Math.max(beat.aliveMs, newestArrivalMs || beat.aliveMs) });
  }

  /** How long runs before are known to have lived after a time, and to have heard. */
  livedAfterMs(timeMs: number): number {
    if (!(timeMs < this.#aliveMs)) return 0;
    const awayMs = this.#away.reduce((sum, [fromMs, toMs]) => {
      return sum + Math.max(0, Math.min(toMs, this.#aliveMs) - Math.max(fromMs, timeMs));
    }, 0);
    return Math.max(0, this.#aliveMs - timeMs - awayMs);
  }

  /** While nobody can be heard no time passes. */
  setHearing(isHearing: boolean): void {
    if (isHearing === (this.#deafSinceMs === null)) return;
    const nowMs = this.#deps.clock.nowMs();
    if (this.#deafSinceMs !== null) this.#noteAway(this.#deafSinceMs, nowMs);
    this.#deafSinceMs = isHearing ? null : nowMs;
    if (this.#deps.engine.rules.size > 0) this.#beat();
  }

  /** Everything that is stored was evaluated: beats from now on. */
  begin(): void {
    if (this.#deps.engine.rules.size > 0) this.#beat();
    this.#wait();
  }

  /** Points were evaluated. */
  note(): void {
    this.#hasNews = this.#deps.engine.rules.size > 0;
  }

  /** A beat, to be written with something else; none while what came of points is still to be written. */
  beat(): DocumentChange[] {
    if (!this.#deps.isWritten()) return [];
    // What is stored knows when it came to the second; of the one that is running more may come.
    const aliveMs = this.#deps.clock.nowMs();
    const evaluatedMs = Math.floor(this.#doneMs() / 1_000) * 1_000 - 1;
    const [away, deafSinceMs] = [this.#away, this.#deafSinceMs];
    const value = JSON.stringify({ evaluatedMs, aliveMs, away, deafSinceMs } satisfies Beat);
    return [{ collection: COLLECTION, key: KEY, sort: 0, value }];
  }

  /** The last beat. */
  async end(): Promise<void> {
    this.#cancel?.();
    if (this.#deps.engine.rules.size > 0) await this.#write([]).catch(() => {});
  }

  #wait(): void {
    this.#cancel = this.#deps.clock.after(BEAT_MS, () => {
      this.#wait();
      if (this.#hasNews || !this.#deps.book.isQuiet || this.#deps.engine.isBusy()) this.#beat();
    });
  }

  #beat(): void {
    this.#hasNews = false;
    // They keep points from being evaluated twice, until a beat says that these were evaluated.
    const removed = this.#deps.isWritten() ? this.#deps.book.takeOverBefore(this.#doneMs() - QUIET_KEPT_MS) : [];
    // What cannot be written now is written with the next beat.
    this.#write(removed).catch(() => (this.#hasNews = true));
  }

  /** What came before then was evaluated: points are stored, and may lie in the log when a beat comes, for as long as a disk takes. */
  #doneMs(): number {
    const { clock, arrivingSinceMs } = this.#deps;
    return Math.min(clock.nowMs(), arrivingSinceMs());
  }

  #noteAway(fromMs: number, toMs: number): void {
    if (!(fromMs < toMs)) return;
    this.#away.push([fromMs, toMs]);
    if (this.#away.length > AWAY_MAX) this.#away.shift();
  }

  async #write(changes: readonly DocumentChange[]): Promise<void> {
    const beat = this.beat();
    if (beat.length === 0) this.#hasNews = true;
    await this.#deps.journal.append([], [...beat, ...changes]);
  }
}

type Away = readonly [fromMs: number, toMs: number];

interface Beat {
  readonly evaluatedMs: number;
  readonly aliveMs: number;
  readonly away: readonly Away[];
  /** Null: points got through. */
  readonly deafSinceMs: number | null;
}

const NO_BEAT: Beat = { evaluatedMs: NaN, aliveMs: NaN, away: [], deafSinceMs: null };
