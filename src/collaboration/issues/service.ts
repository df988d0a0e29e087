/** The methods of the Collaboration service that are about issues. */
import type { SetAside } from "../../model/set-aside.ts";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../../wire/service.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";
import { actorOf } from "../../wire/actor.ts";
import { narrowed, type Watcher } from "../seen/narrowed.ts";
import type { Visibility } from "../seen/visibility.ts";
import { issueTimeline } from "./issue-timeline.ts";
import type { Issues } from "./issues.ts";
import { listIssues } from "./list-issues.ts";
import { watchIssues } from "./watch-issues.ts";

export interface IssueServiceDeps {
  readonly issues: Issues;
  readonly journal: CollaborationJournal;
  readonly setAside: SetAside;
  readonly visibility: Visibility;
}

export function issueMethods({ issues, journal, setAside, visibility }: IssueServiceDeps): MethodImpl[] {
  const viewer = ({ principal }: CallContext) => visibility.viewer(principal);
  const reader = { issues, journal, setAside, openIssues: issues.openIssues };
  const { method } = Collaboration;
  return [
    unary(method.createIssue, async (request, context) => {
      return { issue: await issues.create(request, actorOf(request.userId, context), viewer(context)) };
    }),
    unary(method.updateIssue, async (request, context) => {
      return { issue: await issues.update(request, actorOf(request.userId, context), viewer(context)) };
    }),
    unary(method.commentIssue, async (request, context) => {
      return { issue: await issues.comment(request, actorOf(request.userId, context), viewer(context)) };
    }),
    unary(method.getIssue, async ({ number, page }, context) => {
      const asking = viewer(context);
      const issue = await issues.get(number, asking);
      return { issue, ...(await issueTimeline(number, page, journal, setAside, asking.sees)) };
    }),
    unary(method.listIssues, (request, context) => listIssues(request, reader, viewer(context).sees)),
    serverStreaming(method.watchIssues, (request, context) => {
      const watch = (watcher: Watcher) => watchIssues(request, reader, watcher, context.signal);
      return narrowed(watch, context, { visibility, cursors: journal });
    }),
  ];
}
