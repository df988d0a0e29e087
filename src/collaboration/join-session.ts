/**
 * JoinSession and its browser pair: a member gets how the session stands, a mark, then everything as it happens, in the one
 * order there is. Whoever comes back with a cursor gets what it has missed instead.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { invalidField, messageOf, WatchpostError } from "../model/errors.ts";
import {
  CollaborationMessageSchema,
  SessionState,
  type CollaborationMessage,
  type LeaveSessionRequest,
  type Session,
  type SessionRequest,
} from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import type { CallContext, Principal } from "../wire/service.ts";
import type { Arrivals } from "./arrivals.ts";
import { confirmation } from "./confirmation.ts";
import type { MemberStream } from "./members.ts";
import type { RateLimits } from "./rate-limit.ts";
import { MemberFeed, type Beginning } from "./member-feed.ts";
import { namesOfIssue, namesOfSession, seesAll } from "./seen/named.ts";
import { noSession, type Visibility } from "./seen/visibility.ts";
import { missed, snapshot, type StandingDeps } from "./standing.ts";
import {
  checkedMessage,
  defectText,
  isDoneOnce,
  isPassing,
  overLimit,
  pass,
  receive,
  refusal,
  shownId,
  type Carriers,
  type CheckedMessage,
  type Sender,
} from "./received-message.ts";
import type { Room, Standing } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { SentMessages, SentOnce } from "./sent-once.ts";
import { wireOf, type SessionMessage } from "./session-message.ts";
import { nameIn } from "../model/texts.ts";

export interface JoinDeps extends StandingDeps {
  readonly rooms: Rooms;
  readonly sent: SentMessages;
  readonly carriers: Carriers;
  readonly arrivals: Arrivals;
  readonly messagesPerSecond: number;
  /** Of those who send without being there, by user. */
  readonly limits: RateLimits;
  readonly visibility: Visibility;
  monotonicMs(): number;
  /** Resolves once a call whose messages have ended would be known to be cancelled. */
  cancelled(signal: AbortSignal): Promise<void>;
  onTrouble(sentence: string): void;
  onRefused(status: string): void;
}

interface Joining {
  readonly sessionId: string;
  readonly userId: string;
  readonly userName: string;
  readonly cursor: string;
  readonly last: number;
  /** Id of a stream that this one takes the place of; "": none. */
  readonly insteadOf: string;
}

const LOBBY = "lobby";
const LAST_DEFAULT = 50;
const LAST_MAX = 1_000;
/** Types of a first message that is nothing but the join. */
const ONLY_JOINS = new Set(["join", "system", "heartbeat"]);

/** What the member is told, for as long as its stream goes on. */
export function joinSession(
  received: AsyncIterable<Uint8Array>,
  context: CallContext,
  deps: JoinDeps,
): AsyncIterable<Uint8Array> {
  return new MemberFeed(joined(received[Symbol.asyncIterator](), context, deps));
}

export function watchSession(request: SessionRequest, context: CallContext, deps: JoinDeps): AsyncIterable<Uint8Array> {
  return new MemberFeed(watched(request, context, deps));
}

async function* joined(input: AsyncIterator<Uint8Array>, context: CallContext, deps: JoinDeps): Beginning {
  const { message, joining, entered } = await arrived(input, context, deps);
  const { room, stream } = entered;
  const take = async () => {
    if (!onlyJoins(message)) await taken(message, room, stream, context, deps);
    for (let next = await input.next(); !next.done; next = await input.next()) {
      if (stream.heardMs !== null) stream.heardMs = deps.monotonicMs();
      try {
        await taken(decoded(next.value), room, stream, context, deps);
      } catch (error) {
        room.answer(stream, refusal(error, room.id, ""));
      }
    }
    // A call that is cancelled ends its messages first, then itself. What the server has ended, its client has not.
    await deps.cancelled(context.signal);
    stream.isLeaving = !context.signal.aborted && !deps.rooms.isStopping;
  };
  const end = () => stream.outbox.end();
  take().then(end, end);
  return yield* begin(entered, joining, context, deps);
}

async function arrived(input: AsyncIterator<Uint8Array>, context: CallContext, deps: JoinDeps) {
  using _arriving = deps.arrivals.arrive();
  const first = await deps.arrivals.first(input);
  if (first === undefined) {
    const wanted = "a first message with user_id, and session_id unless it is for the lobby";
    throw new WatchpostError("INVALID_ARGUMENT", `the stream ended before it had joined; wanted ${wanted}`);
  }
  const message = decoded(first);
  const joining = joiningOf(message, context);
  return { message, joining, entered: await enter(joining, context, deps) };
}

