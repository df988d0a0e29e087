/**
 * ListIssues: the newest first. Open issues are looked for in memory, and only those that may meet the filter are read; others
 * are read from the newest on, and a call that has looked through much ends its page early.
 */
import { toBinary } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import { documentName, type SetAside } from "../../model/set-aside.ts";
import type { StoredDocument } from "../../model/journal.ts";
import { IssueSchema, type Issue, type ListIssuesRequest } from "../../wire/gen/issues_pb.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";
import { namesOfIssue, seesAll, type SeesName } from "../seen/named.ts";
import { ISSUES, issueOfDocument, withoutComments } from "./issue-documents.ts";
import { scopeOf, type IssueScope } from "./issue-filter.ts";
import type { OpenIssues } from "./open-issues.ts";

export interface IssueReader {
  readonly journal: Pick<CollaborationJournal, "documents" | "document">;
  readonly openIssues: OpenIssues;
  readonly setAside: SetAside;
}

/** What was looked at. */
interface Looked {
  readonly number: number;
  /** Without comments; undefined where it is not what was asked for, or cannot be read. */
  readonly issue: Issue | undefined;
}

const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
/** Documents that one call looks through, and bytes that it answers with; the next page goes on behind them. */
const LOOKED_MAX = 20_000;
/** Clients take answers of 4 MB as a rule. */
const BYTES_MAX = 1024 * 1024;
/** One may be a mebibyte. */
const DOCUMENTS_AT_ONCE = 64;
const READS_AT_ONCE = 16;

export async function listIssues(request: ListIssuesRequest, reader: IssueReader, sees: SeesName) {
  const { limit, page } = request;
  if (limit < 0 || limit > LIMIT_MAX) throw invalidField("limit", limit, `0 to ${LIMIT_MAX}`);
  const wanted = limit || LIMIT_DEFAULT;
  const issues: Issue[] = [];
  let place = page === "" ? Infinity : placeOf(page);
  let [looked, bytes] = [0, 0];
  for await (const { number, issue } of lookThrough(place, scopeOf(request.filter), reader, sees)) {
    bytes += issue === undefined ? 0 : toBinary(IssueSchema, issue).length;
    const isFull = issue !== undefined && issues.length > 0 && (issues.length >= wanted || bytes > BYTES_MAX);
    if (isFull || looked >= LOOKED_MAX) return { issues, nextPage: String(place) };
    looked++;
    place = number;
    if (issue === undefined) continue;
    issues.push(issue);
  }
  return { issues, nextPage: "" };
}

/** All that meet it and are seen, the newest first, without their comments, each as it is when it is come to. */
export async function* issuesOf(scope: IssueScope, reader: IssueReader, sees: SeesName): AsyncGenerator<Issue, void> {
  for await (const { issue } of lookThrough(Infinity, scope, reader, sees)) if (issue !== undefined) yield issue;
}

/** Those of a number below. */
async function* lookThrough(
  below: number,
  scope: IssueScope,
  reader: IssueReader,
  sees: SeesName,
): AsyncGenerator<Looked, void> {
  for await (const documents of scope.isOfOpen ? openOnes(below, scope, reader) : all(below, reader)) {
    for (const stored of documents) {
      const issue = scope.mayStandIn(stored.value)
        ? reader.setAside.read(documentName(stored), () => issueOfDocument(stored))
        : undefined;
      const isTaken = issue !== undefined && scope.takes(issue) && (await seesAll(namesOfIssue(issue), sees));
      yield { number: stored.sort, issue: isTaken ? withoutComments(issue) : undefined };
    }
  }
}

async function* openOnes(below: number, scope: IssueScope, { openIssues, journal }: IssueReader) {
  const read = async (keys: readonly string[]) => {
    const documents = await Promise.all(keys.map((key) => journal.document(ISSUES, key)));
    return documents.filter((stored) => stored !== undefined);
  };
  let keys: string[] = [];
  for (const issue of openIssues.below(below)) {
    if (!scope.mayTake(issue)) continue;
    keys.push(String(issue.number));
    if (keys.length < READS_AT_ONCE) continue;
    yield await read(keys);
    keys = [];
  }
  yield await read(keys);
}

async function* all(below: number, { journal }: IssueReader): AsyncGenerator<readonly StoredDocument[], void> {
  // No key is before "".
  let after: Pick<StoredDocument, "sort" | "key"> | undefined =
    below === Infinity ? undefined : { sort: below, key: "" };
  for (;;) {
    const query = { collection: ISSUES, limit: DOCUMENTS_AT_ONCE, descending: true, ...(after && { after }) };
    const documents = await journal.documents(query);
    yield documents;
    if (documents.length < DOCUMENTS_AT_ONCE) return;
    after = documents.at(-1);
  }
}

function placeOf(page: string): number {
  const number = Number(page);
  if (/^\d{1,16}$/.test(page) && Number.isSafeInteger(number)) return number;
  throw invalidField("page", page, "next_page of the page before, unchanged");
}
