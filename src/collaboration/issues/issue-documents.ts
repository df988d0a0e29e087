/**
 * Issues in the journal. An event's payload is an IssueUpdate as protobuf JSON: the issue as it was made, without its
 * comments, and what changed. Documents are issues with their comments; those that are open stand in a collection of their own
 * beside, without texts, so that a start need not read all that ever were. Each session has a collection of the numbers of issues
 * that are linked to it.
 */
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, JournalEntry, StoredDocument } from "../../model/journal.ts";
import {
  IssueEventSchema,
  IssueSchema,
  IssueUpdateSchema,
  type Issue,
  type IssueEvent,
} from "../../wire/gen/issues_pb.ts";
import { ISSUE_EVENT, type Rows } from "../collaboration-journal.ts";
import type { ChangedIssue } from "./change-issue.ts";
import { linksOf, linksOfWords } from "./issue-links.ts";
import { isOpen } from "./issue-words.ts";

export const ISSUES = "issue";
export const OPEN_ISSUES = "issue-open";
const SESSION_ISSUES = "issue-of-session/";
/** One document, {@link LAST_NUMBER}: no number is given twice, though documents may be damaged. */
export const ISSUE_NUMBERS = "issue-number";
export const LAST_NUMBER = "last";

const ISSUE_BYTES_MAX = 1024 * 1024;
/** What a person may say at any length; a status always fits. */
const OF_TEXT: ReadonlySet<string> = new Set(["title", "description", "label", "link", "comment"]);
const READ = { ignoreUnknownFields: true };

/** A change as it was told. */
export interface ToldIssue {
  readonly position: number;
  /** Without its comments. */
  readonly issue: Issue;
  readonly event: IssueEvent;
  /** Characters it takes about. */
  readonly size: number;
}

/** Subject of its events: what no session, annotation or alert is called. */
export function subjectOf(number: bigint): string {
  return `#${number}`;
}

/** Throws FAILED_PRECONDITION where the document would be too large. */
export function rowsOf({ issue, changes }: ChangedIssue, by: string, atMs: number): Rows {
  const value = toJsonString(IssueSchema, issue);
  const bytes = Buffer.byteLength(value);
  if (bytes > ISSUE_BYTES_MAX && changes.some(({ field }) => OF_TEXT.has(field))) {
    const message = `issue ${issue.number} would take ${bytes} bytes; wanted at most ${ISSUE_BYTES_MAX}: go on in another issue`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  const update = create(IssueUpdateSchema, {
    issue: withoutComments(issue),
    event: { revision: issue.revision, changes: [...changes] },
  });
  const payload = toJsonString(IssueUpdateSchema, update);
  const place = { key: String(issue.number), sort: Number(issue.number) };
  const last = { collection: ISSUE_NUMBERS, key: LAST_NUMBER, sort: 0, value: JSON.stringify(Number(issue.number)) };
  return {
    events: [{ atMs, kind: ISSUE_EVENT, subject: subjectOf(issue.number), actor: by, payload }],
    changes: [
      { collection: ISSUES, ...place, value },
      {
        collection: OPEN_ISSUES,
        ...place,
        value: isOpen(issue) ? toJsonString(IssueSchema, withoutTexts(issue)) : null,
      },
      ...(issue.revision === 1n ? [last] : []),
      ...sessionRows({ issue, changes }),
    ],
  };
}

/** Of numbers of issues that are linked to a session, by number. */
export function issuesOfSession(sessionId: string): string {
  return `${SESSION_ISSUES}${sessionId}`;
}

function sessionRows({ issue, changes }: ChangedIssue): DocumentChange[] {
  const place = { key: String(issue.number), sort: Number(issue.number) };
  const rows = new Map<string, string | null>();
  if (issue.revision === 1n) for (const id of linksOf(issue.links, "session")) rows.set(id, "{}");
  for (const { field, before, after } of changes) {
    if (field !== "link") continue;
    for (const id of linksOf(linksOfWords([before]), "session")) rows.set(id, null);
    for (const id of linksOf(linksOfWords([after]), "session")) rows.set(id, "{}");
  }
  return [...rows].map(([id, value]) => ({ collection: issuesOfSession(id), ...place, value }));
}

/** Throws for what another version wrote. */
export function issueOfDocument({ value }: Pick<StoredDocument, "value">): Issue {
  return fromJsonString(IssueSchema, value, READ);
}

/** Throws for what another version wrote. */
export function toldOfEntry({ position, atMs, actor, payload }: JournalEntry): ToldIssue {
  const { issue, event } = fromJsonString(IssueUpdateSchema, payload, READ);
  if (issue === undefined || event === undefined) throw new Error("it is no change of an issue");
  const told = create(IssueEventSchema, { ...event, at: timestampFromMs(atMs), userId: actor });
  return { position, issue, event: told, size: payload.length };
}

export function withoutComments(issue: Issue): Issue {
  return { ...issue, comments: [] };
}

/** Without what may be long. */
export function withoutTexts(issue: Issue): Issue {
  return { ...issue, comments: [], description: "" };
}
