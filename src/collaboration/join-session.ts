/**
 * JoinSession and its browser pair: a member gets how the session stands, a mark, then everything as it happens, in the one
 * order there is. Whoever comes back with a cursor gets what it has missed instead.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { invalidField, messageOf, WatchpostError } from "../model/errors.ts";
import {
  SessionState,
  type CollaborationMessage,
  type Session,
  type SessionRequest,
} from "../wire/gen/collaboration_pb.ts";
import { CollaborationMessageSchema } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import type { CallContext, Principal } from "../wire/service.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { SESSION_EVENT, type CollaborationJournal } from "./collaboration-journal.ts";
import { encodeKept, encodeWire } from "./encoded-message.ts";
import { displayName, type MemberMessage, type MemberStream } from "./members.ts";
import type { RateLimits } from "./rate-limit.ts";
import { clientMessageIdIn, defectText, overLimit, receive, refusal, type Carriers } from "./received-message.ts";
import { confirmation, type Room, type Standing } from "./room.ts";
import type { Rooms } from "./rooms.ts";
import type { SentMessages } from "./sent-once.ts";
import { messageOfEntry } from "./session-message.ts";
import { nameIn } from "./texts.ts";

export interface JoinDeps {
  readonly rooms: Rooms;
  readonly sent: SentMessages;
  readonly journal: CollaborationJournal;
  readonly carriers: Carriers;
  readonly streamsMax: number;
  readonly messagesPerSecond: number;
  /** Of those who send without being here. */
  readonly limits: RateLimits;
  /** Those of a session that are not closed, the newest first. */
  openIssues(sessionId: string): Promise<readonly Issue[]>;
  /** Whether a principal may read a session. */
  sees(principal: Principal, session: Session): boolean;
  nowMs(): number;
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
}

const LOBBY = "lobby";
const LAST_DEFAULT = 50;
const LAST_MAX = 1_000;
const PAGE = 200;
/** Types of a first message that is nothing but the join. */
const ONLY_JOINS = new Set(["", "join", "system", "heartbeat"]);

export async function* joinSession(
  received: AsyncIterable<Uint8Array>,
  context: CallContext,
  deps: JoinDeps,
): AsyncGenerator<Uint8Array, void> {
  const input = received[Symbol.asyncIterator]();
  const first = await input.next();
  if (first.done) {
    const wanted = "a first message with user_id, and session_id unless it is for the lobby";
    throw new WatchpostError("INVALID_ARGUMENT", `the stream ended before it had joined; wanted ${wanted}`);
  }
  const message = decoded(first.value);
  const joining = joiningOf(message, context);
  const { room, ...joined } = await enter(joining, context, deps);
  const { stream } = joined;
  let isInOrder = false;
  const take = async () => {
    if (!ONLY_JOINS.has(message.messageType)) await taken(message, room, stream, context, deps);
    for (let next = await input.next(); !next.done; next = await input.next()) {
      stream.heardMs = stream.heardMs === null ? null : deps.monotonicMs();
      try {
        await taken(decoded(next.value), room, stream, context, deps);
      } catch (error) {
        room.answer(stream, refusal(error, room.id, ""));
      }
    }
    // A call that is cancelled ends its messages first, then itself. What the server has ended, its client has not.
    await deps.cancelled(context.signal);
    isInOrder = !context.signal.aborted && !deps.rooms.isStopping;
    stream.outbox.end();
  };
  take().catch(() => stream.outbox.end());
  yield* told(room, joined, joining, context, deps, () => isInOrder);
}

export async function* watchSession(
  request: SessionRequest,
  context: CallContext,
  deps: JoinDeps,
): AsyncGenerator<Uint8Array, void> {
  const { sessionId, cursor, last = LAST_DEFAULT } = request;
  const joining = checked({ ...request, sessionId: sessionId || LOBBY, cursor, last }, context.principal);
  const { room, ...joined } = await enter(joining, context, deps);
  yield* told(room, joined, joining, context, deps, () => false);
}

