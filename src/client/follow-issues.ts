/** Issues as they change, also over restarts of the server: a new stream goes on behind the last change that was taken. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import { IssueUpdateSchema, WatchIssuesRequestSchema, type Issue, type IssueUpdate } from "../wire/gen/issues_pb.ts";
import { errorOf, type CallOptions, type Connection } from "./connection.ts";
import type { IssuesWanted } from "./issues.ts";

export type IssueNews =
  /** All that stands, in place of what was known before; the newest first. */
  | { readonly kind: "snapshot"; readonly issues: readonly Issue[]; readonly cursor: string }
  | { readonly kind: "change"; readonly update: IssueUpdate };

/**
 * A snapshot, then every change, each once and in order, until `signal` aborts. With a cursor it begins behind that,
 * without a snapshot. Where the server can no longer go on behind the last change a further snapshot comes. A change counts as
 * taken when the next one is asked for. Throws what cannot be retried.
 */
export async function* followIssues(
  connection: Connection,
  { filter, cursor = "" }: { readonly filter: IssuesWanted; readonly cursor?: string },
  options: CallOptions = {},
): AsyncGenerator<IssueNews, void> {
  const { signal } = options;
  const request = create(WatchIssuesRequestSchema, { filter, cursor });
  for (let attempt = 1; !signal?.aborted; attempt++) {
    const call = connection.serverStream(Collaboration.method.watchIssues, toBinary(WatchIssuesRequestSchema, request));
    const cancel = () => call.cancel();
    signal?.addEventListener("abort", cancel);
    try {
      const standing = new Map<bigint, Issue>();
      let isSnapshot = request.cursor === "";
      for await (const bytes of call) {
        attempt = 1;
        const update = fromBinary(IssueUpdateSchema, bytes as Uint8Array);
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
      throw new WatchpostError("UNAVAILABLE", "the server ended the stream");
    } catch (error) {
      if (signal?.aborted) return;
      const failure = errorOf(error);
      if (failure.status === "OUT_OF_RANGE" && request.cursor !== "") request.cursor = "";
      else {
        await connection.beforeRetry(failure, attempt, options).catch((final: unknown) => {
          if (!signal?.aborted) throw final;
        });
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }
}

function newestFirst(issues: ReadonlyMap<bigint, Issue>): Issue[] {
  return [...issues.values()].sort((a, b) => Number(b.number - a.number));
}
