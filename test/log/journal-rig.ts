/** A journal on a log worker of its own, and what is appended to it. */
import { Journal, type JournalLog } from "../../src/log/journal.ts";
import type { LogClient, LogOpened } from "../../src/log/log-client.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../../src/model/journal.ts";
import { openLog } from "./harness.ts";

export interface OpenJournal extends AsyncDisposable {
  readonly log: LogClient;
  readonly opened: LogOpened;
  readonly journal: Journal;
  /** What listeners threw. */
  readonly errors: unknown[];
  readonly damage: string[];
}

export async function openJournal(dir: string): Promise<OpenJournal> {
  const { log, opened } = await openLog(dir);
  const errors: unknown[] = [];
  const damage: string[] = [];
  const journal = journalOver(log, opened.journal, errors, damage);
  return {
    log,
    opened,
    journal,
    errors,
    damage,
    async [Symbol.asyncDispose]() {
      await journal.close();
      await log.close();
    },
  };
}

export function journalOver(
  log: JournalLog,
  opened: LogOpened["journal"],
  errors: unknown[] = [],
  damage: string[] = [],
): Journal {
  return new Journal({
    log,
    opened,
    onListenerError: (error) => errors.push(error),
    onDamage: (sentence) => damage.push(sentence),
  });
}

/** Hears of each commit before it is made; what it throws fails it. */
export function watched(log: JournalLog, onCommit: () => void): JournalLog {
  return {
    async commitJournal(events, changes) {
      onCommit();
      return log.commitJournal(events, changes);
    },
    readJournal: (query) => log.readJournal(query),
    trimJournal: (throughPosition) => log.trimJournal(throughPosition),
    readDocuments: (query) => log.readDocuments(query),
    readDocument: (collection, key) => log.readDocument(collection, key),
  };
}

export function eventOf(n: number, { kind = "alert", subject = `a${n % 3}` } = {}): JournalEvent {
  return { atMs: 1_790_000_000_000 + n, kind, subject, actor: "system", payload: JSON.stringify({ n }) };
}

export function changeOf(key: string, n: number | null, collection = "alerts"): DocumentChange {
  return { collection, key, sort: n ?? 0, value: n === null ? null : JSON.stringify({ n }) };
}

/** The numbers of {@link eventOf}. */
export function numbersOf(entries: readonly Pick<JournalEntry, "payload">[]): number[] {
  return entries.map(({ payload }) => (JSON.parse(payload) as { n: number }).n);
}

export function upTo(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}
