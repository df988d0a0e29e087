/** Requests about issues, checked: each returns the request as it is meant, or throws INVALID_ARGUMENT with the field. */
import { invalidField } from "../../model/errors.ts";
import {
  IssueStatus,
  type CreateIssueRequest,
  type IssueLinks,
  type UpdateIssueRequest,
} from "../../wire/gen/issues_pb.ts";
import { lineIn, nameIn, sessionIdIn, textIn } from "../../model/texts.ts";
import { LINK_LISTS, LINK_KINDS, linksOf, type MaybeLinks } from "./issue-links.ts";
import { DEFAULT_PRIORITY, priorityIn, STATUSES } from "./issue-words.ts";

/** Bytes of UTF-8. */
export const COMMENT_BYTES_MAX = 16 * 1024;
export const LABELS_MAX = 32;
const LABEL_LENGTH_MAX = 64;
/** Of each kind. */
export const LINKS_MAX = 100;

export function checkedCreate(request: CreateIssueRequest): CreateIssueRequest {
  const { title, description, priority, assignee, labels, links, sessionId } = request;
  return {
    ...request,
    title: titleIn(title),
    description: textIn(description, "description"),
    priority: priorityIn(priority || DEFAULT_PRIORITY),
    assignee: nameIn(assignee, "assignee").trim(),
    labels: labelsIn(labels, "labels"),
    links: linksIn(links, "links"),
    sessionId: sessionId === "" ? "" : sessionIdIn(sessionId),
  };
}

export function checkedUpdate(request: UpdateIssueRequest): UpdateIssueRequest {
  const { revision, title, description, status, priority, assignee, comment, sessionId } = request;
  if (revision < 0n) throw invalidField("revision", revision, "a revision of the issue, or 0 for whichever there is");
  return {
    ...request,
    number: numberIn(request.number),
    ...(title === undefined ? {} : { title: titleIn(title) }),
    ...(description === undefined ? {} : { description: textIn(description, "description") }),
    status: status === IssueStatus.UNSPECIFIED ? status : statusIn(status, "status"),
    ...(priority === undefined ? {} : { priority: priorityIn(priority) }),
    ...(assignee === undefined ? {} : { assignee: nameIn(assignee, "assignee").trim() }),
    addLabels: labelsIn(request.addLabels, "add_labels"),
    removeLabels: labelsIn(request.removeLabels, "remove_labels"),
    addLinks: linksIn(request.addLinks, "add_links"),
    removeLinks: linksIn(request.removeLinks, "remove_links"),
    comment: commentIn(comment, "comment"),
    sessionId: sessionId === "" ? "" : sessionIdIn(sessionId),
  };
}

export function numberIn(number: bigint, field = "number"): bigint {
  if (number >= 1n && number <= Number.MAX_SAFE_INTEGER) return number;
  throw invalidField(field, number, "the number of an issue, from 1");
}

/** "" where nothing but space is said. */
export function commentIn(text: string, field: string): string {
  return text.trim() === "" ? "" : textIn(text, field, COMMENT_BYTES_MAX);
}

/** One that is known. */
export function statusIn(status: IssueStatus, field: string): IssueStatus {
  if (STATUSES.includes(status)) return status;
  throw invalidField(field, status, STATUSES.map((known) => `${known} (${IssueStatus[known]})`).join(", "));
}

function titleIn(text: string): string {
  const title = lineIn(text, "title");
  if (title === "") throw invalidField("title", text, "one line of text");
  return title;
}

/** Without space around them, each once. */
export function labelsIn(labels: readonly string[], field: string): string[] {
  if (labels.length > LABELS_MAX) throw invalidField(field, `${labels.length} labels`, `at most ${LABELS_MAX}`);
  return [...new Set(labels.map((label) => labelIn(label, field)))];
}

function labelIn(text: string, field: string): string {
  const label = text.trim();
  if (label !== "" && label.length <= LABEL_LENGTH_MAX) return label;
  throw invalidField(field, text, `labels of 1 to ${LABEL_LENGTH_MAX} characters`);
}

function linksIn(links: MaybeLinks, field: string): IssueLinks | undefined {
  if (links === undefined) return undefined;
  for (const kind of LINK_KINDS) {
    const all = linksOf(links, kind);
    const name = `${field}.${wireName(LINK_LISTS[kind])}`;
    if (all.length > LINKS_MAX) throw invalidField(name, `${all.length} links`, `at most ${LINKS_MAX}`);
    for (const one of all) {
      if (nameIn(one, name) === "") throw invalidField(name, one, "no empty ones");
      if (kind === "session") sessionIdIn(one, name);
    }
  }
  return links;
}

function wireName(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
