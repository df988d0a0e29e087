/** Messages as bytes, made once for all who get them. */
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { CollaborationMessageSchema } from "../wire/gen/collaboration_pb.ts";
import { wireOf, type SessionMessage } from "./session-message.ts";

export interface EncodedMessage {
  readonly position: number;
  readonly number: number;
  /** With its cursor, which stands last. */
  readonly live: Uint8Array;
  /** A view of it without: nobody goes on from the middle of a snapshot. */
  readonly plain: Uint8Array;
}

export function encodeKept(message: SessionMessage, cursor: string): EncodedMessage {
  const plain = toBinary(CollaborationMessageSchema, wireOf(message, ""));
  // The order of fields is free.
  const live = Buffer.concat([plain, encodeWire({ cursor })]);
  return { position: message.position, number: message.number, live, plain: live.subarray(0, plain.length) };
}

export function encodeWire(message: MessageInitShape<typeof CollaborationMessageSchema>): Uint8Array {
  return toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, message));
}
