/** One session as its members have it: who is here, what was said last, and everything to everybody in one order. */
import { create } from "@bufbuild/protobuf";
import type { Clock } from "../model/clock.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { MemberSchema, type Session } from "../wire/gen/collaboration_pb.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import { confirmation } from "./confirmation.ts";
import { encodeKept, encodeWire, type EncodedMessage } from "./encoded-message.ts";
import {
  announcement,
  displayName,
  messageOfMember,
  type Member,
  type MemberStream,
  type Renamed,
  type WrittenMember,
} from "./members.ts";
import { Outbox } from "./outbox.ts";
import { Presence, type Comings } from "./presence.ts";
import { namesOfSession, seesAll, type Answer, type SeesName } from "./seen/named.ts";
import { noSession } from "./seen/visibility.ts";
import type { RateLimits } from "./rate-limit.ts";
import { refusalOf, RoomWriter, type Posted } from "./room-writer.ts";
import { documentOfMembers } from "./session-documents.ts";
import type { Draft, SessionMessage } from "./session-message.ts";

export interface RoomDeps {
  readonly journal: CollaborationJournal;
  readonly clock: Clock;
  readonly newStreamId: () => string;
  /** Of members: whoever comes back has not got more. */
  readonly limits: RateLimits;
  onTrouble(sentence: string): void;
  onJoined(): void;
  /** A reader was disconnected because it fell behind. */
  onBehind(): void;
  /** A session is there, or about something else now. */
  onTopic(): void;
}

/** Whoever joins. */
export interface Joiner extends Partial<Pick<MemberStream, "cut" | "sees">> {
  readonly userId: string;
  /** "": as before. */
  readonly userName: string;
  /** Of whoever joins, under another name, which ends. */
  readonly before?: MemberStream | undefined;
}

/** A room at one moment. */
export interface Standing {
  /** The message that tells who is here; those that join after come with their own. */
  readonly whoIsHere: Uint8Array;
  /** The last messages, ascending: all there are behind the first one. */
  readonly tail: readonly EncodedMessage[];
  /** All messages up to here have been told. */
  readonly toldPosition: number;
}

/** Messages at hand for snapshots and for those who come back. */
export const TAIL_MAX = 100;
const TAIL_BYTES_MAX = 512 * 1024;
const LEFT_AFTER_MS = 15_000;
const HEARTBEAT_AFTER_MS = 30_000;
const HEARD_WITHIN_MS = 90_000;
/** In larger rooms those who come and go are told of once a second: each message goes to everybody. */
const AT_ONCE_MEMBERS_MAX = 20;

/** Of a message of some length. */
const MESSAGE_CHARS = 64 * 1024;

/** The same for all, made when the first is due: a server that starts reads no descriptors. */
let heartbeat: Uint8Array | undefined;

export class Room {
  readonly id: string;
  readonly #deps: RoomDeps;
  #isKept: boolean;
  readonly #writer: RoomWriter;
  readonly #presence: Presence;
  readonly #streams = new Set<MemberStream>();
  #tail: EncodedMessage[];
  #tailBytes = 0;
  /** Of what members have been told. */
  #toldPosition: number;
  #topic: Session["topic"];
  #isAnnouncing = false;
  #isRetired = false;
  /** Monotonic. */
  #usedMs: number;

  /**
   * `isKept`: it is written down; `tail`: the last messages, ascending, {@link TAIL_MAX} unless there are no more; `wereHere`:
   * who was, when the server ended.
   */
  constructor(
    session: Session,
    isKept: boolean,
    tail: readonly SessionMessage[],
    wereHere: readonly WrittenMember[],
    deps: RoomDeps,
  ) {
    const { journal, clock } = deps;
    this.id = session.id;
    this.#isKept = isKept;
    this.#deps = deps;
    this.#usedMs = clock.monotonicMs();
    this.#toldPosition = journal.lastPosition;
    this.#topic = session.topic;
    this.#tail = [];
    for (const message of tail) this.#remember(this.#encode(message));
    const newMember = (written: WrittenMember, goneAtMs: number): Member => {
      const limit = deps.limits.of(`${session.id}\n${written.userId}`);
      return { ...written, streams: new Set(), limit, lookingAt: {}, goneAtMs };
    };
    this.#presence = new Presence(session.id, newMember);
    for (const written of wereHere) this.#presence.restore(written, this.#usedMs + LEFT_AFTER_MS);
    this.#writer = new RoomWriter(session, journal, clock, (...written) => this.#tell(...written));
  }

  /** As it is kept, without who is here. */
  get kept(): Session {
    return this.#writer.session;
  }

  /** With who is here: as much work as there are members. */
  describe(): Session {
    return {
      ...this.#writer.session,
      members: this.members.map((member) => create(MemberSchema, messageOfMember(member))),
    };
  }

  /** Something was said in it. */
  get isKept(): boolean {
    return this.#isKept;
  }

