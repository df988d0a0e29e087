/** Sessions as such: opened, described, listed, closed and opened again. */
import { toBinary } from "@bufbuild/protobuf";
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { StoredDocument } from "../model/journal.ts";
import {
  Collaboration,
  SessionSchema,
  SessionState,
  type CloseSessionRequest,
  type ListSessionsRequest,
  type ReopenSessionRequest,
  type Session,
} from "../wire/gen/collaboration_pb.ts";
import { unary, type CallContext, type MethodImpl, type Principal } from "../wire/service.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import type { KeptMessages } from "./kept-messages.ts";
import { listMessages } from "./list-messages.ts";
import { limitIn, PAGE_BYTES_MAX, pageOf, placeOf } from "./pages.ts";
import type { Rooms } from "./rooms.ts";
import { Serial } from "./serial.ts";
import { SESSIONS, sessionOf } from "./session-documents.ts";
import { titleIn, topicIn } from "./session-input.ts";
import type { Draft } from "./session-message.ts";
import { actorOf } from "./texts.ts";

export interface SessionMethodsDeps {
  readonly rooms: Rooms;
  readonly journal: CollaborationJournal;
  readonly kept: KeptMessages;
  newSessionId(): string;
  sees(principal: Principal, session: Session): boolean;
  nowMs(): number;
  onTrouble(sentence: string): void;
}

type State = SessionState.OPEN | SessionState.CLOSED;

const STATES: readonly SessionState[] = [SessionState.OPEN, SessionState.CLOSED, SessionState.IMPORTED];
const SESSIONS_A_PAGE = 1_000;
const SESSIONS_A_PAGE_MAX = 10_000;
const DOCUMENTS_AT_ONCE = 500;

export function sessionMethods(deps: SessionMethodsDeps): MethodImpl[] {
  const { rooms, sees } = deps;
  const visible = (id: string, context: CallContext) => visibleSession(id, context, deps);
  /** Says what was done, and how the session stands from then on. */
  const change = async (session: Session, userId: string, event: string, text: string, patch: Partial<Session>) => {
    const room = await rooms.room(session.id, userId);
    const draft: Draft = { type: "system", userId, userName: "", text, metadata: { event } };
    await room.post({ draft, patch });
    return { session: room.describe() };
  };
  const changing = new Serial();
  /** One at a time: closed is what was open. */
  const setState = (
    { sessionId, userId }: CloseSessionRequest | ReopenSessionRequest,
    context: CallContext,
    to: State,
  ) =>
    changing.run(sessionId, async () => {
      const session = await visible(sessionId, context);
      const from = to === SessionState.CLOSED ? SessionState.OPEN : SessionState.CLOSED;
      if (session.state !== from) throw wrongState(session, SessionState[from].toLowerCase());
      const by = actorOf(userId, context);
      if (to === SessionState.OPEN) {
        return change(session, by, "reopened", `the session was opened again by ${by}`, { state: to });
      }
      const closed = { state: to, closedAt: stampOf(deps.nowMs()), closedBy: by };
      return change(session, by, "closed", `the session was closed by ${by}`, closed);
    });
  return [
    unary(Collaboration.method.createSession, async ({ sessionId, userId, title, topic }, context) => {
      const id = sessionId || deps.newSessionId();
      const wanted = { id, title: titleIn(title), ...(topic === undefined ? {} : { topic: topicIn(topic) }) };
      const { session, isNew } = await rooms.create(wanted, actorOf(userId, context));
      if (isNew) return { session };
      throw new WatchpostError("ALREADY_EXISTS", `there is a session ${JSON.stringify(id)} already`);
    }),
    unary(Collaboration.method.updateSession, async ({ sessionId, userId, title, topic }, context) => {
      const session = await visible(sessionId, context);
      const by = actorOf(userId, context);
      if (title === undefined && topic === undefined) return { session };
      const called = title === undefined ? undefined : titleIn(title);
      const patch = {
        ...(called === undefined ? {} : { title: called }),
        ...(topic === undefined ? {} : { topic: topicIn(topic) }),
      };
      const what =
        called === undefined ? "the topic was changed" : `the session is called ${JSON.stringify(called)} now`;
      return change(session, by, "topic", `${what}, by ${by}`, patch);
    }),
    unary(Collaboration.method.getSession, async ({ sessionId }, context) => ({
      session: await visible(sessionId, context),
    })),
    unary(Collaboration.method.closeSession, (request, context) => setState(request, context, SessionState.CLOSED)),
    unary(Collaboration.method.reopenSession, (request, context) => setState(request, context, SessionState.OPEN)),
    unary(Collaboration.method.listSessions, (request, { principal }) =>
      listSessions(request, (session) => sees(principal, session), deps),
    ),
    unary(Collaboration.method.listMessages, async (request, context) => {
      const session = await visible(request.sessionId, context);
      return listMessages(request, session, deps.journal, deps.kept);
    }),
  ];
}