async function* watched(request: SessionRequest, context: CallContext, deps: JoinDeps): Beginning {
  const { sessionId, cursor, last = LAST_DEFAULT } = request;
  const { insteadOf } = request;
  const joining = checked({ ...request, sessionId: sessionId || LOBBY, cursor, last, insteadOf }, context.principal);
  return yield* begin(await arrivedAt(joining, context, deps), joining, context, deps);
}

async function arrivedAt(joining: Joining, context: CallContext, deps: JoinDeps): Promise<Entered> {
  using _arriving = deps.arrivals.arrive();
  return await enter(joining, context, deps);
}

/** SendMessage: of one who need not be here. Throws what is refused. */
export async function sendMessage(message: CollaborationMessage, context: CallContext, deps: JoinDeps) {
  const { sessionId, userId, userName } = joiningOf(message, context);
  // Nobody else's business, and of no use later.
  const { stream_id: streamId = "", ...metadata } = message.metadata;
  const checked = checkedMessage({ ...message, metadata }, userId);
  // Of one who is not there, in all sessions.
  const limit = deps.rooms.at(sessionId)?.memberOf(userId)?.limit ?? deps.limits.of(userId);
  const waitMs = limit.take(deps.monotonicMs());
  if (waitMs > 0) throw overLimit(waitMs, deps.messagesPerSecond);
  const room = isPassing(checked) ? deps.rooms.at(sessionId) : await deps.rooms.room(sessionId, userId);
  // Nobody is there to be told.
  if (room === undefined) return {};
  await checkSees(room, context, deps);
  const member = room.memberOf(userId);
  const stream = room.streamOf(streamId);
  const sender = {
    userId,
    userName: userName || (member?.userName ?? ""),
    ...(member === undefined ? {} : { member }),
    // Nobody is spared what another one has sent.
    ...(stream?.member.userId === userId ? { stream } : {}),
  };
  if (isPassing(checked)) {
    pass(checked, room, sender);
    return {};
  }
  const done = await sentOnce(checked, room, sender, context, deps);
  if (done.isRepeated) {
    const { number } = done;
    const kept = await deps.sent.message(room, number);
    const known = { sessionId, userId, number: BigInt(number) };
    return { message: kept === undefined ? known : wireIn(kept, deps), repeated: true };
  }
  return { message: wireIn(done.message, deps) };
}

/** LeaveSession: what half-closing is to JoinSession. Throws NOT_FOUND where whoever calls has no such stream. */
export function leaveSession(
  { sessionId, userId, streamId }: LeaveSessionRequest,
  context: CallContext,
  deps: JoinDeps,
) {
  const joining = checked(
    { sessionId: sessionId || LOBBY, userId, userName: "", cursor: "", last: 0, insteadOf: "" },
    context.principal,
  );
  const stream = deps.rooms.at(joining.sessionId)?.streamOf(streamId);
  if (stream?.member.userId !== joining.userId) {
    const message = `${JSON.stringify(joining.userId)} has no stream ${JSON.stringify(streamId)} in session ${joining.sessionId}`;
    throw new WatchpostError("NOT_FOUND", message);
  }
  stream!.isLeaving = true;
  stream!.outbox.end();
  return {};
}

function wireIn(kept: SessionMessage, { journal }: JoinDeps): CollaborationMessage {
  return wireOf(kept, journal.cursorOf(kept.position));
}

/** Kept once, however often it is sent. */
function sentOnce(
  checked: CheckedMessage,
  room: Room,
  sender: Sender,
  context: CallContext,
  { sent, carriers }: JoinDeps,
): Promise<SentOnce> {
  const send = (onDone: () => void) => receive(checked, room, sender, context, carriers, onDone);
  return sent.once(room, sender.userId, checked.clientMessageId, isDoneOnce(checked), send);
}

async function enter(joining: Joining, context: CallContext, deps: JoinDeps): Promise<Entered> {
  if (joining.cursor !== "") deps.journal.positionOf(joining.cursor);
  const { sessionId, userId, userName, insteadOf } = joining;
  const room = await deps.rooms.room(sessionId, userId);
  await checkSees(room, context, deps);
  if (room.kept.state === SessionState.IMPORTED) {
    throw new WatchpostError("FAILED_PRECONDITION", `session ${room.id} was imported: nobody is in it; replay it`);
  }
  const { scope, isAuthenticated } = context.principal;
  const joiner = {
    userId,
    userName,
    cut: (error: WatchpostError) => context.cut?.(error),
    ...(scope.isEverything ? {} : { sees: deps.visibility.sees(scope) }),
    // Nobody whose name is proven becomes somebody else.
    before: isAuthenticated ? undefined : room.streamOf(insteadOf),
  };
  return { room, ...room.join(joiner) };
}

