/** What happened to one issue, from the journal. */
import type { SetAside } from "../../model/set-aside.ts";
import type { IssueEvent } from "../../wire/gen/issues_pb.ts";
import { ISSUE_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { subjectOf, toldOfEntry } from "./issue-documents.ts";

const EVENTS_MAX = 10_000;
const CHARS_MAX = 8 * 1024 * 1024;
const ENTRIES_AT_ONCE = 100;

/** The first one first; the last ones where there are more than an answer may have. */
export async function issueTimeline(
  number: bigint,
  journal: Pick<CollaborationJournal, "read">,
  setAside: SetAside,
): Promise<{ readonly timeline: IssueEvent[]; readonly more: boolean }> {
  const lastFirst: IssueEvent[] = [];
  let chars = 0;
  let before: number | undefined;
  for (;;) {
    const query = { after: 0, limit: ENTRIES_AT_ONCE, subject: subjectOf(number), kind: ISSUE_EVENT, descending: true };
    const entries = await journal.read({ ...query, ...(before === undefined ? {} : { before }) });
    for (const entry of entries) {
      if (lastFirst.length >= EVENTS_MAX || chars >= CHARS_MAX) return { timeline: lastFirst.reverse(), more: true };
      const told = setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
      if (told === undefined) continue;
      lastFirst.push(told.event);
      for (const { before: was, after: is } of told.event.changes) chars += was.length + is.length;
    }
    if (entries.length < ENTRIES_AT_ONCE) return { timeline: lastFirst.reverse(), more: false };
    before = entries.at(-1)!.position;
  }
}
