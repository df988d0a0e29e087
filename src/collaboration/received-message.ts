/** What a member sends: checked, carried out, and told. What is refused costs only itself. */
import { messageOf, invalidField, WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage, Sealed } from "../wire/gen/collaboration_pb.ts";
import type { CallContext } from "../wire/service.ts";
import { toStatus } from "../wire/status.ts";
import { encodeWire } from "./encoded-message.ts";
import type { Member, MemberStream } from "./members.ts";
import type { Room } from "./room.ts";
import { sealedIn } from "./sealed-chat.ts";
import type { Rows } from "./collaboration-journal.ts";
import type { Draft, KeptType, SessionMessage } from "./session-message.ts";
import { textIn } from "../model/texts.ts";

/** What posts a message that something is done with first. */
export type PostDraft = (draft: Draft, rows?: Rows) => Promise<SessionMessage>;

/** Carries out what a message asks for, then posts it, with what came of it. */
export type CarryOut = (
  draft: Draft,
  sessionId: string,
  context: CallContext,
  post: PostDraft,
) => Promise<SessionMessage>;

/** Types of messages that do something. */
export type Carriers = Readonly<Record<"action" | "annotation" | "issue", CarryOut>>;

export interface Sender {
  readonly userId: string;
  readonly userName: string;
  /** Undefined: it sends without being here. */
  readonly member?: Member;
  readonly stream?: MemberStream;
}

const METADATA_MAX = 64;
const KEY_LENGTH_MAX = 128;
const VALUE_BYTES_MAX = 16 * 1024;
const METADATA_BYTES_MAX = 32 * 1024;
/** Of what passes by: it goes to everybody, and often. */
const PASSING_BYTES_MAX = 1024;
/** Once they are done they are done. */
const REPEATABLE_ACTIONS = new Set(["acknowledge", "resolve", "assign", "unsilence"]);
const CLIENT_MESSAGE_ID_LENGTH_MAX = 128;
const TYPES = ["chat", "action", "update", "annotation", "issue", "heartbeat", "cursor", "typing"] as const;
type SentType = (typeof TYPES)[number];

/** A message that is well formed. */
export interface CheckedMessage {
  readonly type: SentType;
  readonly text: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** "": it has none. */
  readonly clientMessageId: string;
  /** In place of its text. */
  readonly sealed?: Sealed;
}

/** `sender`: as whom it is kept. Throws INVALID_ARGUMENT with what is to be told to whoever sent it. */
export function checkedMessage(message: CollaborationMessage, sender: string): CheckedMessage {
  const type = typeOf(message);
  const isPassing = type === "cursor" || type === "typing";
  const text = textIn(message.message, "message", isPassing ? PASSING_BYTES_MAX : undefined);
  const metadata = metadataIn(message.metadata, isPassing ? PASSING_BYTES_MAX : METADATA_BYTES_MAX);
  const clientMessageId = clientMessageIdIn(message);
  const sealed = sealedIn(message, type, sender);
  if (sealed !== undefined) return { type, text, metadata, clientMessageId, sealed };
  if ((type === "chat" || type === "update") && text.trim() === "") throw invalidField("message", text, "some text");
  return { type, text, metadata, clientMessageId };
}

/** Nobody keeps it, and nobody is asked to wait for it. */
export function isPassing({ type }: CheckedMessage): boolean {
  return type === "cursor" || type === "typing" || type === "heartbeat";
}

/** Done twice it would not be the same as once: nobody knows whether it was, where the server ends in the middle. */
export function isDoneOnce({ type, metadata }: CheckedMessage): boolean {
  return type === "action" && !REPEATABLE_ACTIONS.has(metadata["action"] ?? "");
}

/** Tells whoever is here, and forgets it. */
export function pass({ type, text, metadata }: CheckedMessage, room: Room, sender: Sender): void {
  if (type === "heartbeat") return;
  const { userId, userName, stream, member } = sender;
  if (type === "cursor" && member !== undefined) room.look(member, metadata);
  const message = { userId, userName, message: text, messageType: type, metadata, sessionId: room.id };
  room.pass(encodeWire(message), stream);
}

