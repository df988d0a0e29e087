/** How sessions are written down. Messages are entries of the journal; these say how sessions stand. */
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import type { DocumentChange, StoredDocument } from "../model/journal.ts";
import { SessionSchema, SessionState, type Session } from "../wire/gen/collaboration_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../wire/timestamp.ts";
import type { WrittenMember } from "./members.ts";

export const SESSIONS = "sessions";
/** Who is in each session that somebody is in. */
export const SESSION_MEMBERS = "session-members";

export function documentOfSession(session: Session): DocumentChange {
  const value = toJsonString(SessionSchema, { ...session, members: [] });
  return { collection: SESSIONS, key: session.id, sort: createdAtMs(session), value };
}

/** Inverse of {@link documentOfSession}. Throws for what is none. */
export function sessionOf({ value }: Pick<StoredDocument, "value">): Session {
  return fromJsonString(SessionSchema, value, { ignoreUnknownFields: true });
}

export function newSession(id: string, createdBy: string, nowMs: number): Session {
  const at = timestampOfMs(nowMs);
  const state = SessionState.OPEN;
  return create(SessionSchema, { id, createdBy, createdAt: at, lastActivityAt: at, state, topic: {} });
}

export function createdAtMs({ createdAt }: Pick<Session, "createdAt">): number {
  return createdAt === undefined ? 0 : msOfTimestamp(createdAt);
}

export function lastActivityMs({ lastActivityAt }: Session): number {
  return lastActivityAt === undefined ? 0 : msOfTimestamp(lastActivityAt);
}

/** Client message ids of a session, by user; they live as long as it does. */
export function sentCollection(sessionId: string): string {
  return `session-sent/${sessionId}`;
}

export function sentKey(userId: string, clientMessageId: string): string {
  return JSON.stringify([userId, clientMessageId]);
}

export function documentOfMembers(sessionId: string, members: readonly WrittenMember[]): DocumentChange {
  const value = members.length === 0 ? null : JSON.stringify(members);
  return { collection: SESSION_MEMBERS, key: sessionId, sort: 0, value };
}

/** Those of it that can be read. */
export function membersIn(value: string): WrittenMember[] {
  const members = JSON.parse(value) as Partial<WrittenMember>[];
  if (!Array.isArray(members)) return [];
  return members.flatMap(({ userId, userName, joinedAtMs }) =>
    typeof userId === "string" && typeof userName === "string" && typeof joinedAtMs === "number"
      ? [{ userId, userName, joinedAtMs }]
      : [],
  );
}
