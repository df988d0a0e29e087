/** What happened to one issue, from the journal. */
import { toBinary } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import type { SetAside } from "../../model/set-aside.ts";
import { IssueEventSchema, type IssueEvent } from "../../wire/gen/issues_pb.ts";
import { ISSUE_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { namesOfIssue, SEES_EVERY_NAME, seesAll, type SeesName } from "../seen/named.ts";
import { linksOfWords } from "./issue-links.ts";
import { subjectOf, toldOfEntry } from "./issue-documents.ts";

/** Of a page. Clients take answers of 4 MB as a rule, and the issue is another one. */
const EVENTS_MAX = 1_000;
const BYTES_MAX = 1024 * 1024;
/** One may be a quarter of a mebibyte. */
const ENTRIES_AT_ONCE = 25;

/**
 * The first one first; the last ones before `page`, "": of all. Links to what is not seen are left out. Throws INVALID_ARGUMENT for
 * what no page is.
 */
export async function issueTimeline(
  number: bigint,
  page: string,
  journal: Pick<CollaborationJournal, "read">,
  setAside: SetAside,
  sees: SeesName,
): Promise<{ readonly timeline: IssueEvent[]; readonly nextPage: string }> {
  const lastFirst: IssueEvent[] = [];
  let bytes = 0;
  let before = page === "" ? undefined : placeOf(page);
  for (;;) {
    const query = { after: 0, limit: ENTRIES_AT_ONCE, subject: subjectOf(number), kind: ISSUE_EVENT, descending: true };
    const entries = await journal.read(before === undefined ? query : { ...query, before });
    for (const entry of entries) {
      const told = setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
      if (told === undefined || !(await withoutUnseen(told.event, sees))) continue;
      bytes += toBinary(IssueEventSchema, told.event).length;
      if (lastFirst.length > 0 && (lastFirst.length >= EVENTS_MAX || bytes > BYTES_MAX)) {
        return { timeline: lastFirst.reverse(), nextPage: String(entry.position + 1) };
      }
      lastFirst.push(told.event);
    }
    if (entries.length < ENTRIES_AT_ONCE) return { timeline: lastFirst.reverse(), nextPage: "" };
    before = entries.at(-1)!.position;
  }
}

/** Resolves with whether there is anything left. */
async function withoutUnseen(event: IssueEvent, sees: SeesName): Promise<boolean> {
  if (sees === SEES_EVERY_NAME) return true;
  const changes = [];
  for (const change of event.changes) {
    const links = change.field === "link" ? linksOfWords([change.before, change.after]) : undefined;
    if (await seesAll(namesOfIssue({ ...(links && { links }) }), sees)) changes.push(change);
  }
  event.changes = changes;
  return changes.length > 0;
}

/** Entries before it. */
function placeOf(page: string): number {
  const position = Number(page);
  if (/^\d{1,16}$/.test(page) && Number.isSafeInteger(position)) return position;
  throw invalidField("page", page, "next_page of the answer before, unchanged");
}
