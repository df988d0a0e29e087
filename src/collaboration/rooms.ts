/** All sessions: those that somebody is in, or that something is said in, are rooms; the others are documents. */
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { SessionState, type Encryption, type Session, type SessionTopic } from "../wire/gen/collaboration_pb.ts";
import type { Rows } from "./collaboration-journal.ts";
import type { KeptMessages } from "./kept-messages.ts";
import type { WrittenMember } from "./members.ts";
import { noSession } from "./seen/visibility.ts";
import { Room, TAIL_MAX, type RoomDeps } from "./room.ts";
import { refusalOf } from "./room-writer.ts";
import { Serial } from "../model/serial.ts";
import { membersIn, newSession, SESSION_MEMBERS, SESSIONS, sessionOf } from "./session-documents.ts";
import type { Draft, SessionMessage } from "./session-message.ts";
import type { SessionPost } from "./session-post.ts";
import { sessionIdIn } from "../model/texts.ts";

export interface RoomsDeps extends RoomDeps {
  readonly clock: Clock;
  readonly kept: KeptMessages;
}

const TICK_MS = 1_000;
const UNUSED_MS = 60_000;
/** At hand, some kilobytes each. */
const ROOMS_MAX = 20_000;
const PAGE = 500;

export class Rooms implements SessionPost {
  readonly #deps: RoomsDeps;
  readonly #rooms = new Map<string, Room>();
  readonly #opening = new Serial();
  #cancelTick: () => void = () => {};
  /** The server ends streams: their members come back. */
  #isStopping = false;

  private constructor(deps: RoomsDeps) {
    this.#deps = deps;
  }

