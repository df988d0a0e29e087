/** Changes of issues: what is shown is what the server has made of them. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import {
  IssueSchema,
  type Issue,
  type IssueStatus,
  type UpdateIssueRequestSchema,
} from "../../../wire/gen/issues_pb.ts";
import { collaborationApi } from "../../api.ts";
import { put } from "../../data/issues.ts";
import { GUEST } from "../../data/presence.ts";
import { STATUS_WORDS } from "../../data/said.ts";
import { tell, tellError } from "../../parts/tell.ts";
import { user } from "../../user.ts";

export type IssueChanges = Omit<
  MessageInitShape<typeof UpdateIssueRequestSchema>,
  "$typeName" | "number" | "revision" | "userId"
>;

/** Numbers of those whose change is under way. */
export const changing = signal<ReadonlySet<bigint>>(new Set());

/** Returns the issue as it is then; undefined where it was refused, which is told. */
export async function changeIssue(issue: Issue, changes: IssueChanges): Promise<Issue | undefined> {
  const { number, revision } = issue;
  changing.value = new Set([...changing.peek(), number]);
  try {
    const answer = await collaborationApi.updateIssue({ number, revision, userId: user.peek() || GUEST, ...changes });
    put(answer.issue!);
    return answer.issue;
  } catch (error) {
    tellError(error);
    const { code } = ConnectError.from(error);
    const [current] = code === Code.Aborted ? ConnectError.from(error).findDetails(IssueSchema) : [];
    if (current !== undefined) put(current);
    return undefined;
  } finally {
    changing.value = new Set([...changing.peek()].filter((each) => each !== number));
  }
}

export async function moveIssue(issue: Issue, status: IssueStatus): Promise<void> {
  const isFocused = document.activeElement?.closest(`#issue-${issue.number}`) !== null;
  const moved = await changeIssue(issue, { status });
  if (moved === undefined) return;
  tell(`Issue ${issue.number} is ${STATUS_WORDS[moved.status]} now.`);
  // It stands in another column then: whoever moves it with the keyboard goes with it.
  if (isFocused)
    setTimeout(() => document.querySelector<HTMLElement>(`#issue-${issue.number} a`)?.focus(), SHOWN_BY_MS);
}

export async function assignIssue(issue: Issue, assignee: string): Promise<void> {
  const changed = await changeIssue(issue, { assignee });
  if (changed !== undefined) tell(`Issue ${issue.number} is ${assignee === "" ? "nobody's" : `${assignee}'s`} now.`);
}

/** As long as changes are gathered before they are shown, and a little more. */
const SHOWN_BY_MS = 200;
