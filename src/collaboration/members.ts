/** Who is in a session. A user is one member, over however many streams, until all of them have ended. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { WatchpostError } from "../model/errors.ts";
import type { MemberSchema } from "../wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { Outbox } from "./outbox.ts";
import type { SeesName } from "./seen/named.ts";
import type { RateLimit } from "../model/rate-limit.ts";

const PRESENT_NAMES_MAX = 10;

export interface MemberStream {
  readonly id: string;
  readonly member: Member;
  /** When it ends the stream has left. */
  readonly outbox: Outbox;
  /** Ends its call: of a reader that reads nothing the outbox would never be asked. */
  readonly cut: (error: WatchpostError) => void;
  /** What whoever reads it sees, the same for all of a scope; left out: everything. */
  readonly sees?: SeesName;
  /** Its client said that it leaves; a connection that was lost may come back. */
  isLeaving: boolean;
  /** Monotonic, of what was sent to it last. */
  sentMs: number;
  /** Monotonic, of what was heard of it last; null while it has not sent a heartbeat, and none is demanded. */
  heardMs: number | null;
}

export interface Member {
  readonly userId: string;
  userName: string;
  readonly joinedAtMs: number;
  readonly streams: Set<MemberStream>;
  readonly limit: RateLimit;
  /** Metadata of the last message of type cursor. */
  lookingAt: Readonly<Record<string, string>>;
  /** Who it is now, under another name. */
  became?: Member;
  /** Monotonic: when one that lost its connection counts as gone; Infinity while it has a stream. */
  goneAtMs: number;
}

/** As it is written down: who was here when the server ended is waited for when it is back. */
export interface WrittenMember {
  readonly userId: string;
  readonly userName: string;
  readonly joinedAtMs: number;
}

export type MemberMessage = MessageInitShape<typeof MemberSchema>;

export function messageOfMember({ userId, userName, joinedAtMs, streams, lookingAt }: Member): MemberMessage {
  return {
    userId,
    userName,
    joinedAt: timestampOfMs(joinedAtMs),
    streams: streams.size,
    lookingAt: { ...lookingAt },
  };
}

export function displayName({ userId, userName }: Pick<Member, "userId" | "userName">): string {
  return userName || userId;
}

/** One that goes on as another one: its streams have ended. */
export interface Renamed {
  readonly from: Member;
  readonly to: Member;
}

/** "anna is here", "3 are here: anna, ben, carl". */
export function presence(members: readonly Pick<Member, "userId" | "userName">[]): string {
  if (members.length === 0) return "nobody else is here";
  const shown = members.slice(0, PRESENT_NAMES_MAX).map(displayName).join(", ");
  if (members.length === 1) return `${shown} is here`;
  const more = members.length - PRESENT_NAMES_MAX;
  return `${members.length} are here: ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

/** "anna joined", "anna and ben joined", "anna, ben and 3 others joined". */
export function announcement(
  members: readonly Pick<Member, "userId" | "userName">[],
  event: "joined" | "left",
): string {
  const names = members.map(displayName);
  if (names.length === 1) return `${names[0]} ${event}`;
  if (names.length === 2) return `${names[0]} and ${names[1]} ${event}`;
  const others = names.length - 2;
  return `${names[0]}, ${names[1]} and ${others} ${others === 1 ? "other" : "others"} ${event}`;
}
