/**
 * Numbers the messages of one session and keeps them. What is posted while a commit is under way is the next one; a number
 * whose commit fails is given again. So numbers are consecutive, and their order is that of the journal.
 */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEvent } from "../model/journal.ts";
import { SessionState, type Session } from "../wire/gen/collaboration_pb.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import type { CollaborationJournal, Rows } from "./collaboration-journal.ts";
import type { MemberStream } from "./members.ts";
import { sealRefusal } from "./sealed-chat.ts";
import { documentsOfSession, lastActivityMs, sentCollection, sentKey } from "./session-documents.ts";
import { eventOf, type Draft, type SessionMessage } from "./session-message.ts";

export interface Posted {
  readonly draft: Draft;
  /** Kept in the same transaction. */
  readonly rows?: Rows;
  /** As well, asked when its commit is made. */
  readonly changes?: () => readonly DocumentChange[];
  /** How the session stands from this message on; what is left out stays as it is. A function is asked when its turn comes. */
  readonly patch?: Partial<Session> | ((session: Session) => Partial<Session>);
  /** Unique for the user in the session. */
  readonly clientMessageId?: string;
  /** What has sent it, and is not told. */
  readonly from?: MemberStream;
  /** Called when it is durable, before anybody is told. */
  readonly told?: () => void;
}

interface Posting extends Posted {
  readonly chars: number;
  resolve(message: SessionMessage): void;
  reject(error: unknown): void;
}

const WAITING_MAX = 1_000;
const WAITING_CHARS_MAX = 4 * 1024 * 1024;
const COMMIT_MAX = 200;
const COMMIT_CHARS_MAX = 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

export class RoomWriter {
  readonly #journal: CollaborationJournal;
  readonly #clock: Clock;
  readonly #onWritten: (message: SessionMessage, posted: Posted) => void;
  #session: Session;
  #waiting: Posting[] = [];
  #chars = 0;
  #isCommitting = false;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(
    session: Session,
    journal: CollaborationJournal,
    clock: Clock,
    onWritten: (message: SessionMessage, posted: Posted) => void,
  ) {
    this.#session = session;
    this.#journal = journal;
    this.#clock = clock;
    this.#onWritten = onWritten;
  }

  /** As it stands durably. */
  get session(): Session {
    return this.#session;
  }

  get isIdle(): boolean {
    return !this.#isCommitting && this.#waiting.length === 0;
  }

  /**
   * Resolves with the message once it is durable and all members have been told. Rejects with RESOURCE_EXHAUSTED where too many
   * wait, FAILED_PRECONDITION where the session is closed or imported, or wants it sealed otherwise, when its turn comes, and as the journal does.
   */
  async post(posted: Posted): Promise<SessionMessage> {
    const chars = charsOf(posted);
    this.checkRoom(chars);
    this.#chars += chars;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...posted, chars, resolve, reject });
      if (!this.#isCommitting) void this.#flush();
    });
  }

  /** Throws RESOURCE_EXHAUSTED where a message of so many characters would be too much. */
  checkRoom(chars: number): void {
    if (this.#waiting.length < WAITING_MAX && this.#chars + chars <= WAITING_CHARS_MAX) return;
    const message = `${this.#waiting.length} messages of session ${this.#session.id} wait to be kept; at most ${WAITING_MAX} may`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    if (this.isIdle) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  async #flush(): Promise<void> {
    this.#isCommitting = true;
    // What is posted together is committed together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#commit(this.#take());
    this.#isCommitting = false;
    this.#idle?.resolve();
    this.#idle = null;
  }

  #take(): Posting[] {
    let [count, chars] = [0, 0];
    for (const posting of this.#waiting) {
      chars += posting.chars;
      if (count > 0 && (count >= COMMIT_MAX || chars > COMMIT_CHARS_MAX)) break;
      count++;
      this.#chars -= posting.chars;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: readonly Posting[]): Promise<void> {
    try {
      await this.#keep(batch);
    } catch (error) {
      batch.forEach(({ reject }) => reject(error));
    }
  }

  /** Throws where none of it is kept. */
  async #keep(batch: readonly Posting[]): Promise<void> {
    let session = this.#session;
    const sessionId = session.id;
    const atMs = Math.max(this.#clock.nowMs(), lastActivityMs(session));
    let number = Number(session.messages);
    const events: JournalEvent[] = [];
    const changes: DocumentChange[] = [];
    const written: { readonly posting: Posting; readonly number: number; readonly at: number }[] = [];
    for (const posting of batch) {
      const { draft, rows, changes: asked, clientMessageId } = posting;
      const patch = typeof posting.patch === "function" ? posting.patch(session) : posting.patch;
      const trouble = patch?.state === undefined ? (refusalOf(session) ?? sealRefusal(session, draft)) : undefined;
      if (trouble !== undefined) {
        posting.reject(trouble);
        continue;
      }
      session = { ...session, ...patch };
      written.push({ posting, number: ++number, at: events.length });
      events.push(eventOf(draft, sessionId, number, atMs), ...(rows?.events ?? []));
      changes.push(...(rows?.changes ?? []), ...(asked?.() ?? []));
      if (clientMessageId !== undefined) {
        const key = sentKey(draft.userId, clientMessageId);
        const value = JSON.stringify({ number });
        changes.push({ collection: sentCollection(sessionId), key, sort: number, value });
      }
    }
    if (written.length === 0) return;
    session = { ...session, messages: BigInt(number), lastActivityAt: timestampAt(atMs) };
    changes.push(...documentsOfSession(session, this.#session));
    const entries = await this.#journal.append(events, changes);
    this.#session = session;
    for (const { posting, number: given, at } of written) {
      const message = { ...posting.draft, sessionId, number: given, atMs, position: entries[at].position };
      this.#onWritten(message, posting);
      posting.resolve(message);
    }
  }
}

/** Why nothing is added to a session; undefined: it is open. */
export function refusalOf({ id, state }: Pick<Session, "id" | "state">): WatchpostError | undefined {
  if (state === SessionState.CLOSED) {
    return new WatchpostError("FAILED_PRECONDITION", `session ${id} is closed; reopen it to add something`);
  }
  if (state !== SessionState.IMPORTED) return undefined;
  const message = `session ${id} was imported: it can be read and replayed, and nothing is added to it`;
  return new WatchpostError("FAILED_PRECONDITION", message);
}

function timestampAt(atMs: number): Session["lastActivityAt"] {
  return { $typeName: "google.protobuf.Timestamp", ...timestampOfMs(atMs) };
}

function charsOf({ draft, rows }: Posted): number {
  const { text, metadata, members = [], annotation, issue, sealed } = draft;
  let chars = text.length + 2 * (sealed?.ciphertext.length ?? 0) + 200 * members.length + 500;
  chars += (annotation?.text.length ?? 0) + (issue?.title.length ?? 0) + (issue?.description.length ?? 0);
  for (const [key, value] of Object.entries(metadata)) chars += key.length + value.length;
  for (const { payload } of rows?.events ?? []) chars += payload.length;
  for (const { value } of rows?.changes ?? []) chars += value?.length ?? 0;
  return chars;
}
