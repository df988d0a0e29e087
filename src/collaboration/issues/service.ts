/** The methods of the Collaboration service that are about issues. */
import type { SetAside } from "../../model/set-aside.ts";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { serverStreaming, unary, type MethodImpl } from "../../wire/service.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";
import { actorOf } from "../../wire/actor.ts";
import { issueTimeline } from "./issue-timeline.ts";
import type { Issues } from "./issues.ts";
import { listIssues } from "./list-issues.ts";
import { watchIssues } from "./watch-issues.ts";

export interface IssueServiceDeps {
  readonly issues: Issues;
  readonly journal: CollaborationJournal;
  readonly setAside: SetAside;
}

export function issueMethods({ issues, journal, setAside }: IssueServiceDeps): MethodImpl[] {
  const reader = { issues, journal, setAside, openIssues: issues.openIssues };
  const { method } = Collaboration;
  return [
    unary(method.createIssue, async (request, context) => {
      return { issue: await issues.create(request, actorOf(request.userId, context)) };
    }),
    unary(method.updateIssue, async (request, context) => {
      return { issue: await issues.update(request, actorOf(request.userId, context)) };
    }),
    unary(method.commentIssue, async (request, context) => {
      return { issue: await issues.comment(request, actorOf(request.userId, context)) };
    }),
    unary(method.getIssue, async ({ number, page }) => {
      const issue = await issues.get(number);
      return { issue, ...(await issueTimeline(number, page, journal, setAside)) };
    }),
    unary(method.listIssues, (request) => listIssues(request, reader)),
    serverStreaming(method.watchIssues, (request, { signal }) => watchIssues(request, reader, signal)),
  ];
}
