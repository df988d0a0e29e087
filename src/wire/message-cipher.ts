/** Messages of a session as whoever reads them has them: opened, or with the reason why they cannot be. Without what opens them. */
import type { CollaborationMessage } from "./gen/collaboration_pb.ts";

/** Opens and seals the messages of a session. */
export interface MessageCipher {
  /** Throws what it cannot be sealed for; messages that are nobody's secret come back as they are. */
  seal(message: CollaborationMessage, sender: string): Promise<CollaborationMessage>;
  /** Never throws: what cannot be opened says why in metadata[{@link UNREADABLE}]. */
  open(message: CollaborationMessage): Promise<CollaborationMessage>;
}

/** Key of metadata that is made here, whatever the server has sent under it: why a message cannot be read. */
export const UNREADABLE = "unreadable";

/** Of one who has no key. */
export const WITHOUT_KEY: MessageCipher = {
  seal: (message) => Promise.resolve(message),
  open: (message) => Promise.resolve(message.sealed === undefined ? message : unreadable(message, "there is no key")),
};

/** Why it cannot be read; "": it can. */
export function unreadableReason({ metadata }: Pick<CollaborationMessage, "metadata">): string {
  return metadata[UNREADABLE] ?? "";
}

/** What is shown in its place says why. */
export function unreadable(message: CollaborationMessage, why: string): CollaborationMessage {
  return { ...message, message: "", metadata: { ...message.metadata, [UNREADABLE]: why } };
}
