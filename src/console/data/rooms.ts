/** Sessions as a list, read again for as long as it is shown. */
import { Code, ConnectError } from "@connectrpc/connect";
import { signal } from "@preact/signals";
import {
  Collaboration,
  SessionState,
  type CollaborationMessage,
  type Session,
} from "../../wire/gen/collaboration_pb.ts";
import { alertsApi, collaborationApi } from "../api.ts";
import { failureText } from "../errors.ts";
import { msOf } from "../format.ts";
import { poll } from "./poll.ts";
import { NO_ROOMS, withEarlierPage, withFirstPage } from "./room-pages.ts";
import { isSaid, titleOf } from "./said.ts";
import { may } from "../who.ts";

const READ_EVERY_MS = 8_000;
const SESSIONS_AT_ONCE = 200;
/** Of so many the last words are looked for, in so many messages each: people come and go by messages, too. */
const [WORDS_OF_MAX, WORDS_IN] = [40, 12];

export const roomList = signal(NO_ROOMS);

/** What somebody said last, by session. */
export const lastWords = signal<ReadonlyMap<string, CollaborationMessage>>(new Map());

/** Returns what stops it. */
export function followRooms(): () => void {
  const over = new AbortController();
  poll({
    ask: readRooms,
    onAnswer: () => {},
    onFailure: (error) => (roomList.value = { ...roomList.peek(), failure: failureText(error) }),
    ...{ everyMs: READ_EVERY_MS, signal: over.signal, page: document },
  });
  return () => over.abort();
}

/** Earlier ones, which are not read again. */
export async function readEarlierRooms(): Promise<void> {
  // What leaves the first page while they are read is in neither of the two.
  roomList.value = { ...roomList.peek(), goesOn: true };
  const { nextPage: page } = roomList.peek();
  const answer = await collaborationApi.listSessions({ limit: SESSIONS_AT_ONCE, page });
  if (roomList.peek().nextPage === page) roomList.value = withEarlierPage(roomList.peek(), answer);
}

async function readRooms(signal: AbortSignal): Promise<void> {
  const answer = await collaborationApi.listSessions({ limit: SESSIONS_AT_ONCE }, { signal });
  roomList.value = withFirstPage(roomList.peek(), answer);
  const latest = roomList
    .peek()
    .sessions.toSorted((a, b) => (msOf(b.lastActivityAt) ?? 0) - (msOf(a.lastActivityAt) ?? 0));
  await readLastWords(latest.slice(0, WORDS_OF_MAX), signal);
}

const readAt = new Map<string, bigint>();

async function readLastWords(sessions: readonly Session[], signal: AbortSignal): Promise<void> {
  const changed = sessions.filter(({ id, messages }) => readAt.get(id) !== messages);
  const found = new Map(lastWords.peek());
  const readOne = async ({ id, messages }: Session) => {
    const page = await collaborationApi.listMessages({ sessionId: id, limit: WORDS_IN }, { signal });
    const last = page.messages.findLast(isSaid);
    if (last !== undefined) found.set(id, last);
    readAt.set(id, messages);
  };
  await Promise.all(changed.map(readOne));
  if (changed.length > 0) lastWords.value = found;
}

/** The open session about an alert, which is made where there is none. Returns its id. */
export async function roomOfAlert(alertId: string, userId: string): Promise<string> {
  const states = [SessionState.OPEN];
  const about = await collaborationApi.listSessions({ states, alertId, limit: 1 });
  if (about.sessions.length > 0) return about.sessions[0].id;
  const { alert } = await alertsApi.getAlertHistory({ id: alertId });
  const { incidentId = "", title = "", context = {} } = alert ?? {};
  if (incidentId !== "") {
    const ofIncident = await collaborationApi.listSessions({ states, incidentId, limit: 1 });
    if (ofIncident.sessions.length > 0) return ofIncident.sessions[0].id;
  }
  if (!may(Collaboration.method.createSession)) throw new Error("Nobody has opened one about it yet.");
  const { device = "", metric = "" } = context;
  const topic = {
    alertIds: [alertId],
    devices: device === "" ? [] : [device],
    metrics: metric === "" ? [] : [metric],
  };
  const wanted = { userId, title: titleOf(title), topic };
  // Of two who open it at once one finds what the other has made.
  const sessionId = `alert-${alertId.slice(0, ALERT_ID_SHOWN)}`;
  try {
    await collaborationApi.createSession({ ...wanted, sessionId });
    return sessionId;
  } catch (error) {
    if (ConnectError.from(error).code !== Code.AlreadyExists) throw error;
  }
  const { session: before } = await collaborationApi.getSession({ sessionId });
  if (before?.state === SessionState.OPEN) return sessionId;
  const { session } = await collaborationApi.createSession(wanted);
  return session!.id;
}

const ALERT_ID_SHOWN = 13;
