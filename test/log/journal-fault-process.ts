/**
 * `journal-fault-process.ts DIR`: a journal whose disk fails, and that is opened again. Says as JSON what was acknowledged,
 * what was refused and what was found.
 */
import { Log } from "../../src/log/log.ts";
import { messageOf, WatchpostError } from "../../src/model/errors.ts";
import type { JournalLog } from "../../src/log/journal.ts";
import { changeOf, eventOf, journalOver, numbersOf, upTo } from "./journal-rig.ts";

export interface JournalFaultReport {
  /** Numbers of appends; each is two events and two documents. */
  readonly acked: readonly number[];
  readonly refused: readonly {
    readonly n: number;
    readonly status: string;
    readonly retryAfterMs: number | undefined;
  }[];
  /** Numbers of the events that are there at the end, each of them twice, in their order. */
  readonly found: readonly number[];
  /** The same, as followers heard of them. */
  readonly heard: readonly number[];
  /** Numbers of the documents that are there, "a" and "b" of each append. */
  readonly documents: readonly number[];
  readonly trouble: readonly string[];
}

const APPENDS = 60;
const TRIES = 30;
const [dir] = process.argv.slice(2);
const options = { dir, segmentBytesMax: 1 << 20 };

/** A log in this thread, whose calls alone are made to fail. */
export function inThread(log: Log): JournalLog {
  return {
    commitJournal: async (events, changes) => log.commitJournal(events, changes),
    readJournal: async (query) => log.journal.read(query),
    trimJournal: async (throughPosition) => log.trimJournal(throughPosition),
    readDocuments: async (query) => log.journal.documents(query),
    readDocument: async (collection, key) => log.journal.document(collection, key),
  };
}

if (import.meta.main) {
  const trouble: string[] = [];
  const insist = <T>(run: () => T): T => {
    for (let i = 0; ; i++) {
      try {
        return run();
      } catch (error) {
        if (i === TRIES) throw error;
        trouble.push(messageOf(error));
      }
    }
  };
  const { log, opened } = insist(() => Log.open(options));
  const journal = journalOver(inThread(log), opened.journal);
  const acked: number[] = [];
  const heard: number[] = [];
  const refused: JournalFaultReport["refused"][number][] = [];
  journal.follow((entries) => heard.push(...numbersOf(entries)));
  for (const n of upTo(APPENDS)) {
    try {
      await journal.append([eventOf(n), eventOf(n)], [changeOf(`a${n}`, n), changeOf(`b${n}`, n)]);
      acked.push(n);
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      refused.push({ n, status: error.status, retryAfterMs: error.retryAfterMs });
    }
  }
  try {
    log.close();
  } catch (error) {
    trouble.push(messageOf(error));
  }
  const again = insist(() => Log.open(options));
  const after = journalOver(inThread(again.log), again.opened.journal);
  const found = numbersOf(await after.read({ after: 0, limit: Infinity }));
  const documents = (await after.documents({ collection: "alerts", limit: Infinity })).map(({ sort }) => sort);
  const report: JournalFaultReport = { acked, refused, found, heard, documents, trouble };
  try {
    again.log.close();
  } catch {
    // All that is wanted of it is read.
  }
  console.log(JSON.stringify(report));
}
