/** Messages of a session as its members read them: each opened once for each key. */
import { signal } from "@preact/signals";
import type { CollaborationMessage } from "../../wire/gen/collaboration_pb.ts";
import { WITHOUT_KEY, type MessageCipher } from "../../wire/message-cipher.ts";
import { messageCipherOf, type SessionCipher } from "./session-cipher.ts";

export class OpenedMessages {
  #opened = new WeakMap<CollaborationMessage, CollaborationMessage>();
  #opening = new WeakSet<CollaborationMessage>();
  #cipher: MessageCipher = WITHOUT_KEY;
  readonly #counted = signal(0);

  /** As far as they are opened; it is called again, where it is read as a signal, when more of them are. */
  of(messages: readonly CollaborationMessage[], cipher: SessionCipher | undefined): readonly CollaborationMessage[] {
    void this.#counted.value;
    if (cipher === undefined || cipher.kind === "plain") return messages;
    const wanted = messageCipherOf(cipher);
    if (wanted !== this.#cipher) {
      this.#cipher = wanted;
      this.#opened = new WeakMap();
      this.#opening = new WeakSet();
    }
    void this.#open(messages.filter((each) => !this.#opening.has(each)));
    return messages.map(
      (each) => this.#opened.get(each) ?? { ...each, message: each.sealed === undefined ? each.message : "" },
    );
  }

  async #open(messages: readonly CollaborationMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const [cipher, opened] = [this.#cipher, this.#opened];
    for (const each of messages) this.#opening.add(each);
    await Promise.all(messages.map(async (each) => opened.set(each, await cipher.open(each))));
    if (opened === this.#opened) this.#counted.value++;
  }
}
