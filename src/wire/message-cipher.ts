/** Messages of a session as whoever reads them has them: opened, or with the reason why they cannot be. Without what opens them. */
import { WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage } from "./gen/collaboration_pb.ts";

/** Opens and seals the messages of a session. */
export interface MessageCipher {
  /** Throws what it cannot be sealed for; messages that are nobody's secret come back as they are. */
  seal(message: CollaborationMessage, sender: string): Promise<CollaborationMessage>;
  /** Never throws: what cannot be opened says why in metadata[{@link UNREADABLE}]. */
  open(message: CollaborationMessage): Promise<CollaborationMessage>;
}

/** Whether messages of a type are sealed in an encrypted session; what acts on the server it has to read. */
export function isSealedType(messageType: string): boolean {
  return messageType === "chat" || messageType === "update";
}

/** Key of metadata that is made here, whatever the server has sent under it: why a message cannot be read. */
export const UNREADABLE = "unreadable";

/** Of one who has no key. */
export const WITHOUT_KEY: MessageCipher = {
  seal: (message) => Promise.resolve(message),
  open: (message) => Promise.resolve(message.sealed === undefined ? message : unreadable(message, "there is no key")),
};

/** The same, of one who sends: what a server refuses it has read, so nothing is said where it has told that a session is encrypted. */
export function memberWithoutKey(): MessageCipher {
  let isEncrypted = false;
  return {
    async seal(message) {
      if (!isEncrypted || !isSealedType(message.messageType)) return message;
      throw new WatchpostError("FAILED_PRECONDITION", NOTHING_SENT);
    },
    open(message) {
      isEncrypted ||= message.messageType === "system" && message.metadata["key"] !== undefined;
      return WITHOUT_KEY.open(message);
    },
  };
}

export const NOTHING_SENT = "the session is encrypted, and its key was not given: nothing was sent";

/** Why it cannot be read; "": it can. */
export function unreadableReason({ metadata }: Pick<CollaborationMessage, "metadata">): string {
  return metadata[UNREADABLE] ?? "";
}

/** What is shown in its place says why. */
export function unreadable(message: CollaborationMessage, why: string): CollaborationMessage {
  return { ...message, message: "", metadata: { ...message.metadata, [UNREADABLE]: why } };
}
