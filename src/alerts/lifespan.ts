/**
 * Until when the server has lived: written down from time to time while alerts stand somewhere, and at the end. Silences
 * and holds that run on server time go on from there after a restart, so the time the server was away does not count.
 */
import type { Clock } from "../model/clock.ts";
import type { DocumentChange, JournalEntry, JournalEvent, StoredDocument } from "../model/journal.ts";
import type { AlertBook } from "./alert-book.ts";
import type { Engine } from "./engine.ts";

export interface LifespanJournal {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
}

interface LifespanDeps {
  readonly journal: LifespanJournal;
  readonly clock: Clock;
  readonly book: AlertBook;
  readonly engine: Engine;
  /** Whether everything that came of points is written down. */
  isWritten(): boolean;
}

const [COLLECTION, KEY] = ["alert-state", "alive"];
const BEAT_MS = 10_000;
/** What says no more than that an instance was quiet is kept longer than a beat, so that nothing is evaluated twice. */
const QUIET_KEPT_MS = 3 * BEAT_MS;

export class Lifespan {
  readonly #deps: LifespanDeps;
  /** The run before evaluated everything that had come until then; NaN where there was none. */
  readonly evaluatedMs: number;
  /** It lived at least until then. */
  readonly #aliveMs: number;
  #hasNews = false;
  #cancel: (() => void) | null = null;

  private constructor(deps: LifespanDeps, evaluatedMs: number, aliveMs: number) {
    this.#deps = deps;
    this.evaluatedMs = evaluatedMs;
    this.#aliveMs = aliveMs;
  }

  /** `newestArrivalMs`: of what is stored. */
  static async open(deps: LifespanDeps, newestArrivalMs: number): Promise<Lifespan> {
    const stored = await deps.journal.document(COLLECTION, KEY);
    const beat = stored === undefined ? { evaluatedMs: NaN, aliveMs: NaN } : (JSON.parse(stored.value) as Beat);
    return new Lifespan(deps, beat.evaluatedMs, Math.max(beat.aliveMs, newestArrivalMs));
  }

  /** How long the run before is known to have lived after a time. */
  livedAfterMs(timeMs: number): number {
    return Number.isNaN(this.#aliveMs) ? 0 : Math.max(0, this.#aliveMs - timeMs);
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
    const evaluatedMs = Math.floor(aliveMs / 1_000) * 1_000 - 1;
    const value = JSON.stringify({ evaluatedMs, aliveMs } satisfies Beat);
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
    const removed = this.#deps.isWritten()
      ? this.#deps.book.takeOverBefore(this.#deps.clock.nowMs() - QUIET_KEPT_MS)
      : [];
    // What cannot be written now is written with the next beat.
    this.#write(removed).catch(() => (this.#hasNews = true));
  }

  async #write(changes: readonly DocumentChange[]): Promise<void> {
    const beat = this.beat();
    if (beat.length === 0) this.#hasNews = true;
    await this.#deps.journal.append([], [...beat, ...changes]);
  }
}

interface Beat {
  readonly evaluatedMs: number;
  readonly aliveMs: number;
}
