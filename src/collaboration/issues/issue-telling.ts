/** What is said in a session of a change of an issue: pure. */
import type { Draft } from "../session-message.ts";
import type { IssueChange } from "../../wire/gen/issues_pb.ts";
import type { ChangedIssue } from "./change-issue.ts";
import { withoutComments } from "./issue-documents.ts";

/** A message of type issue by whoever changed it. */
export function draftOf({ issue, changes }: ChangedIssue, by: string): Draft {
  return {
    type: "issue",
    userId: by,
    userName: "",
    text: textOf({ issue, changes }),
    metadata: metadataOf({ issue }),
    issue: withoutComments(issue),
  };
}

/** What tells programs which issue a message is about. */
export function metadataOf({ issue: { number, revision } }: Pick<ChangedIssue, "issue">): Record<string, string> {
  return { number: String(number), revision: String(revision) };
}

/** "issue 12, pump is loud: status open -> resolved, assignee ann", and a comment on lines of its own. */
function textOf({ issue: { number, title }, changes }: ChangedIssue): string {
  const comment = changes.find(({ field }) => field === "comment")?.after;
  const parts = changes.filter(({ field }) => field !== "comment").map(changeText);
  const what = parts.length === 0 ? "comment" : parts.join(", ");
  return [`issue ${number}, ${title}: ${what}`, ...(comment === undefined ? [] : [comment])].join("\n");
}

/** A change that is no comment, in words. */
export function changeText({ field, before, after }: IssueChange): string {
  switch (field) {
    case "created":
      return "created";
    case "description":
      return "description changed";
    case "label":
    case "link":
      return before === "" ? `${field} +${after}` : `${field} -${before}`;
    default:
      return `${field} ${[before || "nobody", after || "nobody"].join(" -> ")}`;
  }
}
