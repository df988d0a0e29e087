/** Messages of a session as sentences. Pure. */
import type { CollaborationMessage } from "../../wire/gen/collaboration_pb.ts";
import type { AnnotationPin } from "../../wire/gen/annotations_pb.ts";
import { IssueStatus, type Issue } from "../../wire/gen/issues_pb.ts";
import { unreadableReason } from "../../wire/message-cipher.ts";

/** How a message is told: somebody says it, did something, or the server tells it. */
export interface Said {
  readonly how: "said" | "did" | "told";
  readonly text: string;
}

export const STATUS_WORDS: Readonly<Record<IssueStatus, string>> = {
  [IssueStatus.UNSPECIFIED]: "unknown",
  [IssueStatus.OPEN]: "open",
  [IssueStatus.IN_PROGRESS]: "in progress",
  [IssueStatus.RESOLVED]: "resolved",
  [IssueStatus.CLOSED]: "closed",
};

/** By people: what makes a session worth to be read again. */
export function isSaid({ messageType }: CollaborationMessage): boolean {
  return messageType !== "system";
}

const COMINGS: readonly (string | undefined)[] = ["joined", "left", "renamed"];

/** Of those who come and go. */
export function isComing({ messageType, metadata }: CollaborationMessage): boolean {
  return messageType === "system" && COMINGS.includes(metadata["event"]);
}

/** Its id: what somebody likes to be called may be another one's. */
export function nameOf({ userId, userName }: Pick<CollaborationMessage, "userId" | "userName">): string {
  return userId || userName;
}

export function saidIn(said: CollaborationMessage): Said {
  const { messageType, message, metadata, annotation, issue, sealed } = said;
  const did = (...parts: readonly string[]): Said => {
    return { how: "did", text: parts.filter((part) => part !== "").join(": ") };
  };
  const why = unreadableReason({ metadata });
  if (why !== "") return { how: "said", text: `cannot be read: ${why}` };
  if (sealed !== undefined && message === "") return { how: "said", text: "(encrypted)" };
  if (messageType === "system") return { how: "told", text: message || (metadata["event"] ?? "") };
  if (messageType === "action") return did(metadata["result"] ?? metadata["action"] ?? "did something", message);
  if (messageType === "annotation" && annotation !== undefined) {
    const { removed, pin, text } = annotation;
    return did(`${removed ? "removed a note on" : "annotated"} ${pinText(pin)}`, text);
  }
  if (messageType === "issue" && issue !== undefined) return did(...issueParts(issue, message, metadata));
  return { how: "said", text: message };
}

/** Such as "temperature of pump-1". */
export function pinText(pin: AnnotationPin | undefined): string {
  if (pin === undefined) return "nothing";
  const { metric, source, device, alertId, sessionId, tags } = pin;
  const where = [device, source, ...Object.entries(tags).map(([key, value]) => `${key}=${value}`)].filter(Boolean);
  const series = [metric, where.join(", ")].filter(Boolean).join(" of ");
  const alert = alertId === "" ? "" : `alert ${alertId.slice(0, 8)}`;
  return [series, alert].filter(Boolean).join(", ") || `session ${sessionId}`;
}

function issueParts(
  { number, title, revision }: Issue,
  text: string,
  metadata: CollaborationMessage["metadata"],
): readonly string[] {
  // Changes that were not made by a message are told in a sentence.
  const told = `issue ${number}, `;
  if (text.startsWith(told)) return [`issue #${number}, ${text.slice(told.length)}`];
  if (revision === 1n) return [`opened issue #${number}`, title];
  const changes = ["status", "priority", "assignee", "labels"]
    .filter((key) => metadata[key] !== undefined)
    .map((key) => `${key} ${metadata[key] || "none"}`);
  return [`issue #${number} ‘${title}’`, changes.join(", "), text];
}

const TITLE_MAX = 256;

/** As one line of the length that titles have. */
export function titleOf(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, TITLE_MAX).toWellFormed();
}
