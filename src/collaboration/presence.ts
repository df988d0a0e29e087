/**
 * Who is in a room, and of whom its members have been told: a snapshot names those, and of the others a message comes. So the
 * message that says who is here, large in large rooms, is the same for all who join at the time.
 */
import { encodeWire } from "./encoded-message.ts";
import { messageOfMember, presence, type Member, type Renamed, type WrittenMember } from "./members.ts";

/** Of whom members are to be told. */
export interface Comings {
  readonly joined: readonly Member[];
  /** In neither of the others. */
  readonly renamed: Renamed | undefined;
  readonly left: readonly Member[];
}

const NOBODY: Comings = { joined: [], renamed: undefined, left: [] };

export class Presence {
  readonly #sessionId: string;
  readonly #newMember: (written: WrittenMember, goneAtMs: number) => Member;
  readonly #members = new Map<string, Member>();
  readonly #told = new Map<string, Member>();
  #whoIsHere: Uint8Array | null = null;
  /** By user. */
  readonly #joined = new Map<string, Member>();
  readonly #left = new Map<string, Member>();
  /** What is being told of just now. */
  #telling: Comings = NOBODY;

  constructor(sessionId: string, newMember: (written: WrittenMember, goneAtMs: number) => Member) {
    this.#sessionId = sessionId;
    this.#newMember = newMember;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get count(): number {
    return this.#members.size;
  }

  /** Somebody is to be told of. */
  get isTelling(): boolean {
    return this.#joined.size + this.#left.size > 0;
  }

  member(userId: string): Member | undefined {
    return this.#members.get(userId);
  }

  /** One who was here when the server ended. */
  restore(written: WrittenMember, goneAtMs: number): void {
    const member = this.#newMember(written, goneAtMs);
    this.#members.set(member.userId, member);
    this.#told.set(member.userId, member);
  }

  enter(userId: string, userName: string, nowMs: number): Member {
    const member = this.#newMember({ userId, userName, joinedAtMs: nowMs }, Infinity);
    this.#members.set(userId, member);
    this.#hasJoined(member);
    return member;
  }

  remove(member: Member): void {
    this.#members.delete(member.userId);
    this.#hasLeft(member);
  }

  /** A member is to be shown in another way. */
  changed({ userId }: Member): void {
    if (this.#told.has(userId)) this.#whoIsHere = null;
  }

  /** The message that says so. */
  whoIsHere(): Uint8Array {
    const members = [...this.#told.keys()].map((userId) => this.#members.get(userId) ?? this.#told.get(userId)!);
    return (this.#whoIsHere ??= encodeWire({
      messageType: "system",
      message: presence(members),
      metadata: { event: "snapshot" },
      sessionId: this.#sessionId,
      members: members.map(messageOfMember),
    }));
  }

  /** Those are being told of from now on, until {@link told} and {@link toldRenamed}. Of several that are renamed one at a time. */
  take(): Comings {
    const [renamed, ...later] = this.#renamed();
    const isLater = (member: Member) => later.some(({ from, to }) => member === from || member === to);
    const isNow = (member: Member) => !isLater(member) && member !== renamed?.from && member !== renamed?.to;
    const [joined, left] = [this.#joined, this.#left].map((all) => [...all.values()]);
    this.#telling = { joined: joined.filter(isNow), renamed, left: left.filter(isNow) };
    for (const member of joined) if (!isLater(member)) this.#joined.delete(member.userId);
    for (const member of left) if (!isLater(member)) this.#left.delete(member.userId);
    return this.#telling;
  }

  /** Members have been told of these, or could not be. */
  told(members: readonly Member[], event: "joined" | "left", isDone: boolean): void {
    this.#telling = { ...this.#telling, [event]: [] };
    this.#whoIsHere = null;
    for (const member of members) {
      if (!isDone && event === "joined") this.#hasJoined(member);
      else if (!isDone) this.#hasLeft(member);
      else if (event === "joined") this.#told.set(member.userId, member);
      else this.#told.delete(member.userId);
    }
  }

  /** As {@link told}. */
  toldRenamed({ from, to }: Renamed, isDone: boolean): void {
    this.#telling = { ...this.#telling, renamed: undefined };
    this.#whoIsHere = null;
    if (isDone) {
      this.#told.delete(from.userId);
      this.#told.set(to.userId, to);
      return;
    }
    this.#hasLeft(from);
    if (!this.#told.has(to.userId)) this.#hasJoined(to);
  }

  /** Who is here for whoever was told, once the message of an event is: they are told in the order of {@link Comings}. */
  written(event: keyof Comings): WrittenMember[] {
    const { joined, renamed, left } = this.#telling;
    const { from, to } = (event !== "joined" && renamed) || {};
    const gone = new Set([...(event === "left" ? left : []), ...(from ? [from] : [])].map(({ userId }) => userId));
    const told = [...this.#told.values()].filter(({ userId }) => !gone.has(userId) && userId !== to?.userId);
    const here = [...told, ...joined, ...(to ? [to] : [])];
    return here.map(({ userId, userName, joinedAtMs }) => ({ userId, userName, joinedAtMs }));
  }

  /** Who has left as one that is here, and whom members know or are to be told of. */
  #renamed(): Renamed[] {
    return [...this.#left.values()].flatMap((from) => {
      const to = from.became;
      if (to === undefined || this.member(to.userId) !== to) return [];
      return this.#joined.get(to.userId) === to || this.#told.has(to.userId) ? [{ from, to }] : [];
    });
  }

  /** Whoever left and came back before anybody was told is here as before. */
  #hasJoined(member: Member): void {
    if (!this.#left.delete(member.userId)) this.#joined.set(member.userId, member);
  }

  /** Whoever came and went before anybody was told was not here. */
  #hasLeft(member: Member): void {
    if (!this.#joined.delete(member.userId)) this.#left.set(member.userId, member);
  }
}
