/** Issues as they are now: all that are not over, and of those that are the ones that were asked for or changed. */
import { ConnectError, type CallOptions } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import { IssueStatus, type Issue, type IssueUpdate } from "../../wire/gen/issues_pb.ts";
import { collaborationApi } from "../api.ts";
import { following } from "../follow.ts";
import type { BoardFilter } from "./issue-board.ts";
import { Standing } from "./standing.ts";
import { partOf } from "./stream-part.ts";

const [ACTIVE, OVER] = [
  [IssueStatus.OPEN, IssueStatus.IN_PROGRESS],
  [IssueStatus.RESOLVED, IssueStatus.CLOSED],
];
const OVER_AT_ONCE = 50;

const standing = new Standing<Issue>();
export const issues = standing.all;
export const areIssuesKnown = standing.isKnown;

/** What there is of issues that are over besides; undefined: not asked for yet. */
export const overPage = signal<{ readonly next: string; readonly failure: string }>();

let overFilter: BoardFilter | undefined;
/** A beginning took away those that are over. */
let isOverDue = false;

/** Returns what stops it. */
export const followIssues = following<IssueUpdate>("issues", {
  begin() {
    standing.begin();
    isOverDue = overPage.peek() !== undefined;
  },
  async *open(cursor, options) {
    if (cursor === "") {
      const active = (own: CallOptions) => collaborationApi.watchIssues({ filter: { statuses: ACTIVE } }, own);
      for await (const update of partOf(active, options, ({ snapshotEnd }) => snapshotEnd)) {
        yield update;
        cursor = update.cursor;
      }
    }
    // From here on all of them: also those that are over change.
    yield* collaborationApi.watchIssues({ cursor }, options);
  },
  hear({ issue, snapshotEnd }) {
    if (issue !== undefined && !snapshotEnd) put(issue);
    if (!snapshotEnd) return;
    standing.known();
    if (isOverDue && overFilter !== undefined) void readOver(overFilter, true);
  },
});

/** A page more of those that are over; the first one where `isFirst`. */
export async function readOver(board: BoardFilter, isFirst: boolean): Promise<void> {
  const { device, session, alert, text } = (overFilter = board);
  const page = isFirst ? "" : (overPage.peek()?.next ?? "");
  const filter = { statuses: OVER, device, sessionId: session, alertId: alert, text: text.replace(/^#/, "") };
  try {
    const answer = await collaborationApi.listIssues({ filter, limit: OVER_AT_ONCE, page });
    answer.issues.forEach(put);
    if (overFilter === board) overPage.value = { next: answer.nextPage, failure: "" };
  } catch (error) {
    if (overFilter === board) overPage.value = { next: page, failure: ConnectError.from(error).rawMessage };
  }
}

/** What a call has answered may be older than what was heard meanwhile. */
export function put(issue: Issue): void {
  const key = String(issue.number);
  if ((standing.get(key)?.revision ?? 0n) <= issue.revision) standing.put(key, issue);
}