  /** Brings back the rooms that somebody was in. */
  static async open(deps: RoomsDeps): Promise<Rooms> {
    const rooms = new Rooms(deps);
    const { journal } = deps;
    for (let after: { sort: number; key: string } | undefined; ;) {
      const page = await journal.documents({
        collection: SESSION_MEMBERS,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const { key, value } of page) {
        try {
          await rooms.#load(key, "", membersIn(value));
        } catch (error) {
          deps.onTrouble(`who was in session ${key} cannot be read: ${messageOf(error)}`);
        }
      }
      if (page.length < PAGE) break;
      after = page[page.length - 1];
    }
    rooms.#tickLater();
    return rooms;
  }

  /** Those at hand. */
  get all(): Iterable<Room> {
    return this.#rooms.values();
  }

  get streams(): number {
    let count = 0;
    for (const room of this.#rooms.values()) count += room.streams;
    return count;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  at(sessionId: string): Room | undefined {
    return this.#rooms.get(sessionId);
  }

  /** Makes the session where there is none, as `userId`. Throws INVALID_ARGUMENT for what no id is. */
  async room(sessionId: string, userId: string): Promise<Room> {
    const id = sessionIdIn(sessionId);
    if (this.#rooms.size >= ROOMS_MAX && !this.#rooms.has(id)) this.#makeRoom();
    const room = this.#rooms.get(id) ?? (await this.#opening.run(id, () => this.#load(id, userId, [])));
    room.use();
    return room;
  }

  /** The session as it stands, with who is here. Throws NOT_FOUND, and DATA_LOSS where it cannot be read. */
  async session(sessionId: string): Promise<Session> {
    const room = this.#rooms.get(sessionId);
    if (room !== undefined && room.isKept) return room.describe();
    const stored = await this.#stored(sessionId);
    if (stored === undefined) throw noSession(sessionId);
    return stored;
  }

  /** Without who is here; undefined where there is none. At once where it is at hand. Throws DATA_LOSS where it cannot be read. */
  find(sessionId: string): Session | undefined | Promise<Session | undefined> {
    const room = this.#rooms.get(sessionId);
    return room?.isKept ? room.kept : this.#stored(sessionId);
  }

  /** Ends the streams of those who do not see their session any more. */
  cutUnseen(): void {
    for (const room of this.#rooms.values()) room.cutUnseen();
  }

  /** Whether there is a session of that id, or somebody is about to open one. */
  async isTaken(sessionId: string): Promise<boolean> {
    return this.#rooms.has(sessionId) || (await this.#deps.journal.document(SESSIONS, sessionId)) !== undefined;
  }

  /** Whether there is a session of that id to which something may be added. */
  async isOpen(sessionId: string): Promise<boolean> {
    const session = await this.find(sessionId);
    return session !== undefined && refusalOf(session) === undefined;
  }

  async post(sessionId: string, draft: Draft, rows?: Rows): Promise<SessionMessage> {
    const room = await this.room(sessionId, draft.userId);
    return room.post({ draft, ...(rows === undefined ? {} : { rows }) });
  }

  /** Opens a session, or finds the one there is: `isNew` says which. As {@link post} where it is new. */
  async create(
    wanted: {
      readonly id: string;
      readonly title: string;
      readonly topic?: SessionTopic;
      readonly encryption?: Encryption;
    },
    userId: string,
    rows?: Rows,
  ): Promise<{ readonly session: Session; readonly isNew: boolean }> {
    const { id, title, topic, encryption } = wanted;
    const room = await this.room(id, userId);
    return this.#opening.run(`create ${id}`, async () => {
      if (room.isKept) return { session: room.describe(), isNew: false };
      const named = title === "" ? "" : `: ${title}`;
      const draft: Draft = {
        type: "system",
        userId,
        userName: "",
        text: `session ${id} was opened${named}`,
        metadata: { event: "created" },
      };
      const patch = { title, createdBy: userId, ...(topic && { topic }), ...(encryption && { encryption }) };
      await room.post({ draft, patch, ...(rows === undefined ? {} : { rows }) });
      return { session: room.describe(), isNew: true };
    });
  }

  /** Runs something with a session that is not at hand; nobody opens it meanwhile. False: it is at hand, and nothing was run. */
  async whileAway(sessionId: string, run: () => Promise<void>): Promise<boolean> {
    return this.#opening.run(sessionId, async () => {
      if (this.#rooms.has(sessionId)) return false;
      await run();
      return true;
    });
  }

  /** Streams that end from now on are those that the server ends. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Resolves when what was posted is settled. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#cancelTick();
    await Promise.all([...this.#rooms.values()].map((room) => room.idle()));
  }

  async #load(id: string, userId: string, wereHere: readonly WrittenMember[]): Promise<Room> {
    const known = this.#rooms.get(id);
    if (known !== undefined) return known;
    const { kept, clock } = this.#deps;
    const stored = await this.#stored(id);
    const session = stored ?? newSession(id, userId, clock.nowMs());
    const hasMessages = stored !== undefined && stored.state !== SessionState.IMPORTED;
    const query = { after: 0, limit: TAIL_MAX, descending: true };
    const { messages } = hasMessages ? await kept.read(session, query) : { messages: [] };
    const room = new Room(session, stored !== undefined, messages.toReversed(), wereHere, this.#deps);
    this.#rooms.set(id, room);
    return room;
  }

  async #stored(id: string): Promise<Session | undefined> {
    const document = await this.#deps.journal.document(SESSIONS, id);
    if (document === undefined) return undefined;
    try {
      return sessionOf(document);
    } catch (error) {
      throw new WatchpostError("DATA_LOSS", `session ${id} cannot be read: ${messageOf(error)}`);
    }
  }

  #putAway(unusedMs: number): void {
    for (const room of this.#rooms.values()) if (room.retireUnusedFor(unusedMs)) this.#rooms.delete(room.id);
  }

  /** Whoever sends to many sessions that nobody is in keeps none of them at hand. */
  #makeRoom(): void {
    this.#putAway(TICK_MS);
    if (this.#rooms.size < ROOMS_MAX) return;
    const message = `${this.#rooms.size} sessions are in use at this moment; at most ${ROOMS_MAX} may be`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: TICK_MS });
  }

  #tickLater(): void {
    this.#cancelTick = this.#deps.clock.after(TICK_MS, () => {
      for (const room of this.#rooms.values()) room.tick();
      this.#putAway(UNUSED_MS);
      this.#tickLater();
    });
  }
}
