/** ListMessages: what was said in a session, from the last message back. */
import { toBinary } from "@bufbuild/protobuf";
import {
  CollaborationMessageSchema,
  type CollaborationMessage,
  type ListMessagesRequest,
  type ListMessagesResponse,
  type Session,
} from "../wire/gen/collaboration_pb.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import type { KeptMessages } from "./kept-messages.ts";
import { wireOf } from "./session-message.ts";
import { limitIn, PAGE_BYTES_MAX } from "./pages.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
/** One may be 64 KiB of text, and as much of an issue. */
const READ_AT_ONCE = 50;

export async function listMessages(
  request: ListMessagesRequest,
  session: Session,
  journal: Pick<CollaborationJournal, "cursorOf" | "positionOf">,
  kept: KeptMessages,
): Promise<Pick<ListMessagesResponse, "messages" | "more">> {
  const limit = limitIn(request.limit, LIMIT_DEFAULT, LIMIT_MAX);
  const messages: CollaborationMessage[] = [];
  let bytes = 0;
  let before = request.before === "" ? undefined : journal.positionOf(request.before, "before");
  for (;;) {
    const query = { after: 0, limit: Math.min(limit + 1, READ_AT_ONCE), descending: true };
    const page = await kept.read(session, before === undefined ? query : { ...query, before });
    for (const message of page.messages) {
      const wire = wireOf(message, journal.cursorOf(message.position));
      bytes += toBinary(CollaborationMessageSchema, wire).length;
      const isFull = messages.length === limit || (messages.length > 0 && bytes > PAGE_BYTES_MAX);
      if (isFull) return { messages: messages.reverse(), more: true };
      messages.push(wire);
    }
    if (page.isLast) return { messages: messages.reverse(), more: false };
    before = page.through;
  }
}
