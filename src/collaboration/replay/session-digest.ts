/**
 * What all messages of a session say together: what it was about, when it was, and where in the journal its times stand. Kept
 * between replays, so that one that begins late in a long session need not read all that was said before.
 */
import type { JournalEntry } from "../../model/journal.ts";
import type { Session } from "../../wire/gen/collaboration_pb.ts";
import { SESSION_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { Serial } from "../../model/serial.ts";
import { createdAtMs } from "../session-documents.ts";
import { messageOfEntry, type SessionMessage } from "../session-message.ts";
import { About, unreadable } from "./about.ts";
import { ENTRIES_A_PAGE, entriesOf } from "./journal-pages.ts";
import type { Heard, TimeRange } from "./recording.ts";

/** Entries behind a position are heard no earlier than a time. */
interface Place {
  readonly position: number;
  readonly heardMs: number;
}

interface First {
  readonly position: number;
  readonly number: number;
  readonly atMs: number;
}

const UNREADABLE_MAX = 100;
/** Of all digests together: names, places and {@link WEIGHT_OF_ONE}. A name has some fifty bytes, at most a kilobyte. */
const WEIGHT_MAX = 100_000;
const WEIGHT_OF_ONE = 100;

export class SessionDigests {
  readonly #journal: CollaborationJournal;
  /** By session; those asked for last stand last. */
  readonly #digests = new Map<string, SessionDigest>();
  readonly #serial = new Serial();

  constructor(journal: CollaborationJournal) {
    this.#journal = journal;
  }

  /** With all that was said by now. Throws when `signal` aborts; what was read by then is kept. */
  of(session: Session, signal: AbortSignal): Promise<SessionDigest> {
    const key = JSON.stringify([session.id, createdAtMs(session)]);
    return this.#serial.run(key, async () => {
      const known = this.#digests.get(key);
      const isWhole = known !== undefined && !known.hasLost(this.#journal.firstPosition);
      const digest = isWhole ? known : new SessionDigest(session);
      this.#digests.delete(key);
      this.#digests.set(key, digest);
      try {
        await digest.catchUp(this.#journal, signal);
      } finally {
        this.#forgetOld();
      }
      return digest;
    });
  }

  #forgetOld(): void {
    let weight = 0;
    for (const [key, digest] of [...this.#digests].reverse()) {
      weight += WEIGHT_OF_ONE + digest.weight;
      if (weight > WEIGHT_MAX) this.#digests.delete(key);
    }
  }
}

export class SessionDigest {
  readonly #sessionId: string;
  readonly #createdMs: number;
  /** Without its topic. */
  readonly about = new About({});
  /** What cannot be read, sentence by sentence; some of it, where it is very much. */
  readonly unreadable = new Set<string>();
  readonly #places: Place[] = [{ position: 0, heardMs: -Infinity }];
  #entries = 0;
  #through: Place = this.#places[0];
  #first: First | undefined;

  constructor(session: Pick<Session, "id" | "createdAt">) {
    this.#sessionId = session.id;
    this.#createdMs = createdAtMs(session);
  }

  /** The first message that is kept. */
  get first(): Pick<SessionMessage, "number" | "atMs"> | undefined {
    return this.#first;
  }

  /** When its last message was heard of; -Infinity where there is none. */
  get lastMs(): number {
    return this.#through.heardMs;
  }

  get weight(): number {
    return this.about.size + this.unreadable.size + this.#places.length;
  }

  /** Whether messages that it knows of are kept no longer. */
  hasLost(firstPosition: number): boolean {
    return this.#first !== undefined && this.#first.position < firstPosition;
  }

  async catchUp(journal: CollaborationJournal, signal: AbortSignal): Promise<void> {
    const which = { subject: this.#sessionId, kind: SESSION_EVENT };
    for await (const entry of entriesOf(journal, which, this.#through.position, signal)) this.#take(entry);
  }

  /**
   * Messages of a range in the order of the journal, each heard at the latest time so far: the clock may have been set back.
   * What was said in an earlier session of the same name, which was forgotten, is not said in this one.
   */
  async *messages(
    { fromUs, toUs }: TimeRange,
    journal: CollaborationJournal,
    missing: Set<string>,
    signal: AbortSignal,
  ): AsyncGenerator<Heard<SessionMessage>> {
    const which = { subject: this.#sessionId, kind: SESSION_EVENT };
    let { position, heardMs } = this.#placeBefore(fromUs / 1_000);
    for await (const entry of entriesOf(journal, which, position, signal)) {
      if (entry.atMs < this.#createdMs) continue;
      heardMs = Math.max(heardMs, entry.atMs);
      if (heardMs * 1_000 < fromUs) continue;
      if (heardMs * 1_000 >= toUs) return;
      try {
        yield { atMs: heardMs, what: messageOfEntry(entry) };
      } catch {
        missing.add(unreadable(entry));
      }
    }
  }

  #take(entry: JournalEntry): void {
    const { position, atMs } = entry;
    const isOwn = atMs >= this.#createdMs;
    this.#through = { position, heardMs: isOwn ? Math.max(this.#through.heardMs, atMs) : this.#through.heardMs };
    if (++this.#entries % ENTRIES_A_PAGE === 0) this.#places.push(this.#through);
    if (!isOwn) return;
    try {
      const message = messageOfEntry(entry);
      this.about.addMessage(message);
      this.#first ??= { position, number: message.number, atMs };
    } catch {
      if (this.unreadable.size < UNREADABLE_MAX) this.unreadable.add(unreadable(entry));
    }
  }

  /** The last one behind which everything since a time stands. */
  #placeBefore(timeMs: number): Place {
    return this.#places.findLast(({ heardMs }) => heardMs < timeMs) ?? this.#places[0];
  }
}
