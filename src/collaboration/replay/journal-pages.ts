/** The journal, page by page. */
import type { JournalEntry } from "../../model/journal.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";

export const ENTRIES_A_PAGE = 500;

/** Entries behind a position. Throws when `signal` aborts. */
export async function* entriesOf(
  journal: Pick<CollaborationJournal, "read">,
  which: { readonly subject?: string; readonly kind: string },
  after: number,
  signal: AbortSignal,
): AsyncGenerator<JournalEntry> {
  for (let behind = after; ;) {
    signal.throwIfAborted();
    const entries = await journal.read({ ...which, after: behind, limit: ENTRIES_A_PAGE });
    yield* entries;
    if (entries.length < ENTRIES_A_PAGE) return;
    behind = entries.at(-1)!.position;
  }
}

/** Behind it stands everything since a time. */
export async function positionBefore(journal: CollaborationJournal, timeMs: number): Promise<number> {
  let [low, high] = [journal.firstPosition - 1, journal.lastPosition];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = await journal.read({ after: middle, limit: 1 });
    if (entry === undefined || entry.atMs >= timeMs) high = middle;
    else low = entry.position;
  }
  return low;
}
