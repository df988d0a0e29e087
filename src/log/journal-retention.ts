/**
 * Keeps the journal from growing for ever: what is older than a limit goes, the oldest first, in slices that others fit
 * between. Nothing that a start needs goes with it: how things stand is in documents.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";

/** Forgets some of what is older than a time; resolves with whether there may be more. */
export type ForgetSlice = (beforeMs: number) => Promise<boolean>;

export interface TrimmedJournal {
  readonly firstPosition: number;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  trim(throughPosition: number): Promise<void>;
}

export interface RetentionOptions {
  /** Infinity: everything is kept. */
  readonly keptMs: number;
  readonly clock: Clock;
  onTrouble(sentence: string): void;
}

const ENTRIES_AT_ONCE = 500;
const FIRST_AFTER_MS = 60_000;
const EVERY_MS = 3_600_000;
/** Appends wait while a slice goes; so it takes a small part of the time. */
const PAUSE_MS = 50;

/**
 * Entries up to the first that is not that old: times of a clock that was behind for a while remove nothing too early. Those
 * of one that was ahead, still to come, go with what is old behind them.
 */
export function trimSlice(journal: TrimmedJournal, clock: Clock): ForgetSlice {
  return async (beforeMs) => {
    const entries = await journal.read({ after: journal.firstPosition - 1, limit: ENTRIES_AT_ONCE });
    const nowMs = clock.nowMs();
    const young = entries.findIndex(({ atMs }) => atMs >= beforeMs && atMs <= nowMs);
    const last = (young < 0 ? entries : entries.slice(0, young)).findLast(({ atMs }) => atMs < beforeMs);
    if (last !== undefined) await journal.trim(last.position);
    return last !== undefined && last === entries[ENTRIES_AT_ONCE - 1];
  };
}

/** Once an hour, one slice after the other. Returns what ends it, and resolves when none is under way. */
export function forgetOld(slices: readonly ForgetSlice[], options: RetentionOptions): () => Promise<void> {
  const { keptMs, clock, onTrouble } = options;
  if (keptMs === Infinity) return async () => {};
  let isEnded = false;
  let cancel = () => {};
  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      if (isEnded) return resolve();
      const stop = clock.after(ms, resolve);
      cancel = () => {
        stop();
        resolve();
      };
    });
  const round = async () => {
    for (const slice of slices) {
      while (!isEnded && (await slice(clock.nowMs() - keptMs))) await wait(PAUSE_MS);
    }
  };
  const run = async () => {
    for (let delayMs = FIRST_AFTER_MS; !isEnded; delayMs = EVERY_MS) {
      await wait(delayMs);
      if (isEnded) return;
      await round().catch((error: unknown) => onTrouble(`what is old cannot be forgotten: ${messageOf(error)}`));
    }
  };
  const underWay = run();
  return () => {
    isEnded = true;
    cancel();
    return underWay;
  };
}
