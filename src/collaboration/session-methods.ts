/** Sessions as such: opened, described, listed, closed and opened again. */
import { WatchpostError } from "../model/errors.ts";
import {
  Collaboration,
  SessionState,
  type CloseSessionRequest,
  type ReopenSessionRequest,
  type Session,
} from "../wire/gen/collaboration_pb.ts";
import { unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import type { KeptMessages } from "./kept-messages.ts";
import { listMessages } from "./list-messages.ts";
import { listSessions } from "./list-sessions.ts";
import type { Rooms } from "./rooms.ts";
import { namesOfSession, seesAll } from "./seen/named.ts";
import { noSession, refuseUnseen, type Visibility } from "./seen/visibility.ts";
import { Serial } from "../model/serial.ts";
import { firstEncryption, rekeyed } from "./sealed-chat.ts";
import { titleIn, topicIn } from "./session-input.ts";
import type { Draft } from "./session-message.ts";
import { actorOf } from "../wire/actor.ts";

export interface SessionMethodsDeps {
  readonly rooms: Rooms;
  readonly journal: CollaborationJournal;
  readonly kept: KeptMessages;
  newSessionId(): string;
  readonly visibility: Visibility;
  nowMs(): number;
  onTrouble(sentence: string): void;
}

type State = SessionState.OPEN | SessionState.CLOSED;

export function sessionMethods(deps: SessionMethodsDeps): MethodImpl[] {
  const { rooms, visibility } = deps;
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
    unary(Collaboration.method.createSession, async ({ sessionId, userId, title, topic, keyCheck }, context) => {
      const encryption = firstEncryption(keyCheck, sessionId);
      const id = sessionId || deps.newSessionId();
      const about = topic === undefined ? {} : { topic: topicIn(topic) };
      const wanted = { id, title: titleIn(title), ...about, ...(encryption && { encryption }) };
      await refuseUnseen(namesOfSession(wanted), visibility.viewer(context.principal));
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
      await refuseUnseen(namesOfSession(patch), visibility.viewer(context.principal));
      const what =
        called === undefined ? "the topic was changed" : `the session is called ${JSON.stringify(called)} now`;
      return change(session, by, "topic", `${what}, by ${by}`, patch);
    }),
    unary(Collaboration.method.rekeySession, (request, context) =>
      changing.run(request.sessionId, async () => {
        const session = await visible(request.sessionId, context);
        const encryption = rekeyed(session, request);
        const by = actorOf(request.userId, context);
        const room = await rooms.room(session.id, by);
        const metadata = { event: "rekeyed", epoch: String(encryption.epoch) };
        const text = `the key was changed by ${by}: what is said from here on needs key ${encryption.epoch}`;
        const draft: Draft = { type: "system", userId: by, userName: "", text, metadata };
        await room.post({ draft, patch: { encryption } });
        return { session: room.describe() };
      }),
    ),
    unary(Collaboration.method.getSession, async ({ sessionId }, context) => ({
      session: await visible(sessionId, context),
    })),
    unary(Collaboration.method.closeSession, (request, context) => setState(request, context, SessionState.CLOSED)),
    unary(Collaboration.method.reopenSession, (request, context) => setState(request, context, SessionState.OPEN)),
    unary(Collaboration.method.listSessions, (request, { principal }) => {
      const { journal, onTrouble } = deps;
      const seesName = visibility.sees(principal.scope);
      const sees = (session: Session) => seesAll(namesOfSession(session), seesName);
      return listSessions(request, { rooms, journal, ...(!principal.scope.isEverything && { sees }), onTrouble });
    }),
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
  { rooms, visibility }: Pick<SessionMethodsDeps, "rooms" | "visibility">,
): Promise<Session> {
  const session = await rooms.session(id);
  if (await seesAll(namesOfSession(session), visibility.sees(principal.scope))) return session;
  throw noSession(id);
}

function wrongState({ id, state }: Session, wanted: string): WatchpostError {
  const given = SessionState[state].toLowerCase();
  return new WatchpostError("FAILED_PRECONDITION", `session ${id} is ${given}; wanted one that is ${wanted}`);
}

function stampOf(ms: number) {
  return { $typeName: "google.protobuf.Timestamp" as const, ...timestampOfMs(ms) };
}
