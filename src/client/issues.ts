/** Issues: lists of them, one with all that happened to it, and what people do about them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import type {
  CreateIssueRequestSchema,
  GetIssueResponse,
  Issue,
  IssueFilterSchema,
  UpdateIssueRequestSchema,
} from "../wire/gen/issues_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

export type IssuesWanted = MessageInitShape<typeof IssueFilterSchema>;

const PAGE_MAX = 1_000;
/** About a mebibyte each. */
const HISTORY_PAGES_MAX = 64;

/** Page after page, the newest first, without their comments: all of them, or the first `limitMax`. */
export async function* allIssues(
  connection: Connection,
  filter: IssuesWanted,
  { limitMax = Infinity, ...options }: AskOptions & { readonly limitMax?: number } = {},
): AsyncGenerator<Issue, void> {
  let left = limitMax;
  for (let page = ""; left > 0;) {
    const request = { filter, page, limit: Math.min(left, PAGE_MAX) };
    const { issues, nextPage } = await ask(connection, Collaboration.method.listIssues, request, options);
    yield* issues;
    if (nextPage === "") return;
    left -= issues.length;
    page = nextPage;
  }
}

/** With its comments. Throws the server's status, as all of these do; NOT_FOUND where there is none of that number. */
export async function getIssue(connection: Connection, number: bigint, options: AskOptions = {}): Promise<Issue> {
  return (await ask(connection, Collaboration.method.getIssue, { number }, options)).issue!;
}

/**
 * The same, and what happened to it: all from the first on, or the last {@link HISTORY_PAGES_MAX} pages of it, before which
 * `nextPage` goes on.
 */
export async function getIssueHistory(
  connection: Connection,
  number: bigint,
  options: AskOptions = {},
): Promise<GetIssueResponse> {
  const history = await ask(connection, Collaboration.method.getIssue, { number }, options);
  const lastFirst = [history.timeline];
  for (let { nextPage: page } = history; page !== "" && lastFirst.length < HISTORY_PAGES_MAX; page = history.nextPage) {
    const { timeline, nextPage } = await ask(connection, Collaboration.method.getIssue, { number, page }, options);
    lastFirst.push(timeline);
    history.nextPage = nextPage;
  }
  history.timeline = lastFirst.reverse().flat();
  return history;
}

/** Resolves with the issue as it was made, once that is durable. `userId` "": whoever calls. */
export async function createIssue(
  connection: Connection,
  request: MessageInitShape<typeof CreateIssueRequestSchema>,
  options: AskOptions = {},
): Promise<Issue> {
  return (await ask(connection, Collaboration.method.createIssue, request, options)).issue!;
}

/**
 * The same of a change. Throws ABORTED where another revision than the one of the request is there: `unpacked(error,
 * IssueSchema)` of wire/status.ts is that one.
 */
export async function updateIssue(
  connection: Connection,
  request: MessageInitShape<typeof UpdateIssueRequestSchema>,
  options: AskOptions = {},
): Promise<Issue> {
  return (await ask(connection, Collaboration.method.updateIssue, request, options)).issue!;
}

export async function commentIssue(
  connection: Connection,
  request: { readonly number: bigint; readonly userId: string; readonly text: string; readonly sessionId?: string },
  options: AskOptions = {},
): Promise<Issue> {
  return (await ask(connection, Collaboration.method.commentIssue, request, options)).issue!;
}
