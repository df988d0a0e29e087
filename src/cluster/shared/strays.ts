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
  const missing = new Map(strays.map(({ position: _, ...event }) => [JSON.stringify(event), event]));
  for (let after = strays[0].position - 1, isLast = false; !isLast;) {
    const page = await log.readJournal({ after, limit: ENTRIES_AT_ONCE });
    for (const { position: _, ...event } of page.entries) missing.delete(JSON.stringify(event));
    [after, isLast] = [page.through, page.isLast];
  }
  const events = [...missing.values()];
  for (let i = 0; i < events.length; i += JOURNAL_COMMIT_ROWS_MAX) {
    await append(events.slice(i, i + JOURNAL_COMMIT_ROWS_MAX));
  }
  await log.forgetStrays();
  return strays.length;
}
