/** How issues come to be and change: pure, from an issue and a request to the next issue and what is different in it. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { WatchpostError } from "../../model/errors.ts";
import {
  IssueChangeSchema,
  IssueCommentSchema,
  IssueSchema,
  IssueStatus,
  type CreateIssueRequest,
  type Issue,
  type IssueChange,
  type UpdateIssueRequest,
} from "../../wire/gen/issues_pb.ts";
import { LABELS_MAX, LINKS_MAX } from "./issue-input.ts";
import { changedLinks, LINK_KINDS, linksBeyond, linksOf, linksOfWords } from "./issue-links.ts";
import { isOpen, statusOfWord, statusWord } from "./issue-words.ts";

const COMMENTS_MAX = 1_000;

export interface ChangedIssue {
  readonly issue: Issue;
  /** None: it is the issue that was there, of the same revision. */
  readonly changes: readonly IssueChange[];
}

/** `request` as checked. */
export function newIssue(request: CreateIssueRequest, number: bigint, by: string, atMs: number): ChangedIssue {
  const { title, description, priority, assignee, labels, links } = request;
  const at = timestampFromMs(atMs);
  const issue = create(IssueSchema, {
    number,
    title,
    description,
    status: IssueStatus.OPEN,
    priority,
    assignee,
    labels,
    links: changedLinks(undefined, links, undefined),
    createdAt: at,
    createdBy: by,
    updatedAt: at,
    updatedBy: by,
    revision: 1n,
  });
  return { issue, changes: [changeOf("created", "", title)] };
}

/**
 * `request` as checked; its revision is not looked at. Throws FAILED_PRECONDITION where the issue would have more labels,
 * links or comments than one may have.
 */
export function changedIssue(before: Issue, request: UpdateIssueRequest, by: string, atMs: number): ChangedIssue {
  const at = timestampFromMs(atMs);
  const after: Issue = {
    ...before,
    title: request.title ?? before.title,
    description: request.description ?? before.description,
    status: request.status || before.status,
    priority: request.priority ?? before.priority,
    assignee: request.assignee ?? before.assignee,
    labels: changedLabels(before.labels, request.addLabels, request.removeLabels),
    links: changedLinks(before.links, request.addLinks, request.removeLinks),
  };
  if (request.comment !== "") {
    const comment = create(IssueCommentSchema, { userId: by, text: request.comment, at });
    after.comments = [...before.comments, comment];
  }
  const changes = differences(before, after, request.comment);
  if (changes.length === 0) return { issue: before, changes };
  refuseTooMany(before, after);
  if (isOpen(after)) delete after.endedAt;
  else after.endedAt ??= at;
  return { issue: { ...after, updatedAt: at, updatedBy: by, revision: before.revision + 1n }, changes };
}

/**
 * The issue as it was before these changes: title, description, status, priority, assignee, labels and links, the last two
 * in any order. Undefined where it was none.
 */
export function issueBefore(issue: Issue, changes: readonly IssueChange[]): Issue | undefined {
  const before = { ...issue };
  for (const { field, before: was, after: is } of changes) {
    if (field === "created") return undefined;
    if (field === "title" || field === "description" || field === "priority" || field === "assignee") {
      before[field] = was;
    } else if (field === "status") {
      before.status = statusOfWord(was) ?? IssueStatus.UNSPECIFIED;
    } else if (field === "label") {
      before.labels = changedLabels(before.labels, wordsOf(was), wordsOf(is));
    } else if (field === "link") {
      before.links = changedLinks(before.links, linksOfWords(wordsOf(was)), linksOfWords(wordsOf(is)));
    }
  }
  return before;
}

function differences(before: Issue, after: Issue, comment: string): IssueChange[] {
  const changes: IssueChange[] = [];
  const compare = (field: string, was: string, is: string) => {
    if (was !== is) changes.push(changeOf(field, was, is));
  };
  compare("title", before.title, after.title);
  compare("description", before.description, after.description);
  compare("status", statusWord(before.status), statusWord(after.status));
  compare("priority", before.priority, after.priority);
  compare("assignee", before.assignee, after.assignee);
  const [had, has] = [new Set(before.labels), new Set(after.labels)];
  for (const label of had) if (!has.has(label)) compare("label", label, "");
  for (const label of has) if (!had.has(label)) compare("label", "", label);
  for (const link of linksBeyond(before.links, after.links)) compare("link", link, "");
  for (const link of linksBeyond(after.links, before.links)) compare("link", "", link);
  compare("comment", "", comment);
  return changes;
}

function changeOf(field: string, before: string, after: string): IssueChange {
  return create(IssueChangeSchema, { field, before, after });
}

function changedLabels(labels: readonly string[], added: readonly string[], removed: readonly string[]): string[] {
  const gone = new Set(removed);
  return [...new Set([...labels.filter((label) => !gone.has(label)), ...added])];
}

function wordsOf(text: string): string[] {
  return text === "" ? [] : [text];
}

/** Of those that there were already too many nothing has to be taken away. */
function refuseTooMany(before: Issue, after: Issue): void {
  const counts: [string, number, number, number][] = [
    ["comments", before.comments.length, after.comments.length, COMMENTS_MAX],
    ["labels", before.labels.length, after.labels.length, LABELS_MAX],
    ...LINK_KINDS.map((kind): [string, number, number, number] => {
      return [
        `links of kind ${kind}`,
        linksOf(before.links, kind).length,
        linksOf(after.links, kind).length,
        LINKS_MAX,
      ];
    }),
  ];
  for (const [what, had, has, most] of counts) {
    if (has <= most || has <= had) continue;
    const message = `issue ${after.number} would have ${has} ${what}; wanted at most ${most}: go on in another issue`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
}
