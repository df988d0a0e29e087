/** WatchIssues: what stands, a mark, then what happens, each once and in order. */
import { Backlog } from "../../model/backlog.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { IssueUpdateSchema, WatchIssuesRequest } from "../../wire/gen/issues_pb.ts";
import { ISSUE_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { issueBefore } from "./change-issue.ts";
import { namesOfIssue, seesAll } from "../seen/named.ts";
import type { Watcher } from "../seen/narrowed.ts";
import { toldOfEntry, type ToldIssue } from "./issue-documents.ts";
import { scopeOf, type IssueScope } from "./issue-filter.ts";
import type { Issues } from "./issues.ts";
import { issuesOf, type IssueReader } from "./list-issues.ts";

export type IssueUpdateMessage = MessageInitShape<typeof IssueUpdateSchema>;

export interface WatchDeps extends IssueReader {
  readonly issues: Issues;
  readonly journal: CollaborationJournal;
}

/** Changes that wait for a reader, and their characters; one that is further behind is disconnected. */
const BOUNDS = { waitingMax: 1_000, sizeMax: 8 * 1024 * 1024, what: "changes of issues" };
const ENTRIES_AT_ONCE = 100;

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind, and as `positionOf` does. */
export async function* watchIssues(
  request: WatchIssuesRequest,
  deps: WatchDeps,
  watcher: Watcher,
  signal: AbortSignal,
): AsyncGenerator<IssueUpdateMessage, void> {
  const { journal, issues } = deps;
  const scope = scopeOf(request.filter);
  let position = request.cursor === "" ? undefined : watcher.positionOf(request.cursor);
  using backlog = new Backlog<ToldIssue>(BOUNDS, signal, (add) =>
    issues.follow((told) => {
      if (scope.takes(told.issue) || wasSeen(told, scope)) add(told);
    }),
  );
  const beganAt = journal.lastPosition;
  if (position === undefined) {
    const revisions = new Map<bigint, bigint>();
    for await (const issue of issuesOf(scope, deps, watcher.sees)) {
      if (signal.aborted) return;
      revisions.set(issue.number, issue.revision);
      yield { issue };
    }
    // What changed meanwhile belongs to what stands at the mark, and may have been seen already.
    position = journal.lastPosition;
    for (const told of backlog.take()) {
      const seen = revisions.get(told.issue.number) ?? 0n;
      if (told.issue.revision > seen) yield* updatesOf(told, scope, watcher, "");
    }
    yield { snapshotEnd: true, cursor: watcher.cursorOf(position) };
  }
  while (position < beganAt && !signal.aborted) {
    const entries = await journal.read({ after: position, limit: ENTRIES_AT_ONCE, kind: ISSUE_EVENT });
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const entry of entries) {
      const told = deps.setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
      if (told !== undefined) yield* updatesOf(told, scope, watcher, watcher.cursorOf(told.position));
    }
    position =
      entries.length < ENTRIES_AT_ONCE ? Math.max(beganAt, entries.at(-1)?.position ?? 0) : entries.at(-1)!.position;
  }
  for await (const told of backlog.changes()) {
    if (told.position > position) yield* updatesOf(told, scope, watcher, watcher.cursorOf(told.position));
  }
}

/** One that enters or leaves what is seen is told as it is on that side, without how it became so. */
async function* updatesOf(
  { issue, event }: ToldIssue,
  scope: IssueScope,
  { sees }: Watcher,
  cursor: string,
): AsyncGenerator<IssueUpdateMessage, void> {
  const before = issueBefore(issue, event.changes);
  const isTaken = scope.takes(issue);
  const wasTaken = before !== undefined && scope.takes(before);
  const [isIn, wasIn] = [await seesAll(namesOfIssue(issue), sees), await seesAll(namesOfIssue(before ?? issue), sees)];
  if (isIn && wasIn) {
    if (isTaken || wasTaken) yield { issue, event, removed: !isTaken, cursor };
  } else if (isIn && isTaken) yield { issue, cursor };
  else if (wasIn && wasTaken) yield { issue: before, removed: true, cursor };
}

function wasSeen({ issue, event }: Pick<ToldIssue, "issue" | "event">, scope: IssueScope): boolean {
  const before = issueBefore(issue, event.changes);
  return before !== undefined && scope.takes(before);
}
