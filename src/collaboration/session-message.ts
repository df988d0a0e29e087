/**
 * Messages of a session. What is kept is an entry of the journal, whose subject is the session, whose actor is the user and
 * whose payload is the message as protobuf JSON, without what the entry says already.
 */
import { create, fromJsonString, toJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import type { JournalEntry, JournalEvent } from "../model/journal.ts";
import type { Annotation } from "../wire/gen/annotations_pb.ts";
import { CollaborationMessageSchema, type CollaborationMessage, type Sealed } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { SESSION_EVENT } from "./collaboration-journal.ts";
import type { MemberMessage } from "./members.ts";

/** Types of messages that are numbered and kept. */
export type KeptType = "chat" | "action" | "update" | "annotation" | "issue" | "system";

/** A message before it has its number. */
export interface Draft {
  readonly type: KeptType;
  readonly userId: string;
  readonly userName: string;
  readonly text: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly annotation?: Annotation;
  readonly issue?: Issue;
  /** In place of its text. */
  readonly sealed?: Sealed;
  /** Of joined and left: who. */
  readonly members?: readonly MemberMessage[];
}

/** A message as it was kept. */
export interface SessionMessage extends Draft {
  readonly sessionId: string;
  /** From 1, consecutive in its session. */
  readonly number: number;
  readonly atMs: number;
  /** In the journal. */
  readonly position: number;
}

export function eventOf(draft: Draft, sessionId: string, number: number, atMs: number): JournalEvent {
  const { type, userId, userName, text, metadata, annotation, issue, sealed, members = [] } = draft;
  const said = create(CollaborationMessageSchema, {
    messageType: type,
    userName,
    message: text,
    metadata: { ...metadata },
    number: BigInt(number),
    ...(annotation === undefined ? {} : { annotation }),
    ...(issue === undefined ? {} : { issue }),
    ...(sealed === undefined ? {} : { sealed }),
    members: [...members],
  });
  const payload = toJsonString(CollaborationMessageSchema, said);
  return { atMs, kind: SESSION_EVENT, subject: sessionId, actor: userId, payload };
}

/** Inverse of {@link eventOf}. Throws for what is none. */
export function messageOfEntry({ position, atMs, subject, actor, payload }: JournalEntry): SessionMessage {
  const said = fromJsonString(CollaborationMessageSchema, payload, { ignoreUnknownFields: true });
  return {
    sessionId: subject,
    number: Number(said.number),
    atMs,
    position,
    type: said.messageType as KeptType,
    userId: actor,
    userName: said.userName,
    text: said.message,
    metadata: said.metadata,
    ...(said.annotation === undefined ? {} : { annotation: said.annotation }),
    ...(said.issue === undefined ? {} : { issue: said.issue }),
    ...(said.sealed === undefined ? {} : { sealed: said.sealed }),
    members: said.members,
  };
}

/** `cursor`: "" where nobody may go on from it. */
export function wireOf(message: SessionMessage, cursor: string): CollaborationMessage {
  const { sessionId, number, atMs, type, userId, userName, text, metadata, members = [] } = message;
  const { annotation, issue, sealed } = message;
  const wire: MessageInitShape<typeof CollaborationMessageSchema> = {
    userId,
    message: text,
    timestamp: timestampOfMs(atMs),
    messageType: type,
    metadata: { ...metadata },
    sessionId,
    userName,
    number: BigInt(number),
    cursor,
    ...(annotation === undefined ? {} : { annotation }),
    ...(issue === undefined ? {} : { issue }),
    ...(sealed === undefined ? {} : { sealed }),
    members: [...members],
  };
  return create(CollaborationMessageSchema, wire);
}
