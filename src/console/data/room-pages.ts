/** The list of sessions as it is read: its first page again and again, earlier ones once. Pure. */
import type { Session } from "../../wire/gen/collaboration_pb.ts";

export interface RoomList {
  readonly sessions: readonly Session[];
  /** Where those before them are; "": there are none. */
  readonly nextPage: string;
  /** Earlier ones were asked for: it goes on behind them, and what leaves the first page stays. */
  readonly goesOn: boolean;
  readonly isKnown: boolean;
  /** "": it could be read. */
  readonly failure: string;
}

export interface RoomPage {
  readonly sessions: readonly Session[];
  readonly nextPage: string;
}

export const NO_ROOMS: RoomList = { sessions: [], nextPage: "", goesOn: false, isKnown: false, failure: "" };

export function withFirstPage(list: RoomList, { sessions, nextPage }: RoomPage): RoomList {
  const read = list.goesOn ? { sessions: merged(list.sessions, sessions) } : { sessions, nextPage };
  return { ...list, ...read, isKnown: true, failure: "" };
}

export function withEarlierPage(list: RoomList, { sessions, nextPage }: RoomPage): RoomList {
  return { ...list, sessions: merged(list.sessions, sessions), nextPage };
}

/** Each once, as it was read last. */
function merged(before: readonly Session[], after: readonly Session[]): readonly Session[] {
  return [...new Map([...before, ...after].map((session) => [session.id, session])).values()];
}
