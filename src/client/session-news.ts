/** What a member of a session hears. */
import type { WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage, Member } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import type { Retry } from "./connection.ts";

export type SessionNews =
  /** Who is here and what was said last, ascending, in place of all that was known before. */
  | {
      readonly kind: "snapshot";
      readonly members: readonly Member[];
      readonly messages: readonly CollaborationMessage[];
      /** Those that are open. */
      readonly issues: readonly Issue[];
      readonly cursor: string;
    }
  /** A message of the session, one's own too: each once, in the order in which all members have them. */
  | { readonly kind: "message"; readonly message: CollaborationMessage }
  /** Of type cursor or typing: nobody keeps it, and it may be lost. */
  | { readonly kind: "passing"; readonly message: CollaborationMessage }
  /** The server refused something that was sent without an id. */
  | { readonly kind: "refused"; readonly error: WatchpostError }
  /** The connection is gone; it is tried again after a while. */
  | { readonly kind: "lost"; readonly retry: Retry }
  /** It is back, and what was missed has come. */
  | { readonly kind: "resumed" };

/** What a message of type system says, in metadata. */
export type SystemEvent =
  | "snapshot"
  | "snapshot_end"
  | "resumed"
  | "confirmed"
  | "joined"
  | "left"
  | "renamed"
  | "created"
  | "closed"
  | "reopened"
  | "rekeyed"
  | "topic";

/** "" where a message is none of the system's. */
export function systemEventOf({ messageType, metadata }: CollaborationMessage): SystemEvent | "" {
  return messageType === "system" ? ((metadata["event"] ?? "") as SystemEvent | "") : "";
}
