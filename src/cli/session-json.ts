import { toJson } from "@bufbuild/protobuf";
import {
  CollaborationMessageSchema,
  SessionSchema,
  type CollaborationMessage,
  type Session,
} from "../wire/gen/collaboration_pb.ts";

/** A line each: the message as JSON, as over HTTP. */
export function sessionJson(session: Session): string {
  return `${JSON.stringify(toJson(SessionSchema, session))}\n`;
}

export function messageJson(message: CollaborationMessage): string {
  return `${JSON.stringify(toJson(CollaborationMessageSchema, message))}\n`;
}