/** Throws NOT_FOUND where whoever calls does not see it at this moment, or reads only and there is none. */
async function checkSees(room: Room, { principal }: CallContext, { visibility }: JoinDeps): Promise<void> {
  if (principal.role === "viewer" && !room.isKept && room.id !== LOBBY) throw noSession(room.id);
  const sees = visibility.sees(principal.scope);
  let topic: Session["topic"];
  do {
    ({ topic } = room.kept);
    if (!(await seesAll(namesOfSession({ topic }), sees))) throw noSession(room.id);
  } while (topic !== room.kept.topic);
}

function onlyJoins({ messageType, message, sealed }: CollaborationMessage): boolean {
  if (sealed !== undefined) return false;
  return messageType === "" ? message.trim() === "" : ONLY_JOINS.has(messageType);
}

/** One message of a stream: kept, passed on, or refused to its sender alone. */
async function taken(
  message: CollaborationMessage,
  room: Room,
  stream: MemberStream,
  context: CallContext,
  deps: JoinDeps,
): Promise<void> {
  const { member } = stream;
  // Who does not see the session any more adds nothing to it.
  if (stream.sees !== undefined && stream.outbox.hasFailed) return;
  const { userId, userName, limit } = member;
  if (message.messageType === "heartbeat") {
    stream.heardMs = deps.monotonicMs();
    return;
  }
  try {
    const waitMs = limit.take(deps.monotonicMs());
    if (waitMs > 0) throw overLimit(waitMs, deps.messagesPerSecond);
    const checked = checkedMessage(message, userId);
    const sender = { userId, userName, member, stream };
    if (isPassing(checked)) return pass(checked, room, sender);
    const done = await sentOnce(checked, room, sender, context, deps);
    if (done.isRepeated) {
      const kept = { sessionId: room.id, number: done.number };
      room.answer(stream, confirmation(kept, checked.clientMessageId, ""));
    }
  } catch (error) {
    const defect = defectText(error);
    if (defect !== undefined) deps.onTrouble(`a message in session ${room.id} failed on a defect: ${defect}`);
    deps.onRefused(error instanceof WatchpostError ? error.status : "INTERNAL");
    room.answer(stream, refusal(error, room.id, shownId(message)));
  }
}

interface Entered {
  readonly room: Room;
  readonly stream: MemberStream;
  readonly standing: Standing;
}

async function* begin(
  { room, stream, standing }: Entered,
  { cursor, last }: Joining,
  { signal, principal }: CallContext,
  deps: JoinDeps,
): Beginning {
  const { outbox } = stream;
  signal.addEventListener("abort", () => outbox.end(), { once: true });
  if (signal.aborted) outbox.end();
  let isBegun = false;
  try {
    const sees = deps.visibility.sees(principal.scope);
    const seesIssue = (issue: Issue) => seesAll(namesOfIssue(issue), sees);
    yield* cursor === ""
      ? snapshot(room.kept, stream, standing, last, { ...deps, seesIssue })
      : missed(room.kept, stream, standing, cursor, deps);
    isBegun = true;
  } finally {
    if (!isBegun) outbox.end();
  }
  return outbox;
}

function joiningOf({ userId, userName, sessionId, metadata }: CollaborationMessage, context: CallContext): Joining {
  const named = sessionId || metadata["session_id"] || context.headers.get("session-id") || LOBBY;
  const last = metadata["last"] ?? String(LAST_DEFAULT);
  if (!/^\d{1,4}$/.test(last)) throw invalidField('metadata["last"]', last, `0 to ${LAST_MAX}`);
  const joining = {
    sessionId: named,
    userId,
    userName: metadata["user_name"] || userName,
    cursor: metadata["cursor"] ?? "",
    last: Number(last),
    insteadOf: metadata["instead_of"] ?? "",
  };
  return checked(joining, context.principal);
}

function checked({ sessionId, userId, userName, cursor, last, insteadOf }: Joining, principal: Principal): Joining {
  if (last < 0 || last > LAST_MAX) throw invalidField("last", last, `0 to ${LAST_MAX}`);
  const [named, shown] = [nameIn(userId, "user_id"), nameIn(userName, "user_name")];
  // Nobody whose name is proven is shown under another one.
  const who = principal.isAuthenticated ? { userId: principal.name, userName: "" } : { userId: named, userName: shown };
  if (who.userId.trim() === "") throw invalidField("user_id", userId, "who joins");
  return { sessionId, ...who, cursor, last, insteadOf };
}

/** Throws INVALID_ARGUMENT for what is no message, such as text that is not UTF-8. */
function decoded(bytes: Uint8Array): CollaborationMessage {
  try {
    return fromBinary(CollaborationMessageSchema, bytes);
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `this is no valid CollaborationMessage: ${messageOf(error)}`);
  }
}
