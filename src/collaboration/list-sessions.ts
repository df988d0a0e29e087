/**
 * ListSessions: the newest first. Those that somebody is in are rooms at hand, those about something are found by documents
 * that name them; others are read from the newest on, and a call that has looked through many ends its page early.
 */
import { toBinary } from "@bufbuild/protobuf";
import { invalidField } from "../model/errors.ts";
import type { StoredDocument } from "../model/journal.ts";
import {
  SessionSchema,
  SessionState,
  type ListSessionsRequest,
  type ListSessionsResponse,
  type Session,
} from "../wire/gen/collaboration_pb.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import { isLater, limitIn, PAGE_BYTES_MAX, pageOf, placeOf, type Place } from "./pages.ts";
import type { Rooms } from "./rooms.ts";
import type { Answer } from "./seen/named.ts";
import { createdAtMs, sessionOf, SESSIONS, sessionsAbout } from "./session-documents.ts";
import { nameIn } from "../model/texts.ts";

export interface ListSessionsDeps {
  readonly rooms: Pick<Rooms, "at" | "all">;
  readonly journal: Pick<CollaborationJournal, "documents" | "document">;
  /** Whoever asks; all others are as if they were not there. Left out: all are seen. */
  sees?: ((session: Session) => Answer) | undefined;
  onTrouble(sentence: string): void;
}

const STATES: readonly SessionState[] = [SessionState.OPEN, SessionState.CLOSED, SessionState.IMPORTED];
const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
/** A page ends after so many, whatever was among them: a quarter of a second. */
const LOOKED_MAX = 2_000;
/** As many as are parsed in some ten milliseconds. */
const DOCUMENTS_AT_ONCE = 100;
const READS_AT_ONCE = 20;

export async function listSessions(
  request: ListSessionsRequest,
  deps: ListSessionsDeps,
): Promise<Pick<ListSessionsResponse, "sessions" | "nextPage">> {
  const limit = limitIn(request.limit, LIMIT_DEFAULT, LIMIT_MAX);
  const isWanted = filterOf(request);
  const sessions: Session[] = [];
  const after = request.page === "" ? undefined : placeOf(request.page);
  let last: Place | undefined;
  let lastLooked: Place | undefined;
  let [bytes, looked] = [0, 0];
  for await (const documents of candidates(request, after, limit, deps)) {
    for (const document of documents) {
      if (looked++ >= LOOKED_MAX) {
        if (deps.sees === undefined) return { sessions, nextPage: pageOf(lastLooked!) };
        // The place behind all of one time names none of those that are not seen.
        const { sort }: Place = lastLooked!;
        if (document.sort !== sort) return { sessions, nextPage: pageOf({ sort, key: "" }) };
      }
      lastLooked = { sort: document.sort, key: document.key };
      const room = deps.rooms.at(document.key);
      const kept = room?.isKept ? room.kept : sessionIn(document, deps);
      if (kept !== undefined && isWanted(kept) && ((await deps.sees?.(kept)) ?? true)) {
        const session = room?.isKept ? room.describe() : kept;
        bytes += toBinary(SessionSchema, session).length;
        const isFull = sessions.length === limit || (sessions.length > 0 && bytes > PAGE_BYTES_MAX);
        if (isFull) return { sessions, nextPage: pageOf(last!) };
        sessions.push(session);
        last = lastLooked;
      }
    }
  }
  return { sessions, nextPage: "" };
}

/** Throws INVALID_ARGUMENT for what cannot be met. */
function filterOf({ states, alertId, incidentId, device }: ListSessionsRequest): (session: Session) => boolean {
  for (const state of states) stateIn(state);
  nameIn(alertId, "alert_id");
  nameIn(incidentId, "incident_id");
  nameIn(device, "device");
  const has = (list: readonly string[] = [], wanted: string) => wanted === "" || list.includes(wanted);
  return ({ topic, state }) =>
    has(topic?.alertIds, alertId) &&
    has(topic?.incidentIds, incidentId) &&
    has(topic?.devices, device) &&
    (states.length === 0 || states.includes(state));
}

/** All that may be wanted behind a place, and others. Those of rooms need no value. */
async function* candidates(
  { active, alertId, incidentId, device }: ListSessionsRequest,
  after: Place | undefined,
  limit: number,
  { rooms, journal }: ListSessionsDeps,
): AsyncGenerator<readonly (Place & Partial<StoredDocument>)[], void> {
  if (active) return yield activeOnes(rooms, after);
  const [about] = [
    ...(alertId === "" ? [] : [sessionsAbout("alert", alertId)]),
    ...(incidentId === "" ? [] : [sessionsAbout("incident", incidentId)]),
    ...(device === "" ? [] : [sessionsAbout("device", device)]),
  ];
  const collection = about ?? SESSIONS;
  const atOnce = Math.min(limit + 1, about === undefined ? DOCUMENTS_AT_ONCE : READS_AT_ONCE);
  for (let place = after; ;) {
    const query = { collection, limit: atOnce, descending: true };
    const page = await journal.documents(place === undefined ? query : { ...query, after: place });
    yield about === undefined ? page : await Promise.all(page.map(named));
    if (page.length < atOnce) return;
    place = page.at(-1);
  }

  async function named({ sort, key }: Place) {
    return { ...(rooms.at(key)?.isKept ? {} : await journal.document(SESSIONS, key)), sort, key };
  }
}

function activeOnes(rooms: ListSessionsDeps["rooms"], after: Place | undefined): Place[] {
  const places: Place[] = [];
  for (const room of rooms.all) {
    if (!room.isKept || room.members.length === 0) continue;
    const place = { sort: createdAtMs(room.kept), key: room.id };
    if (after === undefined || isLater(after, place)) places.push(place);
  }
  return places.sort((a, b) => (isLater(a, b) ? -1 : 1));
}

/** What is damaged, or went meanwhile, is left out. */
function sessionIn({ key, value }: Place & Partial<StoredDocument>, deps: ListSessionsDeps): Session | undefined {
  if (value === undefined) return undefined;
  try {
    return sessionOf({ value });
  } catch {
    deps.onTrouble(`session ${key} cannot be read`);
    return undefined;
  }
}

function stateIn(state: SessionState): void {
  if (STATES.includes(state)) return;
  throw invalidField("states", state, STATES.map((known) => `${known} (${SessionState[known]})`).join(", "));
}