/** The session as it stands. Throws NOT_FOUND where there is none that whoever calls may see. */
export async function visibleSession(
  id: string,
  { principal }: CallContext,
  { rooms, sees }: Pick<SessionMethodsDeps, "rooms" | "sees">,
): Promise<Session> {
  const session = await rooms.session(id);
  if (sees(principal, session)) return session;
  throw new WatchpostError("NOT_FOUND", `there is no session ${JSON.stringify(id)}`);
}

async function listSessions(
  request: ListSessionsRequest,
  sees: (session: Session) => boolean,
  deps: SessionMethodsDeps,
) {
  const { states, alertId, incidentId, device, active } = request;
  const limit = limitIn(request.limit, SESSIONS_A_PAGE, SESSIONS_A_PAGE_MAX);
  for (const state of states) stateIn(state);
  const has = (list: readonly string[] = [], wanted: string) => wanted === "" || list.includes(wanted);
  const isWanted = (session: Session) => {
    const { topic, state, members } = session;
    const isAbout = has(topic?.alertIds, alertId) && has(topic?.incidentIds, incidentId) && has(topic?.devices, device);
    return (
      isAbout && (states.length === 0 || states.includes(state)) && (!active || members.length > 0) && sees(session)
    );
  };
  const found: Session[] = [];
  let bytes = 0;
  let after = request.page === "" ? undefined : placeOf(request.page);
  for (;;) {
    const query = { collection: SESSIONS, limit: DOCUMENTS_AT_ONCE, descending: true };
    const page = await deps.journal.documents(after === undefined ? query : { ...query, after });
    for (const document of page) {
      const session = standing(document, deps);
      if (session !== undefined && isWanted(session)) {
        bytes += toBinary(SessionSchema, session).length;
        const isFull = found.length === limit || (found.length > 0 && bytes > PAGE_BYTES_MAX);
        if (isFull) return { sessions: found, nextPage: pageOf(after!) };
        found.push(session);
      }
      after = { sort: document.sort, key: document.key };
    }
    if (page.length < DOCUMENTS_AT_ONCE) return { sessions: found, nextPage: "" };
  }
}

/** As it stands in its room, where there is one. What is damaged is left out. */
function standing(document: StoredDocument, { rooms, onTrouble }: SessionMethodsDeps): Session | undefined {
  const room = rooms.at(document.key);
  if (room?.isKept) return room.describe();
  try {
    return sessionOf(document);
  } catch {
    onTrouble(`session ${document.key} cannot be read`);
    return undefined;
  }
}

function stateIn(state: SessionState): void {
  if (STATES.includes(state)) return;
  throw invalidField("states", state, STATES.map((known) => `${known} (${SessionState[known]})`).join(", "));
}

function wrongState({ id, state }: Session, wanted: string): WatchpostError {
  const given = SessionState[state].toLowerCase();
  return new WatchpostError("FAILED_PRECONDITION", `session ${id} is ${given}; wanted one that is ${wanted}`);
}

function stampOf(ms: number) {
  return { $typeName: "google.protobuf.Timestamp" as const, ...timestampOfMs(ms) };
}
