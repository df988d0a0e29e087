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

/**
 * Its document, and those by which it is found, {@link sessionsAbout} something, as far as that has changed since `before`;
 * undefined: since it was none.
 */
export function documentsOfSession(session: Session, before?: Session): DocumentChange[] {
  const [was, is] = [namesOf(before), namesOf(session)];
  const row = (collection: string, value: string | null) => ({
    collection,
    key: session.id,
    sort: createdAtMs(session),
    value,
  });
  return [
    documentOfSession(session),
    ...[...was].filter((name) => !is.has(name)).map((name) => row(name, null)),
    ...[...is].filter((name) => !was.has(name)).map((name) => row(name, "{}")),
  ];
}

/** Nothing of {@link documentsOfSession} is left then. */
export function withoutSession(session: Session): DocumentChange[] {
  const names = [SESSIONS, ...namesOf(session)];
  return names.map((collection) => ({ collection, key: session.id, sort: 0, value: null }));
}

/** The collection of the ids of sessions about it, in the order of {@link SESSIONS}. */
export function sessionsAbout(what: "alert" | "incident" | "device", name: string): string {
  return `sessions-about/${what}/${name}`;
}

function namesOf(session: Pick<Session, "topic"> | undefined): Set<string> {
  const { alertIds = [], incidentIds = [], devices = [] } = session?.topic ?? {};
  return new Set([
    ...alertIds.map((id) => sessionsAbout("alert", id)),
    ...incidentIds.map((id) => sessionsAbout("incident", id)),
    ...devices.map((name) => sessionsAbout("device", name)),
  ]);
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
