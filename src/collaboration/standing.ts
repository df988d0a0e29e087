/** What a stream gets before what happens: how the session stood when it joined, or what it has missed. */
import type { Issue } from "../wire/gen/issues_pb.ts";
import { SESSION_EVENT, type CollaborationJournal } from "./collaboration-journal.ts";
import { encodeKept, encodeWire } from "./encoded-message.ts";
import { messageOfMember, type MemberStream } from "./members.ts";
import type { Standing } from "./room.ts";
import { messageOfEntry } from "./session-message.ts";

export interface StandingDeps {
  readonly journal: CollaborationJournal;
  /** Those of a session that are not closed, the newest first. */
  openIssues(sessionId: string): Promise<readonly Issue[]>;
}

const PAGE = 200;

/** How the session stood when the stream joined: from then on everything is in its outbox. */
export async function* snapshot(
  sessionId: string,
  stream: MemberStream,
  { tail, toldPosition, whoIsHere }: Standing,
  last: number,
  deps: StandingDeps,
): AsyncGenerator<Uint8Array, void> {
  const recent = tail.slice(Math.max(0, tail.length - last));
  yield whoIsHere;
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
  yield mark(sessionId, "snapshot_end", deps.journal.cursorOf(toldPosition), stream);
}

/** What was told after a cursor, up to when the stream joined. */
export async function* missed(
  sessionId: string,
  stream: MemberStream,
  { tail, toldPosition }: Standing,
  cursor: string,
  { journal }: StandingDeps,
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
  yield mark(sessionId, "resumed", journal.cursorOf(toldPosition), stream);
}

/** With the stream's name, and the member itself as the others see it. */
function mark(sessionId: string, event: string, cursor: string, { id, member }: MemberStream): Uint8Array {
  const metadata = { event, stream_id: id };
  return encodeWire({ messageType: "system", sessionId, metadata, cursor, members: [messageOfMember(member)] });
}