/**
 * Does what a message asks for, keeps it and tells it. `onDone` is called in between. Throws what is to be told to whoever sent
 * it: then nothing was done, unless `onDone` was called.
 */
export async function receive(
  { type, text, metadata, clientMessageId, sealed }: CheckedMessage,
  room: Room,
  { userId, userName, stream }: Sender,
  context: CallContext,
  carriers: Carriers,
  onDone: () => void,
): Promise<SessionMessage> {
  const draft: Draft = { type: type as KeptType, userId, userName, text, metadata, ...(sealed && { sealed }) };
  const isSaid = type === "chat" || type === "update";
  // Whoever is not told what came of it by a confirmation is told as everybody else.
  const from = isSaid || clientMessageId !== "" ? stream : undefined;
  const post: PostDraft = (done, rows) => {
    onDone();
    return room.post({
      draft: done,
      ...(rows === undefined ? {} : { rows }),
      ...(from === undefined ? {} : { from }),
      ...(clientMessageId === "" ? {} : { clientMessageId }),
    });
  };
  if (isSaid) return post(draft);
  // What could not be told is not done either.
  room.checkTakes();
  return carriers[type as keyof Carriers](draft, room.id, context, post);
}

/** "" where there is none. */
function clientMessageIdIn({ metadata }: CollaborationMessage): string {
  const id = metadata["client_message_id"] ?? "";
  if (id.length <= CLIENT_MESSAGE_ID_LENGTH_MAX) return id;
  const wanted = `at most ${CLIENT_MESSAGE_ID_LENGTH_MAX} characters`;
  throw invalidField('metadata["client_message_id"]', id, wanted);
}

/** Of any message, also one that is refused. */
export function shownId({ metadata }: CollaborationMessage): string {
  return (metadata["client_message_id"] ?? "").slice(0, CLIENT_MESSAGE_ID_LENGTH_MAX);
}

/** What tells a sender that its message was refused. */
export function refusal(error: unknown, sessionId: string, clientMessageId: string): Uint8Array {
  const { name, message } = toStatus(error);
  const retryAfterMs = error instanceof WatchpostError ? error.retryAfterMs : undefined;
  return encodeWire({
    messageType: "system",
    sessionId,
    message,
    metadata: {
      error: name,
      ...(clientMessageId === "" ? {} : { client_message_id: clientMessageId }),
      ...(retryAfterMs === undefined ? {} : { retry_after_ms: String(retryAfterMs) }),
    },
  });
}

export function overLimit(waitMs: number, messagesPerSecond: number): WatchpostError {
  const message = `this member sends more than ${messagesPerSecond} messages a second; send on in ${waitMs} ms`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: waitMs });
}

/** Of anything thrown that is no refusal. */
export function defectText(error: unknown): string | undefined {
  return error instanceof WatchpostError ? undefined : messageOf(error);
}

function typeOf({ messageType }: Pick<CollaborationMessage, "messageType">): SentType {
  if (messageType === "") return "chat";
  const known = TYPES.find((type) => type === messageType);
  if (known !== undefined) return known;
  const wanted = messageType === "system" ? `${TYPES.join(", ")}: system is the server's` : TYPES.join(", ");
  throw invalidField("message_type", messageType, wanted);
}

function metadataIn(metadata: Readonly<Record<string, string>>, bytesMax: number): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata);
  if (entries.length > METADATA_MAX)
    throw invalidField("metadata", `${entries.length} entries`, `at most ${METADATA_MAX}`);
  let bytes = 0;
  for (const [key, value] of entries) {
    if (key.length > KEY_LENGTH_MAX)
      throw invalidField("a key of metadata", key, `at most ${KEY_LENGTH_MAX} characters`);
    textIn(value, `metadata[${JSON.stringify(key)}]`, VALUE_BYTES_MAX);
    bytes += key.length + Buffer.byteLength(value);
  }
  if (bytes > bytesMax) throw invalidField("metadata", `${bytes} bytes`, `at most ${bytesMax}`);
  return metadata;
}
