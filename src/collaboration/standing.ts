/** What a stream gets before what happens: how the session stood when it joined, or what it has missed. */
import type { Session } from "../wire/gen/collaboration_pb.ts";
import type { Issue } from "../wire/gen/issues_pb.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import { encodeKept, encodeWire } from "./encoded-message.ts";
import { messageOfMember, type MemberStream } from "./members.ts";
import type { Standing } from "./room.ts";
import type { KeptMessages } from "./kept-messages.ts";
import type { Answer } from "./seen/named.ts";

export interface StandingDeps {
  readonly journal: CollaborationJournal;
  readonly kept: KeptMessages;
  /** Those of a session that are not closed, the newest first. */
  openIssues(sessionId: string): Promise<readonly Issue[]>;
}

export interface SnapshotDeps extends StandingDeps {
  /** Whoever joins. */
  seesIssue(issue: Issue): Answer;
}

const PAGE = 200;

/** How the session stood when the stream joined: from then on everything is in its outbox. */
export async function* snapshot(
  session: Session,
  stream: MemberStream,
  { tail, toldPosition, whoIsHere }: Standing,
  last: number,
  deps: SnapshotDeps,
): AsyncGenerator<Uint8Array, void> {
  const recent = tail.slice(Math.max(0, tail.length - last));
  yield whoIsHere;
  if (recent.length < last && recent.length > 0 && recent[0].number > 1) {
    const query = { after: 0, before: recent[0].position, limit: last - recent.length, descending: true };
    const { messages } = await deps.kept.read(session, query);
    for (const message of messages.toReversed()) yield encodeKept(message, "").plain;
  }
  for (const { plain } of recent) yield plain;
  for (const issue of await deps.openIssues(session.id)) {
    if (!(await deps.seesIssue(issue))) continue;
    const metadata = { event: "open" };
    yield encodeWire({ messageType: "issue", message: issue.title, metadata, sessionId: session.id, issue });
  }
  yield mark(session, "snapshot_end", deps.journal.cursorOf(toldPosition), stream);
}

/** What was told after a cursor, up to when the stream joined. */
export async function* missed(
  session: Session,
  stream: MemberStream,
  { tail, toldPosition }: Standing,
  cursor: string,
  { journal, kept }: StandingDeps,
): AsyncGenerator<Uint8Array, void> {
  let position = journal.positionOf(cursor);
  const begin = tail[0]?.position ?? Infinity;
  // All of what is in the tail follows without a gap.
  while (position < begin - 1 && tail.length > 0 && tail[0].number > 1) {
    const page = await kept.read(session, { after: position, before: begin, limit: PAGE });
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const message of page.messages) yield encodeKept(message, journal.cursorOf(message.position)).live;
    // It comes back behind the last of these.
    if (stream.outbox.hasFailed) return;
    if (page.isLast) break;
    position = page.through;
  }
  for (const { position: at, live } of tail) if (at > position) yield live;
  yield mark(session, "resumed", journal.cursorOf(toldPosition), stream);
}

/** With the stream's name, the number of the key where the session is encrypted, and the member itself as the others see it. */
function mark(
  { id: sessionId, encryption }: Session,
  event: string,
  cursor: string,
  { id, member }: MemberStream,
): Uint8Array {
  const metadata = { event, stream_id: id, ...(encryption && { key: String(encryption.epoch) }) };
  return encodeWire({ messageType: "system", sessionId, metadata, cursor, members: [messageOfMember(member)] });
}