  get members(): readonly Member[] {
    return this.#presence.members;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Where nobody is here and nothing is under way since `ms`, it takes nothing more: another one takes its place. */
  retireUnusedFor(ms: number): boolean {
    const isUsed = this.#presence.count > 0 || this.#presence.isTelling || !this.#writer.isIdle;
    this.#isRetired = !isUsed && this.#deps.clock.monotonicMs() - this.#usedMs >= ms;
    return this.#isRetired;
  }

  /** Somebody is about to do something here. */
  use(): void {
    this.#usedMs = this.#deps.clock.monotonicMs();
  }

  /** Throws as {@link post} would where it takes nothing at this moment. */
  checkTakes(): void {
    this.#checkInUse();
    const trouble = refusalOf(this.#writer.session);
    if (trouble !== undefined) throw trouble;
    this.#writer.checkRoom(MESSAGE_CHARS);
  }

  /** As {@link RoomWriter.post}. */
  async post(posted: Posted): Promise<SessionMessage> {
    this.#checkInUse();
    this.#usedMs = this.#deps.clock.monotonicMs();
    return this.#writer.post(posted);
  }

  memberOf(userId: string): Member | undefined {
    return this.#presence.member(userId);
  }

  /** From now on everything that is told goes to its outbox; what was told before is in how the room stands. */
  join(joiner: Joiner): { readonly stream: MemberStream; readonly standing: Standing } {
    this.#checkInUse();
    const { userId, userName, before, cut = () => {}, sees } = joiner;
    const nowMs = this.#deps.clock.monotonicMs();
    const member = this.memberOf(userId) ?? this.#presence.enter(userId, userName, this.#deps.clock.nowMs());
    if (userName !== "") member.userName = userName;
    const outbox = new Outbox((error) => this.#leave(stream, error));
    const id = this.#deps.newStreamId();
    const state = { isLeaving: false, sentMs: nowMs, heardMs: null };
    const stream: MemberStream = { id, member, outbox, cut, ...state, ...(sees && { sees }) };
    member.streams.add(stream);
    member.goneAtMs = Infinity;
    this.#streams.add(stream);
    this.#presence.changed(member);
    if (before !== undefined && before.member !== member) this.#replace(before, member);
    this.#announceSoon();
    this.#deps.onJoined();
    const whoIsHere = this.#presence.whoIsHere();
    return { stream, standing: { whoIsHere, tail: [...this.#tail], toldPosition: this.#toldPosition } };
  }

  streamOf(id: string): MemberStream | undefined {
    return [...this.#streams].find((stream) => stream.id === id);
  }

  /** What a member looks at, for those who join later. */
  look(member: Member, lookingAt: Readonly<Record<string, string>>): void {
    member.lookingAt = lookingAt;
    this.#presence.changed(member);
  }

  /** Tells whoever is here, and forgets it. */
  pass(bytes: Uint8Array, except?: MemberStream): void {
    for (const stream of this.#streams) if (stream !== except) stream.outbox.pushPassing(bytes);
  }

  /** To one stream alone, in order with everything else. */
  answer(stream: MemberStream, bytes: Uint8Array): void {
    this.#push(stream, bytes);
  }

  /** Ends the streams of those who do not see it any more; of some that is found out later. */
  cutUnseen(): void {
    const answers = new Map<SeesName, Answer>();
    for (const stream of this.#streams) {
      const { sees } = stream;
      if (sees === undefined) continue;
      const isSeen = answers.get(sees) ?? seesAll(namesOfSession(this.kept), sees);
      answers.set(sees, isSeen);
      if (isSeen === false) this.#cut(stream, noSession(this.id));
      else if (isSeen !== true) {
        isSeen.then(
          (is) => is || this.#cut(stream, noSession(this.id)),
          (error) => this.#cut(stream, new WatchpostError("UNAVAILABLE", messageOf(error))),
        );
      }
    }
  }

  /** Heartbeats, streams that are not heard of, and members who do not come back; about once a second. */
  tick(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const stream of this.#streams) {
      if (stream.heardMs !== null && nowMs - stream.heardMs >= HEARD_WITHIN_MS) {
        const message = `nothing was heard of this stream for ${HEARD_WITHIN_MS / 1_000} s, though it had sent a heartbeat`;
        stream.outbox.fail(new WatchpostError("UNAVAILABLE", message));
      } else if (nowMs - stream.sentMs >= HEARTBEAT_AFTER_MS) {
        heartbeat ??= encodeWire({ messageType: "heartbeat" });
        this.#push(stream, heartbeat);
      }
    }
    for (const member of this.members) if (nowMs >= member.goneAtMs) this.#presence.remove(member);
    this.#announce();
  }

  /** Resolves when what was posted is settled. */
  idle(): Promise<void> {
    return this.#writer.idle();
  }

  #replace(before: MemberStream, { userId }: Member): void {
    const from = before.member;
    from.became = this.memberOf(userId)!;
    before.isLeaving = true;
    before.outbox.end();
    // Another one of the same name, or another tab, stays.
    if (this.memberOf(from.userId) === from) delete from.became;
  }

  #leave(stream: MemberStream, error: WatchpostError | undefined): void {
    const { member } = stream;
    if (error !== undefined) stream.cut(error);
    if (!this.#streams.delete(stream)) return;
    this.#usedMs = this.#deps.clock.monotonicMs();
    member.streams.delete(stream);
    this.#presence.changed(member);
    if (member.streams.size > 0) return;
    if (stream.isLeaving) this.#presence.remove(member);
    else member.goneAtMs = this.#usedMs + LEFT_AFTER_MS;
    this.#announceSoon();
  }

  #checkInUse(): void {
    if (this.#isRetired)
      throw new WatchpostError("UNAVAILABLE", `session ${this.id} was put away meanwhile; try again`);
  }

  #announceSoon(): void {
    if (this.#presence.count <= AT_ONCE_MEMBERS_MAX) queueMicrotask(() => this.#announce());
  }

  #announce(): void {
    if (this.#isAnnouncing || !this.#presence.isTelling) return;
    this.#isAnnouncing = true;
    this.#tellComings(this.#presence.take()).then((isDone) => {
      this.#isAnnouncing = false;
      // What has failed is tried again with the next tick.
      if (isDone) this.#announceSoon();
    });
  }

  /** Resolves with whether all of it is told. */
  async #tellComings({ joined, renamed, left }: Comings): Promise<boolean> {
    const tell = (members: readonly Member[], event: "joined" | "left") =>
      members.length === 0 ||
      this.#tellComing(event, comingDraft(members, event), (isDone) => this.#presence.told(members, event, isDone));
    const isTold = await Promise.all([
      tell(joined, "joined"),
      renamed === undefined ||
        this.#tellComing("renamed", renamedDraft(renamed), (isDone) => this.#presence.toldRenamed(renamed, isDone)),
      tell(left, "left"),
    ]);
    return isTold.every(Boolean);
  }

  async #tellComing(event: keyof Comings, draft: Draft, onTold: (isDone: boolean) => void): Promise<boolean> {
    const told = () => onTold(true);
    const changes = () => [documentOfMembers(this.id, this.#presence.written(event))];
    try {
      if (refusalOf(this.#writer.session) === undefined) await this.#writer.post({ draft, changes, told });
      else {
        // Nobody is told of who reads in a session that nothing is added to.
        await this.#deps.journal.append([], changes());
        told();
      }
      return true;
    } catch {
      onTold(false);
      return false;
    }
  }

  #tell(message: SessionMessage, { from, clientMessageId, told }: Posted): void {
    told?.();
    const encoded = this.#encode(message);
    this.#remember(encoded);
    this.#toldPosition = message.position;
    const { topic } = this.kept;
    if (topic !== this.#topic || !this.#isKept) {
      this.#topic = topic;
      this.#isKept = true;
      this.#deps.onTopic();
      this.cutUnseen();
    }
    const nowMs = this.#deps.clock.monotonicMs();
    for (const stream of this.#streams) if (stream !== from) this.#push(stream, encoded.live, nowMs);
    if (from === undefined || clientMessageId === undefined) return;
    this.#push(from, confirmation(message, clientMessageId, this.#deps.journal.cursorOf(message.position)));
  }

  #cut(stream: MemberStream, error: WatchpostError): void {
    if (!this.#streams.has(stream)) return;
    stream.isLeaving = error.status === "NOT_FOUND";
    stream.outbox.fail(error);
  }

  #push(stream: MemberStream, bytes: Uint8Array, nowMs = this.#deps.clock.monotonicMs()): void {
    stream.sentMs = nowMs;
    if (!stream.outbox.push(bytes)) this.#deps.onBehind();
  }

  #encode(message: SessionMessage): EncodedMessage {
    return encodeKept(message, this.#deps.journal.cursorOf(message.position));
  }

  #remember(encoded: EncodedMessage): void {
    this.#tail.push(encoded);
    this.#tailBytes += encoded.live.length;
    while (this.#tail.length > TAIL_MAX || (this.#tailBytes > TAIL_BYTES_MAX && this.#tail.length > 1)) {
      this.#tailBytes -= this.#tail.shift()!.live.length;
    }
  }
}

function comingDraft(members: readonly Member[], event: "joined" | "left"): Draft {
  const { userId, userName } = members.length === 1 ? members[0] : { userId: "", userName: "" };
  const text = announcement(members, event);
  return { type: "system", userId, userName, text, metadata: { event }, members: members.map(messageOfMember) };
}

function renamedDraft({ from, to }: Renamed): Draft {
  const { userId, userName } = to;
  const text = `${displayName(from)} is now ${displayName(to)}`;
  const metadata = { event: "renamed", was: from.userId };
  return { type: "system", userId, userName, text, metadata, members: [messageOfMember(to)] };
}
