/**
 * Messages of a session as the journal has them. What cannot be read costs only itself; what was said in a session of the
 * same name before, which was forgotten, is not said in this one.
 */
import { messageOf } from "../model/errors.ts";
import type { JournalQuery } from "../model/journal.ts";
import type { Session } from "../wire/gen/collaboration_pb.ts";
import { SESSION_EVENT, type CollaborationJournal } from "./collaboration-journal.ts";
import { createdAtMs } from "./session-documents.ts";
import { messageOfEntry, type SessionMessage } from "./session-message.ts";

export interface MessagePage {
  /** In the order asked for; fewer than the limit also where there are more. */
  readonly messages: readonly SessionMessage[];
  /** Position of the last entry that was looked at. */
  readonly through: number;
  readonly isLast: boolean;
}

export class KeptMessages {
  readonly #journal: CollaborationJournal;
  readonly #onTrouble: (sentence: string) => void;
  readonly #told = new Set<number>();

  /** `onTrouble`: hears of each message that cannot be read, once. */
  constructor(journal: CollaborationJournal, onTrouble: (sentence: string) => void) {
    this.#journal = journal;
    this.#onTrouble = onTrouble;
  }

  async read(
    session: Pick<Session, "id" | "createdAt">,
    query: Omit<JournalQuery, "subject" | "kind">,
  ): Promise<MessagePage> {
    const entries = await this.#journal.read({ ...query, subject: session.id, kind: SESSION_EVENT });
    const sinceMs = createdAtMs(session);
    const own = entries.filter(({ atMs }) => atMs >= sinceMs);
    const messages = own.flatMap((entry) => {
      try {
        return [messageOfEntry(entry)];
      } catch (error) {
        if (!this.#told.has(entry.position)) {
          this.#told.add(entry.position);
          this.#onTrouble(`message ${entry.position} of session ${session.id} cannot be read: ${messageOf(error)}`);
        }
        return [];
      }
    });
    const isLast = entries.length < query.limit || (query.descending === true && own.length < entries.length);
    return { messages, through: entries.at(-1)?.position ?? query.after, isLast };
  }
}
