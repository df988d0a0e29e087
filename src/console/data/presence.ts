/** The session one is in, also while one looks at other parts of the console. */
import { effect, signal } from "@preact/signals";
import { lookingAt } from "../looking-at.ts";
import { route } from "../route.ts";
import { user } from "../user.ts";
import { tellingOf } from "./present.ts";
import { Room } from "./room.ts";

export const GUEST = "guest";
const TOLD_EVERY_MS = 1_000;

/** Undefined: in none. */
export const present = signal<Room>();

/** Leaves the one before. */
export function enterRoom(id: string): Room {
  const userId = user.peek() || GUEST;
  const before = present.peek();
  if (before?.id === id && before.userId === userId) return before;
  before?.leave();
  return (present.value = new Room(id, userId));
}

export function leaveRoom(): void {
  present.peek()?.leave();
  present.value = undefined;
}

let timer: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  const room = present.value;
  const telling = tellingOf(lookingAt.value, hrefOf());
  if (room === undefined || !room.isKnown.value) return;
  // Who goes through many things is not followed through all of them.
  clearTimeout(timer);
  timer = setTimeout(() => present.peek() === room && room.look(telling), TOLD_EVERY_MS);
});

function hrefOf(): string {
  void route.value;
  return location.pathname + location.search;
}
