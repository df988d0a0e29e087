/** Issues as they change, also over restarts of the server: a new stream goes on behind the last change that was taken. */
import { create } from "@bufbuild/protobuf";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import { WatchIssuesRequestSchema, type Issue, type IssueUpdate } from "../wire/gen/issues_pb.ts";
import type { CallOptions, Connection } from "./connection.ts";
import type { IssuesWanted } from "./issues.ts";
import { resumedStream } from "./resumed-stream.ts";

export type IssueNews =
  /** All that stands, in place of what was known before; the newest first. */
  | { readonly kind: "snapshot"; readonly issues: readonly Issue[]; readonly cursor: string }
  | { readonly kind: "change"; readonly update: IssueUpdate };

/**
 * A snapshot, then every change, each once and in order, until `signal` aborts. With a cursor it begins behind that,
 * without a snapshot. Where the server can no longer go on behind the last change a further snapshot comes. A change counts as
 * taken when the next one is asked for. Throws what cannot be retried.
 */
export function followIssues(
  connection: Connection,
  { filter, cursor = "" }: { readonly filter: IssuesWanted; readonly cursor?: string },
  options: CallOptions = {},
): AsyncGenerator<IssueNews, void> {
  const request = create(WatchIssuesRequestSchema, { filter, cursor });
  const read = async function* (updates: AsyncIterable<IssueUpdate>): AsyncGenerator<IssueNews> {
    const standing = new Map<bigint, Issue>();
    let isSnapshot = request.cursor === "";
    for await (const update of updates) {
      const { issue, removed, snapshotEnd } = update;
      if (isSnapshot && issue !== undefined) {
        // What changes while it is read comes before its end.
        if (removed) standing.delete(issue.number);
        else standing.set(issue.number, issue);
        continue;
      }
      isSnapshot = false;
      if (!snapshotEnd) yield { kind: "change", update };
      else yield { kind: "snapshot", issues: newestFirst(standing), cursor: update.cursor };
      standing.clear();
      request.cursor = update.cursor;
    }
  };
  return resumedStream(connection, Collaboration.method.watchIssues, request, read, options);
}

function newestFirst(issues: ReadonlyMap<bigint, Issue>): Issue[] {
  return [...issues.values()].sort((a, b) => Number(b.number - a.number));
}
