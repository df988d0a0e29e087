/** Words that stand for parts of an issue in changes, metadata and command lines. */
import { invalidField } from "../../model/errors.ts";
import { IssueStatus, type Issue } from "../../wire/gen/issues_pb.ts";

/** The least urgent first. */
export const PRIORITIES = ["low", "medium", "high", "critical"] as const;
export type Priority = (typeof PRIORITIES)[number];
export const DEFAULT_PRIORITY: Priority = "medium";

const STATUS_WORDS: ReadonlyMap<IssueStatus, string> = new Map([
  [IssueStatus.OPEN, "open"],
  [IssueStatus.IN_PROGRESS, "in_progress"],
  [IssueStatus.RESOLVED, "resolved"],
  [IssueStatus.CLOSED, "closed"],
]);

/** All there are, in the order in which work goes on. */
export const STATUSES: readonly IssueStatus[] = [...STATUS_WORDS.keys()];

/** "in_progress"; "" for what no status is. */
export function statusWord(status: IssueStatus): string {
  return STATUS_WORDS.get(status) ?? "";
}

/** Inverse of {@link statusWord}; takes "in progress" and "in-progress", too. Undefined for what no status is. */
export function statusOfWord(word: string): IssueStatus | undefined {
  const plain = word.trim().toLowerCase().replaceAll(/[- ]/g, "_");
  return STATUSES.find((status) => STATUS_WORDS.get(status) === plain);
}

/** Throws INVALID_ARGUMENT, naming `field`, for what no priority is. */
export function priorityIn(text: string, field = "priority"): Priority {
  const found = PRIORITIES.find((priority) => priority === text);
  if (found === undefined) throw invalidField(field, text, PRIORITIES.join(", "));
  return found;
}

/** Whether there still is something to do. */
export function isOpen({ status }: Pick<Issue, "status">): boolean {
  return status === IssueStatus.OPEN || status === IssueStatus.IN_PROGRESS;
}
