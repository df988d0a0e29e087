/** Encrypted sessions as the server has them: what is said in them comes sealed, and it has no key. */
import { invalidField, WatchpostError } from "../model/errors.ts";
import { sessionIdIn, TEXT_BYTES_MAX } from "../model/texts.ts";
import {
  EncryptionSchema,
  type CollaborationMessage,
  type Encryption,
  type RekeySessionRequest,
  type Sealed,
  type Session,
} from "../wire/gen/collaboration_pb.ts";
import { create } from "@bufbuild/protobuf";
import type { Draft } from "./session-message.ts";

const [NONCE_BYTES, TAG_BYTES, KEY_CHECK_BYTES, SECRET_BYTES] = [12, 16, 16, 32];
/** Each has 60 bytes in every list of sessions. */
const KEYS_MAX = 64;

/** What is sealed in a message, well formed; undefined: nothing. `sender`: as whom it is kept. Throws INVALID_ARGUMENT. */
export function sealedIn(
  { sealed, ...message }: CollaborationMessage,
  type: string,
  sender: string,
): Sealed | undefined {
  if (sealed === undefined) return undefined;
  if (type !== "chat" && type !== "update") {
    throw invalidField(
      "message_type",
      type,
      "chat or update, where a message is sealed: what acts on the server has to be read by it",
    );
  }
  if (message.message !== "") throw invalidField("message", `${message.message.length} characters`, '"" beside sealed');
  const { nonce, ciphertext } = sealed;
  sizeIn("sealed.nonce", nonce, NONCE_BYTES, NONCE_BYTES);
  sizeIn("sealed.ciphertext", ciphertext, TAG_BYTES + 1, TAG_BYTES + TEXT_BYTES_MAX);
  if ((message.metadata["client_message_id"] ?? "") === "") {
    throw invalidField('metadata["client_message_id"]', "", "an id: the message is sealed with it");
  }
  const more = Object.keys(message.metadata).find((key) => key !== "client_message_id");
  if (more !== undefined) throw invalidField("metadata", more, "client_message_id alone: all else could be read");
  if (message.userId !== sender) {
    throw invalidField("user_id", message.userId, `${JSON.stringify(sender)}, who sends it: it is sealed with that`);
  }
  return sealed;
}

/** Why a session does not take it, as it stands; undefined: it does. */
export function sealRefusal(session: Session, { type, sealed }: Draft): WatchpostError | undefined {
  if (type !== "chat" && type !== "update") return undefined;
  const { id, encryption } = session;
  const refuse = (why: string) => new WatchpostError("FAILED_PRECONDITION", why);
  if (encryption === undefined) {
    return sealed === undefined ? undefined : refuse(`session ${id} is not encrypted, and the message is sealed`);
  }
  if (sealed === undefined) {
    return refuse(`session ${id} is encrypted: what is said in it has to be sealed, with the key behind # in its link`);
  }
  if (sealed.epoch === encryption.epoch) return undefined;
  return refuse(`the message is sealed with key ${sealed.epoch}; session ${id} has key ${encryption.epoch} in force`);
}

/** Of a session that is to be made; undefined: it is not encrypted. Throws INVALID_ARGUMENT. */
export function firstEncryption(keyCheck: Uint8Array, sessionId: string): Encryption | undefined {
  if (keyCheck.length === 0) return undefined;
  if (sessionId === "") throw invalidField("session_id", "", "an id, where a session is encrypted: its key is for it");
  sizeIn("key_check", keyCheck, KEY_CHECK_BYTES, KEY_CHECK_BYTES);
  return create(EncryptionSchema, { epoch: 1, keyCheck, sessionId });
}

/** How it is encrypted from then on. Throws INVALID_ARGUMENT, FAILED_PRECONDITION where the session cannot have another key. */
export function rekeyed({ id, encryption }: Session, request: RekeySessionRequest): Encryption {
  const refuse = (why: string) => new WatchpostError("FAILED_PRECONDITION", why);
  if (encryption === undefined) throw refuse(`session ${id} is not encrypted; wanted one that was made so`);
  const { epoch, keyCheck, earlierKey } = request;
  const next = encryption.epoch + 1;
  if (next > KEYS_MAX)
    throw refuse(`session ${id} has had ${KEYS_MAX} keys, the most there may be; wanted a new session`);
  if (epoch !== next) throw refuse(`the new key is number ${epoch}; session ${id} wants number ${next}`);
  sizeIn("key_check", keyCheck, KEY_CHECK_BYTES, KEY_CHECK_BYTES);
  if (earlierKey === undefined) throw invalidField("earlier_key", "", "the key in force, sealed with the new one");
  sizeIn("earlier_key.nonce", earlierKey.nonce, NONCE_BYTES, NONCE_BYTES);
  sizeIn("earlier_key.ciphertext", earlierKey.ciphertext, SECRET_BYTES + TAG_BYTES, SECRET_BYTES + TAG_BYTES);
  if (earlierKey.epoch !== epoch) throw invalidField("earlier_key.epoch", earlierKey.epoch, `${epoch}, as the new key`);
  return { ...encryption, epoch, keyCheck, earlierKeys: [...encryption.earlierKeys, earlierKey] };
}

/** Of a session that comes in a file. Throws INVALID_ARGUMENT. */
export function checkEncryption({ epoch, keyCheck, sessionId, earlierKeys }: Encryption): void {
  sessionIdIn(sessionId, "encryption.session_id");
  if (epoch < 1 || epoch > KEYS_MAX) throw invalidField("encryption.epoch", epoch, `1 to ${KEYS_MAX}`);
  sizeIn("encryption.key_check", keyCheck, KEY_CHECK_BYTES, KEY_CHECK_BYTES);
  if (earlierKeys.length !== epoch - 1) {
    throw invalidField("encryption.earlier_keys", `${earlierKeys.length} keys`, `${epoch - 1} before key ${epoch}`);
  }
  for (const { nonce, ciphertext } of earlierKeys) {
    sizeIn("encryption.earlier_keys.nonce", nonce, NONCE_BYTES, NONCE_BYTES);
    sizeIn("encryption.earlier_keys.ciphertext", ciphertext, SECRET_BYTES + TAG_BYTES, SECRET_BYTES + TAG_BYTES);
  }
}

function sizeIn(field: string, { length }: Uint8Array, least: number, most: number): void {
  if (length >= least && length <= most) return;
  throw invalidField(field, `${length} bytes`, least === most ? `${least}` : `${least} to ${most}`);
}