/** SendMessage: of one who need not be here. Throws what is refused. */
export async function sendMessage(message: CollaborationMessage, context: CallContext, deps: JoinDeps) {
  const { sessionId, userId, userName } = joiningOf(message, context);
  const room = await deps.rooms.room(sessionId, userId);
  checkSees(room, context, deps);
  const member = room.memberOf(userId);
  const stream = room.streamOf(message.metadata["stream_id"] ?? "");
  const waitMs = (member?.limit ?? deps.limits.of(userId)).take(deps.monotonicMs());
  if (waitMs > 0) throw overLimit(waitMs, deps.messagesPerSecond);
  const sender = {
    userId,
    userName: userName || (member?.userName ?? ""),
    ...(member === undefined ? {} : { member }),
    // Nobody is spared what another one has sent.
    ...(stream?.member.userId === userId ? { stream } : {}),
  };
  const done = await deps.sent.once(room, userId, clientMessageIdIn(message), () =>
    receive(message, room, sender, context, deps.carriers),
  );
  const kept = done.isRepeated ? await deps.sent.message(room.id, done.number) : done.message;
  if (kept === undefined) return { repeated: done.isRepeated };
  const encoded = encodeKept(kept, deps.journal.cursorOf(kept.position));
  return { message: fromBinary(CollaborationMessageSchema, encoded.live), repeated: done.isRepeated };
}

async function enter(joining: Joining, context: CallContext, deps: JoinDeps) {
  if (joining.cursor !== "") deps.journal.positionOf(joining.cursor);
  const { sessionId, userId, userName } = joining;
  if (deps.rooms.streams >= deps.streamsMax) {
    const message = `${deps.rooms.streams} streams are in sessions; at most ${deps.streamsMax} may be`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: 5_000 });
  }
  const room = await deps.rooms.room(sessionId, userId);
  checkSees(room, context, deps);
  if (room.session.state === SessionState.IMPORTED) {
    throw new WatchpostError("FAILED_PRECONDITION", `session ${room.id} was imported: nobody is in it; replay it`);
  }
  return { room, ...room.join(userId, userName) };
}

function checkSees(room: Room, { principal }: CallContext, deps: JoinDeps): void {
  if (deps.sees(principal, room.session)) return;
  throw new WatchpostError("NOT_FOUND", `there is no session ${JSON.stringify(room.id)}`);
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
  if (message.messageType === "heartbeat") {
    stream.heardMs = deps.monotonicMs();
    return;
  }
  let clientMessageId = "";
  try {
    clientMessageId = clientMessageIdIn(message);
    const waitMs = member.limit.take(deps.monotonicMs());
    if (waitMs > 0) throw overLimit(waitMs, deps.messagesPerSecond);
    const { userId, userName } = member;
    const done = await deps.sent.once(room, userId, clientMessageId, () =>
      receive(message, room, { userId, userName, member, stream }, context, deps.carriers),
    );
    if (done.isRepeated) room.answer(stream, confirmation(room.id, clientMessageId, done.number, ""));
  } catch (error) {
    const defect = defectText(error);
    if (defect !== undefined) deps.onTrouble(`a message in session ${room.id} failed on a defect: ${defect}`);
    deps.onRefused(error instanceof WatchpostError ? error.status : "INTERNAL");
    room.answer(stream, refusal(error, room.id, clientMessageId));
  }
}

interface Joined {
  readonly stream: MemberStream;
  readonly standing: Standing;
}

async function* told(
  room: Room,
  { stream, standing }: Joined,
  { cursor, last }: Joining,
  { signal }: CallContext,
  deps: JoinDeps,
  isInOrder: () => boolean,
): AsyncGenerator<Uint8Array, void> {
  const { outbox } = stream;
  const end = () => outbox.end();
  signal.addEventListener("abort", end);
  try {
    if (signal.aborted) return;
    yield* cursor === ""
      ? snapshot(room.id, stream, standing, last, deps)
      : missed(room.id, stream, standing, cursor, deps);
    yield* outbox;
  } finally {
    signal.removeEventListener("abort", end);
    outbox.end();
    room.leave(stream, isInOrder());
  }
}

