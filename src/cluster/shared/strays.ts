/** Brings what one node alone had into the order of all, as new events. */
import type { LogClient } from "../../log/log-client.ts";
import type { JournalEvent } from "../../model/journal.ts";
import { JOURNAL_COMMIT_ROWS_MAX } from "../../model/limits.ts";

const ENTRIES_AT_ONCE = 500;

/** Those that an earlier try has brought are not brought again. Resolves with how many there were; rejects as `append` does. */
export async function bringStrays(
  log: LogClient,
  append: (events: readonly JournalEvent[]) => Promise<unknown>,
): Promise<number> {
  const strays = await log.strays();
  if (strays.length === 0) return 0;
  const lost = strays.map(({ position: _, ...event }) => event);
  const found = new Map(lost.map((event) => [JSON.stringify(event), 0]));
  for (let after = strays[0].position - 1, isLast = false; !isLast;) {
    const page = await log.readJournal({ after, limit: ENTRIES_AT_ONCE });
    for (const { position: _, ...event } of page.entries) {
      const text = JSON.stringify(event);
      const count = found.get(text);
      if (count !== undefined) found.set(text, count + 1);
    }
    [after, isLast] = [page.through, page.isLast];
  }
  // Some may be alike.
  const events = lost.filter((event) => {
    const text = JSON.stringify(event);
    const count = found.get(text)!;
    found.set(text, count - 1);
    return count <= 0;
  });
  for (let i = 0; i < events.length; i += JOURNAL_COMMIT_ROWS_MAX) {
    await append(events.slice(i, i + JOURNAL_COMMIT_ROWS_MAX));
  }
  await log.forgetStrays();
  return strays.length;
}
