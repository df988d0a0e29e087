/** What is said in a session, and who is there. */
import { signal } from "@preact/signals";
import type { CollaborationMessage, Member } from "../../wire/gen/collaboration_pb.ts";
import { collaborationApi } from "../api.ts";
import { follow } from "../follow.ts";
import { user } from "../user.ts";

/** Earlier ones are asked for. */
const KEPT_MAX = 500;
const SNAPSHOT = 100;
/** What people and the server say; presence is shown otherwise. */
const SHOWN = new Set(["chat", "action", "annotation", "issue", "update"]);

export class Room {
  readonly id: string;
  readonly messages = signal<readonly CollaborationMessage[]>([]);
  readonly members = signal<readonly Member[]>([]);
  readonly stop: () => void;
  #cursor = "";

  constructor(id: string) {
    this.id = id;
    const name = user.peek() || "guest";
    const asked = () => ({ sessionId: id, userId: name, userName: name, cursor: this.#cursor, last: SNAPSHOT });
    this.stop = follow(
      (options) => collaborationApi.watchSession(asked(), options),
      (message) => this.#hear(message),
    );
  }

  async say(text: string): Promise<void> {
    const name = user.peek();
    // Sent again under the same name it is not said twice.
    const metadata = { client_message_id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` };
    await collaborationApi.sendMessage({ sessionId: this.id, userId: name, userName: name, message: text, metadata });
  }

  #hear(message: CollaborationMessage): void {
    if (message.cursor !== "") this.#cursor = message.cursor;
    const { metadata, members, messageType, number } = message;
    if (metadata["event"] === "joined") this.#set(members, []);
    else if (metadata["event"] === "left") this.#set([], members);
    else if (members.length > 0) this.#set(members, []);
    if (number === 0n || !SHOWN.has(messageType)) return;
    if (number <= (this.messages.peek().at(-1)?.number ?? 0n)) return;
    this.messages.value = [...this.messages.peek(), message].slice(-KEPT_MAX);
  }

  #set(here: readonly Member[], gone: readonly Member[]): void {
    const members = new Map(this.members.peek().map((member) => [member.userId, member]));
    for (const member of here) members.set(member.userId, member);
    for (const { userId } of gone) members.delete(userId);
    this.members.value = [...members.values()];
  }
}