/** How the session stood when the stream joined: from then on everything is in its outbox. */
async function* snapshot(
  sessionId: string,
  stream: MemberStream,
  { tail, toldPosition, members }: Standing,
  last: number,
  deps: JoinDeps,
): AsyncGenerator<Uint8Array, void> {
  const recent = tail.slice(Math.max(0, tail.length - last));
  yield encodeWire({
    messageType: "system",
    message: hereText(members),
    timestamp: timestampOfMs(deps.nowMs()),
    metadata: { event: "snapshot", stream_id: stream.id },
    sessionId,
    members: [...members],
  });
  if (recent.length < last && recent.length > 0 && recent[0].number > 1) {
    const query = { after: 0, before: recent[0].position, limit: last - recent.length, descending: true };
    const earlier = await deps.journal.read({ ...query, subject: sessionId, kind: SESSION_EVENT });
    for (const entry of earlier.toReversed()) yield encodeKept(messageOfEntry(entry), "").plain;
  }
  for (const { plain } of recent) yield plain;
  for (const issue of await deps.openIssues(sessionId)) {
    const metadata = { event: "open" };
    yield encodeWire({ messageType: "issue", message: issue.title, metadata, sessionId, issue });
  }
  yield mark(sessionId, "snapshot_end", deps.journal.cursorOf(toldPosition));
}

/** What was told after a cursor, up to when the stream joined. */
async function* missed(
  sessionId: string,
  stream: MemberStream,
  { tail, toldPosition }: Standing,
  cursor: string,
  { journal }: JoinDeps,
): AsyncGenerator<Uint8Array, void> {
  let position = journal.positionOf(cursor);
  const begin = tail[0]?.position ?? Infinity;
  // All of what is in the tail follows without a gap.
  while (position < begin - 1 && tail.length > 0 && tail[0].number > 1 && !stream.outbox.isEnded) {
    const query = { after: position, before: begin, limit: PAGE, subject: sessionId, kind: SESSION_EVENT };
    const page = await journal.read(query);
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const entry of page) yield encodeKept(messageOfEntry(entry), journal.cursorOf(entry.position)).live;
    if (page.length < PAGE) break;
    position = page[page.length - 1].position;
  }
  for (const { position: at, live } of tail) if (at > position) yield live;
  yield mark(sessionId, "resumed", journal.cursorOf(toldPosition), stream.id);
}

function mark(sessionId: string, event: string, cursor: string, streamId = ""): Uint8Array {
  const metadata = { event, ...(streamId === "" ? {} : { stream_id: streamId }) };
  return encodeWire({ messageType: "system", sessionId, metadata, cursor });
}

function hereText(members: readonly MemberMessage[]): string {
  const names = members.map(({ userId = "", userName = "" }) => displayName({ userId, userName }));
  const shown = names.slice(0, 10).join(", ");
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  return names.length === 1 ? `${shown} is here` : `${names.length} are here: ${shown}${more}`;
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
  };
  return checked(joining, context.principal);
}

function checked({ sessionId, userId, userName, cursor, last }: Joining, principal: Principal): Joining {
  if (last < 0 || last > LAST_MAX) throw invalidField("last", last, `0 to ${LAST_MAX}`);
  // A proven name is who it is; what is claimed is display.
  const who = principal.isAuthenticated ? principal.name : nameIn(userId, "user_id");
  if (who.trim() === "") throw invalidField("user_id", userId, "who joins");
  const shown = nameIn(userName, "user_name") || (principal.isAuthenticated ? nameIn(userId, "user_id") : "");
  return { sessionId, userId: who, userName: shown, cursor, last };
}

/** Throws INVALID_ARGUMENT for what is no message, such as text that is not UTF-8. */
function decoded(bytes: Uint8Array): CollaborationMessage {
  try {
    return fromBinary(CollaborationMessageSchema, bytes);
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", `this is no valid CollaborationMessage: ${messageOf(error)}`);
  }
}
