/** The events of alerts in the journal, a page at a time, for those who go on from a position. */
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import type { Told } from "./alert-book.ts";
import { ALERT_EVENT } from "./alert-documents.ts";
import { eventFromJson } from "./alert.ts";

const EVENTS_A_PAGE = 500;

export interface EventReader {
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  readonly lastPosition: number;
}

/** Those behind `position`, as many as go into a page; `through`: nothing up to there is left out. */
export async function readAlertEvents(
  journal: EventReader,
  position: number,
  setAside: SetAside,
): Promise<{ readonly told: readonly Told[]; readonly through: number }> {
  const through = journal.lastPosition;
  const entries = await journal.read({ after: position, limit: EVENTS_A_PAGE, kind: ALERT_EVENT });
  const told = entries.flatMap(({ payload, position: at, atMs, actor }): Told[] => {
    const event = setAside.read(`journal entry ${at}`, () => eventFromJson(payload));
    return event === undefined ? [] : [{ ...event, atMs, actor, position: at }];
  });
  const last = entries.at(-1)?.position ?? position;
  return { told, through: entries.length < EVENTS_A_PAGE ? Math.max(through, last) : last };
}
