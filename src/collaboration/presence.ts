/**
 * Who is in a room, and of whom its members have been told: a snapshot names those, and of the others a message comes. So the
 * message that says who is here, large in large rooms, is the same for all who join at the time.
 */
import { encodeWire } from "./encoded-message.ts";
import { messageOfMember, presence, type Member, type WrittenMember } from "./members.ts";

/** Of whom members are to be told. */
export interface Comings {
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
}

const NOBODY: Comings = { joined: [], left: [] };

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

  /** Those are being told of from now on, until {@link told}. */
  take(): Comings {
    this.#telling = { joined: [...this.#joined.values()], left: [...this.#left.values()] };
    this.#joined.clear();
    this.#left.clear();
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

  /** Who is here for whoever was told, once the message of an event is: of those who joined it is told first. */
  written(event: "joined" | "left"): WrittenMember[] {
    const { joined, left } = this.#telling;
    const gone = new Set(event === "joined" ? [] : left.map(({ userId }) => userId));
    const here = [...[...this.#told.values()].filter(({ userId }) => !gone.has(userId)), ...joined];
    return here.map(({ userId, userName, joinedAtMs }) => ({ userId, userName, joinedAtMs }));
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
