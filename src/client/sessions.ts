/** Sessions: lists of them, what one is and what was said in it, and messages without joining. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Collaboration,
  type CollaborationMessage,
  type CreateSessionRequestSchema,
  type ListSessionsRequestSchema,
  type RekeySessionRequestSchema,
  type SendMessageResponse,
  type Session,
} from "../wire/gen/collaboration_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";
import type { MessageDraft } from "./join-session.ts";

export type SessionsWanted = MessageInitShape<typeof ListSessionsRequestSchema>;

const PAGE_MAX = 1_000;

/** Page after page, the newest first: all of them, or the first `limitMax`. Throws the server's status, as all of these do. */
export async function* allSessions(
  connection: Connection,
  wanted: SessionsWanted,
  { limitMax = Infinity, ...options }: AskOptions & { readonly limitMax?: number } = {},
): AsyncGenerator<Session, void> {
  let left = limitMax;
  for (let page = ""; left > 0;) {
    const request = { ...wanted, page, limit: Math.min(left, PAGE_MAX) };
    const { sessions, nextPage } = await ask(connection, Collaboration.method.listSessions, request, options);
    yield* sessions;
    if (nextPage === "") return;
    left -= sessions.length;
    page = nextPage;
  }
}

/** With the members it has at this moment. Throws NOT_FOUND where there is none of that id. */
export async function getSession(
  connection: Connection,
  sessionId: string,
  options: AskOptions = {},
): Promise<Session> {
  return (await ask(connection, Collaboration.method.getSession, { sessionId }, options)).session!;
}

/** Its last `last` messages, ascending. */
export async function lastMessages(
  connection: Connection,
  sessionId: string,
  last: number,
  options: AskOptions = {},
): Promise<CollaborationMessage[]> {
  const messages: CollaborationMessage[] = [];
  for (let before = ""; messages.length < last;) {
    const limit = Math.min(last - messages.length, PAGE_MAX);
    const page = await ask(connection, Collaboration.method.listMessages, { sessionId, before, limit }, options);
    messages.unshift(...page.messages);
    if (!page.more || page.messages.length === 0) break;
    before = page.messages[0].cursor;
  }
  return messages;
}

/** Throws ALREADY_EXISTS where there is one of that id. */
export async function createSession(
  connection: Connection,
  request: MessageInitShape<typeof CreateSessionRequestSchema>,
  options: AskOptions = {},
): Promise<Session> {
  return (await ask(connection, Collaboration.method.createSession, request, options)).session!;
}

/** From then on what is said has to be sealed with the new key. Throws FAILED_PRECONDITION where another one was made meanwhile. */
export async function rekeySession(
  connection: Connection,
  request: MessageInitShape<typeof RekeySessionRequestSchema>,
  options: AskOptions = {},
): Promise<Session> {
  return (await ask(connection, Collaboration.method.rekeySession, request, options)).session!;
}

/** Nothing is added to it any more. `userId` "": whoever calls. */
export async function closeSession(
  connection: Connection,
  request: { readonly sessionId: string; readonly userId: string },
  options: AskOptions = {},
): Promise<Session> {
  return (await ask(connection, Collaboration.method.closeSession, request, options)).session!;
}

export async function reopenSession(
  connection: Connection,
  request: { readonly sessionId: string; readonly userId: string },
  options: AskOptions = {},
): Promise<Session> {
  return (await ask(connection, Collaboration.method.reopenSession, request, options)).session!;
}

/**
 * Sends a message without joining. `clientMessageId`: to be given again where the answer to it was lost, so that it is kept
 * once; "": it has none.
 */
export function sendMessage(
  connection: Connection,
  {
    sessionId,
    userId,
    clientMessageId,
    draft,
  }: {
    readonly sessionId: string;
    readonly userId: string;
    readonly clientMessageId: string;
    readonly draft: MessageDraft;
  },
  options: AskOptions = {},
): Promise<SendMessageResponse> {
  const metadata = {
    ...draft.metadata,
    ...(clientMessageId === "" ? {} : { client_message_id: clientMessageId }),
  };
  return ask(connection, Collaboration.method.sendMessage, { ...draft, sessionId, userId, metadata }, options);
}
