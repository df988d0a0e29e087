/** The session one is in, also while one looks at other parts of the console. */
import { effect, signal } from "@preact/signals";
import { lookingAt } from "../looking-at.ts";
import { route, type Route } from "../route.ts";
import { user } from "../user.ts";
import { lookedAt, tellingOf } from "./present.ts";
import { Outbox } from "./outbox.ts";
import { Outboxes } from "./outboxes.ts";
import { Room } from "./room.ts";
import { sendMessage } from "./send-message.ts";

export const GUEST = "guest";
const TOLD_EVERY_MS = 1_000;

/** Undefined: in none. */
export const present = signal<Room>();

export const outboxes = new Outboxes((sessionId) => {
  const outbox: Outbox = new Outbox({
    send: (draft, messageId) =>
      sendMessage(sessionId, draft, messageId, (number) => {
        const room = present.peek();
        if (room?.id === sessionId && number <= room.log.peek().lastNumber) outbox.arrived(messageId);
      }),
    newId: () => crypto.getRandomValues(new BigUint64Array(2)).join("-"),
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  });
  return outbox;
});

/** Leaves the one before. */
export function enterRoom(id: string): Room {
  const userId = user.peek() || GUEST;
  const before = present.peek();
  if (before?.id === id && before.userId === userId) return before;
  const isSame = before?.id === id && before.isKnown.peek() && !before.isImported.peek();
  if (!isSame) before?.leave();
  return (present.value = new Room(id, userId, outboxes.of(id), isSame ? before : undefined));
}

effect(() => {
  if (outboxes.waiting.value === 0) return;
  // What is written would be lost with the page: the browser asks.
  const warn = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener("beforeunload", warn);
  return () => removeEventListener("beforeunload", warn);
});

export function leaveRoom(): void {
  present.peek()?.leave();
  present.value = undefined;
}

/** Who says another name comes in by that one. */
effect(() => {
  const name = user.value || GUEST;
  const room = present.peek();
  if (room !== undefined && room.userId !== name) enterRoom(room.id);
});

/** The address that what a view said of itself was said at. */
let saidAt = "";
effect(() => {
  void lookingAt.value;
  saidAt = pageOf(route.peek());
});

let timer: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  const room = present.value;
  const [at, said] = [route.value, lookingAt.value];
  if (room === undefined || !room.isKnown.value) return;
  const isSaid = said.view !== "" && saidAt === pageOf(at);
  const telling = tellingOf(isSaid ? said : lookedAt(at.view, at.rest, at.params), location.pathname + location.search);
  // Who goes through many things is not followed through all of them.
  clearTimeout(timer);
  timer = setTimeout(() => present.peek() === room && room.look(telling), TOLD_EVERY_MS);
});

function pageOf({ view, rest }: Route): string {
  return JSON.stringify([view, rest]);
}
