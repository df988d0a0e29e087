/** WatchIssues: what stands, a mark, then what happens, each once and in order. */
import { WatchpostError } from "../../model/errors.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { IssueUpdateSchema, WatchIssuesRequest } from "../../wire/gen/issues_pb.ts";
import { ISSUE_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { issueBefore } from "./change-issue.ts";
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
const WAITING_MAX = 1_000;
const WAITING_CHARS_MAX = 8 * 1024 * 1024;
const ENTRIES_AT_ONCE = 100;

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind, and as `positionOf` does. */
export async function* watchIssues(
  request: WatchIssuesRequest,
  deps: WatchDeps,
  signal: AbortSignal,
): AsyncGenerator<IssueUpdateMessage, void> {
  const { journal, issues } = deps;
  const scope = scopeOf(request.filter);
  let position = request.cursor === "" ? undefined : journal.positionOf(request.cursor);
  using backlog = new Backlog(issues, scope, signal);
  const beganAt = journal.lastPosition;
  if (position === undefined) {
    const revisions = new Map<bigint, bigint>();
    for await (const issue of issuesOf(scope, deps)) {
      if (signal.aborted) return;
      revisions.set(issue.number, issue.revision);
      yield { issue };
    }
    // What changed meanwhile belongs to what stands at the mark, and may have been seen already.
    position = journal.lastPosition;
    for (const told of backlog.take()) {
      const seen = revisions.get(told.issue.number) ?? 0n;
      if (told.issue.revision > seen) yield* updatesOf(told, scope, "");
    }
    yield { snapshotEnd: true, cursor: journal.cursorOf(position) };
  }
  while (position < beganAt && !signal.aborted) {
    const entries = await journal.read({ after: position, limit: ENTRIES_AT_ONCE, kind: ISSUE_EVENT });
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const entry of entries) {
      const told = deps.setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
      if (told !== undefined) yield* updatesOf(told, scope, journal.cursorOf(told.position));
    }
    position =
      entries.length < ENTRIES_AT_ONCE ? Math.max(beganAt, entries.at(-1)?.position ?? 0) : entries.at(-1)!.position;
  }
  for await (const told of backlog.changes()) {
    if (told.position > position) yield* updatesOf(told, scope, journal.cursorOf(told.position));
  }
}

function* updatesOf(
  { issue, event }: ToldIssue,
  scope: IssueScope,
  cursor: string,
): Generator<IssueUpdateMessage, void> {
  const isSeen = scope.takes(issue);
  if (isSeen || wasSeen({ issue, event }, scope)) yield { issue, event, removed: !isSeen, cursor };
}

function wasSeen({ issue, event }: Pick<ToldIssue, "issue" | "event">, scope: IssueScope): boolean {
  const before = issueBefore(issue, event.changes);
  return before !== undefined && scope.takes(before);
}

/** What is told while the reader is busy, as far as it is what was asked for, or was. */
class Backlog implements Disposable {
  readonly #signal: AbortSignal;
  readonly #unfollow: () => void;
  #waiting: ToldIssue[] = [];
  #chars = 0;
  #isBehind = false;
  #wake: () => void = () => {};

  constructor(issues: Issues, scope: IssueScope, signal: AbortSignal) {
    this.#signal = signal;
    this.#unfollow = issues.follow((told) => {
      if (scope.takes(told.issue) || wasSeen(told, scope)) this.#add(told);
    });
    signal.addEventListener("abort", this.#onAbort);
  }

  /** What waits now. */
  take(): ToldIssue[] {
    if (this.#isBehind) {
      const message = `this reader is more than ${WAITING_MAX} changes of issues behind; watch again with its last cursor`;
      throw new WatchpostError("UNAVAILABLE", message);
    }
    const taken = this.#waiting;
    this.#waiting = [];
    this.#chars = 0;
    return taken;
  }

  async *changes(): AsyncGenerator<ToldIssue, void> {
    while (!this.#signal.aborted) {
      yield* this.take();
      if (this.#waiting.length > 0 || this.#isBehind || this.#signal.aborted) continue;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();

  #add(told: ToldIssue): void {
    if (this.#isBehind) return;
    this.#waiting.push(told);
    this.#chars += told.size;
    if (this.#waiting.length > WAITING_MAX || this.#chars > WAITING_CHARS_MAX) {
      this.#isBehind = true;
      this.#waiting = [];
    }
    this.#wake();
  }
}
