/** The keys of one encrypted session, as a member has them: opens what others say, seals what oneself says. */
import { WatchpostError, messageOf } from "../model/errors.ts";
import type { CollaborationMessage, Session } from "./gen/collaboration_pb.ts";
import { isSealedType, UNREADABLE, unreadable, type MessageCipher } from "./message-cipher.ts";
import {
  EPOCH_MAX,
  isKeyOf,
  keyCheckOf,
  newSessionKey,
  openEarlierKey,
  openText,
  sealEarlierKey,
  sealText,
  sessionKeyText,
  type SealedBytes,
  type SessionKey,
} from "./sealed-message.ts";

/** What the server is told of a new key. */
export interface NextKey {
  readonly key: SessionKey;
  /** As it is handed on. */
  readonly text: string;
  readonly epoch: number;
  readonly keyCheck: Uint8Array<ArrayBuffer>;
  readonly earlierKey: SealedBytes & { readonly epoch: number };
}

/** Of what people say: their names for it, of which the server tells anything. */
const SAID_OTHERWISE = new Set(["system", "heartbeat", "cursor", "typing", "action"]);

export class SessionKeys implements MessageCipher {
  readonly sessionId: string;
  readonly #keys = new Map<number, SessionKey>();
  readonly #newest: SessionKey;
  /** Of the key in force, as far as is known. */
  #epoch: number;

  private constructor(sessionId: string, newest: SessionKey, epoch: number) {
    [this.sessionId, this.#newest, this.#epoch] = [sessionId, newest, epoch];
    this.#keys.set(newest.epoch, newest);
  }

  /**
   * `key`: of the session, the newest that one was given: those before it are sealed with it. `isOwnId`: the session is called
   * as it was made; false: it was imported. Throws FAILED_PRECONDITION where the session is not encrypted or the key is not
   * its own.
   */
  static async of(session: Pick<Session, "id" | "encryption">, key: SessionKey, isOwnId = true): Promise<SessionKeys> {
    const { id, encryption } = session;
    const refuse = (why: string) => new WatchpostError("FAILED_PRECONDITION", why);
    if (encryption === undefined) {
      throw refuse(`session ${id} is not encrypted: what is said in it the server can read, and a key is of no use`);
    }
    const { epoch, keyCheck, earlierKeys } = encryption;
    const sessionId = isOwnId ? id : encryption.sessionId;
    if (key.epoch > epoch) throw refuse(`the key is number ${key.epoch}, and session ${id} has ${epoch} only`);
    if (key.epoch === epoch && !(await isKeyOf(key, sessionId, keyCheck))) {
      throw refuse(`this is not the key of session ${id}`);
    }
    const keys = new SessionKeys(sessionId, key, epoch);
    for (let at = key; at.epoch > 1;) {
      const sealed = earlierKeys[at.epoch - 2];
      if (sealed === undefined) break;
      try {
        at = await openEarlierKey(bytesOf(sealed), at, sessionId);
      } catch {
        // What was said with it cannot be read, all else can.
        break;
      }
      keys.#keys.set(at.epoch, at);
    }
    return keys;
  }

  /** Number of the key in force, as far as is known. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Number of the key that was given. */
  get newestEpoch(): number {
    return this.#newest.epoch;
  }

  /** The key was changed, and the new one was not given: nothing can be said, and what is said from then on not be read. */
  get isOutdated(): boolean {
    return this.#epoch > this.#newest.epoch;
  }

  /** As it is handed on. */
  get text(): string {
    return sessionKeyText(this.#newest);
  }

  /** For whoever is to read on; throws FAILED_PRECONDITION where the session has had as many as it may. */
  async next(): Promise<NextKey> {
    if (this.isOutdated) throw this.#outdated();
    const epoch = this.#newest.epoch + 1;
    if (epoch > EPOCH_MAX) {
      const message = `session ${this.sessionId} has had ${EPOCH_MAX} keys; wanted a new session`;
      throw new WatchpostError("FAILED_PRECONDITION", message);
    }
    const key = newSessionKey(epoch);
    const sealed = await sealEarlierKey(this.#newest, key, this.sessionId);
    return {
      key,
      text: sessionKeyText(key),
      epoch,
      keyCheck: await keyCheckOf(key, this.sessionId),
      earlierKey: { ...sealed, epoch },
    };
  }

  async seal(message: CollaborationMessage, sender: string): Promise<CollaborationMessage> {
    if (!isSealedType(message.messageType)) return message;
    if (this.isOutdated) throw this.#outdated();
    const { sessionId } = this;
    const { epoch } = this.#newest;
    const messageId = message.metadata["client_message_id"] ?? "";
    if (messageId === "") throw new WatchpostError("INTERNAL", "a message without an id cannot be sealed");
    const place = { sessionId, sender, messageId, epoch };
    const sealed = await sealText(message.message, this.#newest, place);
    return {
      ...message,
      userId: sender,
      message: "",
      metadata: { client_message_id: messageId },
      sealed: { $typeName: "analytics.Sealed", ...sealed, epoch },
    };
  }

  async open(message: CollaborationMessage): Promise<CollaborationMessage> {
    this.#hear(message);
    const { sealed, userId, metadata } = message;
    if (sealed === undefined) return isSaid(message) ? unreadable(message, UNSEALED) : message;
    const key = this.#keys.get(sealed.epoch);
    if (key === undefined) {
      const why =
        sealed.epoch > this.#newest.epoch
          ? `the key was changed: this is number ${this.#newest.epoch}, and it needs ${sealed.epoch}`
          : `key ${sealed.epoch} is missing`;
      return unreadable(message, why);
    }
    const messageId = metadata["client_message_id"] ?? "";
    const place = { sessionId: this.sessionId, sender: userId, messageId, epoch: sealed.epoch };
    try {
      const text = await openText(bytesOf(sealed), key, place);
      const { [UNREADABLE]: _, ...rest } = metadata;
      return {
        ...message,
        messageType: message.messageType === "update" ? "update" : "chat",
        message: text,
        metadata: rest,
      };
    } catch (error) {
      return unreadable(message, messageOf(error));
    }
  }

  /** From then on nothing is sealed with a key that was changed, whatever the server takes. */
  #hear({ messageType, metadata }: CollaborationMessage): void {
    if (messageType !== "system" || metadata["event"] !== "rekeyed") return;
    const epoch = Number(metadata["epoch"]);
    if (Number.isInteger(epoch) && epoch <= EPOCH_MAX) this.#epoch = Math.max(this.#epoch, epoch);
  }

  #outdated(): WatchpostError {
    const message = `the key of session ${this.sessionId} was changed: this is number ${this.#newest.epoch}, and number ${this.#epoch} is in force; wanted the new link`;
    return new WatchpostError("FAILED_PRECONDITION", message);
  }
}

const UNSEALED = "it is not encrypted, so whoever runs the server may have written it";

/** It would be shown as somebody's words. */
function isSaid({ messageType, annotation, issue }: CollaborationMessage): boolean {
  if (messageType === "annotation") return annotation === undefined;
  if (messageType === "issue") return issue === undefined;
  return !SAID_OTHERWISE.has(messageType);
}

function bytesOf({ nonce, ciphertext }: { readonly nonce: Uint8Array; readonly ciphertext: Uint8Array }): SealedBytes {
  return { nonce: new Uint8Array(nonce), ciphertext: new Uint8Array(ciphertext) };
}
