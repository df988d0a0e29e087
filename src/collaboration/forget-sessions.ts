/** Sessions go some time after the last that was said in them. Their messages go with the journal. */
import type { ForgetSlice } from "../log/journal-retention.ts";
import type { DocumentChange, StoredDocument } from "../model/journal.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import type { Session } from "../wire/gen/collaboration_pb.ts";
import { ImportedFiles } from "./replay/imported-files.ts";
import type { Rooms } from "./rooms.ts";
import { lastActivityMs, sentCollection, SESSIONS, sessionOf, withoutSession } from "./session-documents.ts";

const SESSIONS_AT_ONCE = 100;
const ROWS_AT_ONCE = 400;

/** Slices go through all sessions, the oldest first, again and again; those that are at hand stay. */
export function forgetSessions(rooms: Rooms, journal: CollaborationJournal): ForgetSlice {
  let after: Pick<StoredDocument, "sort" | "key"> | undefined;
  return async (beforeMs) => {
    const query = { collection: SESSIONS, limit: SESSIONS_AT_ONCE };
    const page = await journal.documents(after === undefined ? query : { ...query, after });
    for (const document of page) {
      if (lastMs(document) >= beforeMs) continue;
      await rooms.whileAway(document.key, async () => {
        const { key } = document;
        const stored = await journal.document(SESSIONS, key);
        if (stored !== undefined && lastMs(stored) < beforeMs) {
          await forget({ ...sessionOf(stored), id: key }, journal);
        }
      });
    }
    const last = page.at(-1);
    const isLast = page.length < SESSIONS_AT_ONCE || last === undefined || last.sort >= beforeMs;
    after = isLast ? undefined : { sort: last.sort, key: last.key };
    return !isLast;
  };
}

/** What is damaged stays, for somebody to look at. */
function lastMs(document: StoredDocument): number {
  try {
    return lastActivityMs(sessionOf(document));
  } catch {
    return Infinity;
  }
}

/** The session itself goes last: what is cut off goes on the next time. */
async function forget(session: Session, journal: CollaborationJournal): Promise<void> {
  const { id: sessionId } = session;
  await new ImportedFiles(journal).remove(sessionId);
  const collection = sentCollection(sessionId);
  for (;;) {
    const sent = await journal.documents({ collection, limit: ROWS_AT_ONCE });
    const gone = sent.map(({ key, sort }): DocumentChange => ({ collection, key, sort, value: null }));
    if (gone.length > 0) await journal.append([], gone);
    if (sent.length < ROWS_AT_ONCE) break;
  }
  await journal.append([], withoutSession(session));
}
