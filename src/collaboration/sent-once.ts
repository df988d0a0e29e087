/** Messages that are sent again, because nobody knows whether they arrived: kept once, and confirmed each time. */
import type { CollaborationJournal } from "./collaboration-journal.ts";
import type { KeptMessages } from "./kept-messages.ts";
import type { Room } from "./room.ts";
import { Serial } from "./serial.ts";
import { sentCollection, sentKey } from "./session-documents.ts";
import type { SessionMessage } from "./session-message.ts";

const PAGE = 100;

export type SentOnce =
  | { readonly isRepeated: false; readonly message: SessionMessage | undefined }
  | { readonly isRepeated: true; readonly number: number };

export class SentMessages {
  readonly #journal: CollaborationJournal;
  readonly #kept: KeptMessages;
  readonly #serial = new Serial();

  constructor(journal: CollaborationJournal, kept: KeptMessages) {
    this.#journal = journal;
    this.#kept = kept;
  }

  /** Runs `send` unless this user has sent a message of that id in the session before. */
  async once(
    room: Room,
    userId: string,
    clientMessageId: string,
    send: () => Promise<SessionMessage | undefined>,
  ): Promise<SentOnce> {
    if (clientMessageId === "") return { isRepeated: false, message: await send() };
    const key = sentKey(userId, clientMessageId);
    return this.#serial.run(`${room.id}\n${key}`, async () => {
      const stored = await this.#journal.document(sentCollection(room.id), key);
      if (stored === undefined) return { isRepeated: false, message: await send() };
      return { isRepeated: true, number: stored.sort };
    });
  }

  /** As it was kept; undefined where the journal no longer has it. */
  async message({ kept }: Room, number: number): Promise<SessionMessage | undefined> {
    for (let before = Infinity; ;) {
      const query = { after: 0, limit: PAGE, descending: true };
      const page = await this.#kept.read(kept, before === Infinity ? query : { ...query, before });
      for (const message of page.messages) {
        if (message.number === number) return message;
        if (message.number < number) return undefined;
      }
      if (page.isLast) return undefined;
      before = page.through;
    }
  }
}
