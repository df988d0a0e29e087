/** Messages that are sent again, because nobody knows whether they arrived: kept once, and confirmed each time. */
import { WatchpostError } from "../model/errors.ts";
import type { CollaborationJournal } from "./collaboration-journal.ts";
import type { KeptMessages } from "./kept-messages.ts";
import type { Room } from "./room.ts";
import { Serial } from "../model/serial.ts";
import { sentCollection, sentKey } from "./session-documents.ts";
import type { SessionMessage } from "./session-message.ts";

const PAGE = 100;
/** Of a session, from its end, that are looked through for one that is sent again. */
const PAGES_MAX = 10;
/** In place of the number, while it is being done. */
const BEGUN = 0;

export type SentOnce =
  | { readonly isRepeated: false; readonly message: SessionMessage }
  | { readonly isRepeated: true; readonly number: number };

export class SentMessages {
  readonly #journal: CollaborationJournal;
  readonly #kept: KeptMessages;
  readonly #serial = new Serial();

  constructor(journal: CollaborationJournal, kept: KeptMessages) {
    this.#journal = journal;
    this.#kept = kept;
  }

  /**
   * Runs `send` unless this user has sent a message of that id in the session before. `isDoneOnce`: that it begins is written
   * down first; where nobody knows whether it was done, a resend is ABORTED. `send` calls its argument when it is done.
   */
  async once(
    room: Room,
    userId: string,
    clientMessageId: string,
    isDoneOnce: boolean,
    send: (onDone: () => void) => Promise<SessionMessage>,
  ): Promise<SentOnce> {
    if (clientMessageId === "") return { isRepeated: false, message: await send(() => {}) };
    const key = sentKey(userId, clientMessageId);
    const place = { collection: sentCollection(room.id), key, sort: BEGUN };
    return this.#serial.run(`${room.id}\n${key}`, async () => {
      const stored = await this.#journal.document(place.collection, key);
      if (stored?.sort === BEGUN) throw unknownOutcome(clientMessageId);
      if (stored !== undefined) return { isRepeated: true, number: stored.sort };
      if (isDoneOnce) await this.#journal.append([], [{ ...place, value: "{}" }]);
      let isDone = false;
      try {
        return { isRepeated: false, message: await send(() => (isDone = true)) };
      } catch (error) {
        if (isDoneOnce && !isDone) await this.#journal.append([], [{ ...place, value: null }]).catch(() => {});
        throw error;
      }
    });
  }

  /** As it was kept; undefined where it is not among the last ones. */
  async message({ kept }: Room, number: number): Promise<SessionMessage | undefined> {
    let before = Infinity;
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const query = { after: 0, limit: PAGE, descending: true };
      const page = await this.#kept.read(kept, before === Infinity ? query : { ...query, before });
      for (const message of page.messages) {
        if (message.number === number) return message;
        if (message.number < number) return undefined;
      }
      if (page.isLast) return undefined;
      before = page.through;
    }
    return undefined;
  }
}

function unknownOutcome(clientMessageId: string): WatchpostError {
  const id = JSON.stringify(clientMessageId);
  const message = `the message with client_message_id ${id} was begun, and may have been carried out: look at what it is about, and send it with another id if it was not`;
  return new WatchpostError("ABORTED", message);
}
