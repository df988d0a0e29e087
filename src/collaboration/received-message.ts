/** What a member sends: checked, carried out, and told. What is refused costs only itself. */
import { messageOf, invalidField, WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage } from "../wire/gen/collaboration_pb.ts";
import type { CallContext } from "../wire/service.ts";
import { toStatus } from "../wire/status.ts";
import { encodeWire } from "./encoded-message.ts";
import type { Member, MemberStream } from "./members.ts";
import type { Room } from "./room.ts";
import type { Rows } from "./collaboration-journal.ts";
import type { Draft, KeptType, SessionMessage } from "./session-message.ts";
import { textIn } from "./texts.ts";

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
const CLIENT_MESSAGE_ID_LENGTH_MAX = 128;
const TYPES = ["chat", "action", "update", "annotation", "issue", "heartbeat", "cursor", "typing"] as const;
type SentType = (typeof TYPES)[number];

/** Throws what is to be told to whoever sent it. Heartbeats, and what passes by, give undefined. */
export async function receive(
  message: CollaborationMessage,
  room: Room,
  sender: Sender,
  context: CallContext,
  carriers: Carriers,
): Promise<SessionMessage | undefined> {
  const type = typeOf(message);
  if (type === "heartbeat") return undefined;
  const { userId, userName, stream } = sender;
  const text = textIn(message.message, "message");
  const metadata = metadataIn(message.metadata);
  if (type === "cursor" || type === "typing") {
    if (type === "cursor" && sender.member !== undefined) room.look(sender.member, metadata);
    const passing = { userId, userName, message: text, messageType: type, metadata, sessionId: room.id };
    room.pass(encodeWire(passing), stream);
    return undefined;
  }
  if ((type === "chat" || type === "update") && text.trim() === "") throw invalidField("message", text, "some text");
  const draft: Draft = { type: type satisfies KeptType, userId, userName, text, metadata };
  const clientMessageId = metadata["client_message_id"] ?? "";
  const isSaid = type === "chat" || type === "update";
  // Whoever is not told what came of it by a confirmation is told as everybody else.
  const from = isSaid || clientMessageId !== "" ? stream : undefined;
  const post: PostDraft = (done, rows) =>
    room.post({
      draft: done,
      ...(rows === undefined ? {} : { rows }),
      ...(from === undefined ? {} : { from }),
      ...(clientMessageId === "" ? {} : { clientMessageId }),
    });
  return isSaid ? post(draft) : carriers[type](draft, room.id, context, post);
}

/** "" where there is none. */
export function clientMessageIdIn({ metadata }: CollaborationMessage): string {
  const id = metadata["client_message_id"] ?? "";
  if (id.length <= CLIENT_MESSAGE_ID_LENGTH_MAX) return id;
  const wanted = `at most ${CLIENT_MESSAGE_ID_LENGTH_MAX} characters`;
  throw invalidField('metadata["client_message_id"]', id, wanted);
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

export function typeOf({ messageType }: Pick<CollaborationMessage, "messageType">): SentType {
  if (messageType === "") return "chat";
  const known = TYPES.find((type) => type === messageType);
  if (known !== undefined) return known;
  const wanted = messageType === "system" ? `${TYPES.join(", ")}: system is the server's` : TYPES.join(", ");
  throw invalidField("message_type", messageType, wanted);
}

function metadataIn(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
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
  if (bytes > METADATA_BYTES_MAX) throw invalidField("metadata", `${bytes} bytes`, `at most ${METADATA_BYTES_MAX}`);
  return metadata;
}
