/** The log worker: appends and syncs, nothing else, so that an ack waits for the disk alone. */
import type { MessagePort } from "node:worker_threads";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { systemClock } from "../model/system-clock.ts";
import type { Failure } from "../store/protocol.ts";
import { charsOf, Log } from "./log.ts";
import type { LogAnswer, LogEvent, LogRequest } from "./protocol.ts";

/** Serves one event loop over `port`, from its first message, which must be `open`, to `close`. */
export function startLogWorker(port: MessagePort): void {
  const post = (event: LogEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);
  port.once("message", (request: LogRequest) => {
    if (request.kind !== "open") throw new Error(`the log worker was told ${request.kind} before open`);
    try {
      const onUnsynced = (sentence: string) => post({ kind: "unsynced", sentence });
      const { log, opened } = Log.open(request.options, systemClock, onUnsynced);
      port.on("message", (next: LogRequest) => hear(log, next, post));
      post({ kind: "opened", opened });
    } catch (error) {
      post({ kind: "refused", failure: failureOf(error) });
    }
  });
}

function hear(log: Log, request: LogRequest, post: (event: LogEvent, transfer?: ArrayBuffer[]) => void): void {
  switch (request.kind) {
    case "open":
      return;
    case "append":
      return append(log, request.record, post);
    case "release":
      // What cannot be removed now is removed with the next release, or replayed: that changes nothing.
      return attempt(() => log.release(request.throughSeq));
    case "reopen":
      return answer(request.id, () => log.reopen(), post);
    case "state":
      return answer(request.id, () => log.statePage(request.afterSeriesId), post);
    case "retire":
      return answer(request.id, () => (log.retire(request.seriesIds), null), post);
    case "stats":
      return answer(request.id, () => log.stats(), post);
    case "journal_commit":
      return answer(request.id, () => log.commitJournal(request.events, request.changes), post);
    case "journal_apply": {
      const { entries, changes, head } = request;
      const write = () =>
        log.writeJournal(charsOf(entries, changes), (journal) => journal.apply(entries, changes, head));
      return answer(request.id, () => (write(), null), post);
    }
    case "journal_trim":
      return answer(request.id, () => log.trimJournal(request.throughPosition), post);
    case "journal_read":
      return answer(request.id, () => log.journal.read(request.query), post);
    case "documents":
      return answer(request.id, () => log.journal.documents(request.query), post);
    case "document":
      return answer(request.id, () => log.journal.document(request.collection, request.key), post);
    case "snapshot_begin":
      return answer(request.id, () => log.journal.beginSnapshot(request.afterPosition), post);
    case "snapshot_read":
      return answer(request.id, () => log.journal.readSnapshot(), post);
    case "snapshot_end":
      return answer(request.id, () => (log.journal.endSnapshot(), null), post);
    case "incoming_begin":
      return answer(request.id, () => (log.writeJournal(0, (journal) => journal.beginIncoming()), null), post);
    case "incoming_put": {
      const { entries, documents } = request;
      const write = () =>
        log.writeJournal(charsOf(entries, documents), (journal) => journal.putIncoming(entries, documents));
      return answer(request.id, () => (write(), null), post);
    }
    case "incoming_take":
      return answer(request.id, () => log.writeJournal(0, (journal) => journal.takeIncoming(request.state)), post);
    case "incoming_changes":
      return answer(request.id, () => log.journal.incomingChanges(request.after), post);
    case "strays":
      return answer(request.id, () => log.journal.strays(), post);
    case "strays_forget":
      return answer(request.id, () => (log.writeJournal(0, (journal) => journal.forgetStrays()), null), post);
    case "close":
      return answer(request.id, () => (log.close(), null), post);
  }
}

function append(log: Log, record: ArrayBuffer, post: (event: LogEvent, transfer?: ArrayBuffer[]) => void): void {
  try {
    log.append(record);
  } catch (error) {
    return post({ kind: "append_failed", failure: failureOf(error) });
  }
  post({ kind: "appended", record }, [record]);
  if (log.hasDefinitionsToWrite) attempt(() => log.writeDefinitions());
}

function answer(id: number, run: () => LogAnswer, post: (event: LogEvent) => void): void {
  try {
    post({ kind: "answer", id, value: run() });
  } catch (error) {
    post({ kind: "failed", id, failure: failureOf(error) });
  }
}

function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // Tried again with the next release or at the close; until then the log holds what was to be written.
  }
}

function failureOf(error: unknown): Failure {
  const status = error instanceof WatchpostError ? error.status : "UNAVAILABLE";
  return { status, message: messageOf(error) };
}
