/**
 * The shared journal as a desk writes alerts to it, which go on while Redis is away: what cannot be written is held on this node's own
 * disk, in order, and brought into the order of all once that can be reached again and no other node has been the desk meanwhile.
 */
import type { Journal } from "../../log/journal.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import { nothingWritten } from "../../model/nothing-written.ts";
import type {
  DocumentChange,
  DocumentQuery,
  JournalEntry,
  JournalEvent,
  JournalQuery,
  StoredDocument,
} from "../../model/journal.ts";
import { isTakenOver } from "../../model/lasting-journal.ts";
import { JOURNAL_COMMIT_BYTES_MAX, JOURNAL_COMMIT_ROWS_MAX } from "../../model/limits.ts";
import type { Redis } from "../redis/redis.ts";
import { deskRecordChange, deskRecordIn, readDeskRecord } from "./desk-record.ts";
import { heldDocument, letGoOfHeld, readHeld, removeHeld, type HeldPiece, type OwnJournal } from "./held-pieces.ts";
import { LaidOver } from "./laid-over.ts";

export interface HoldingDeps {
  /** Appends under the fence of the desk. */
  readonly shared: Pick<
    Journal,
    "append" | "document" | "documents" | "read" | "follow" | "followChanges" | "lastPosition"
  >;
  readonly own: OwnJournal;
  readonly nodeId: string;
  readonly redis: Pick<Redis, "follow">;
  readonly clock: Clock;
  /** Why nothing can be appended to the shared journal now; "": it can. */
  trouble(): string;
  /** Which events are kept of what this node held while another one was the desk: {@link letGoOfHeld}. */
  isTold(event: JournalEvent): boolean;
  /** Another node has been the desk: what is held here is worth nothing any more, and nothing is taken. */
  onOvertaken(): void;
  onTrouble(sentence: string): void;
  onNews(sentence: string): void;
}

interface Piece extends HeldPiece {
  readonly chars: number;
  /** It was on its way when Redis went away: whether it came is to be known first. */
  sent: Promise<readonly JournalEntry[]> | undefined;
}

/** Characters of what is held: past that nothing more is. */
export const HELD_CHARS_MAX = 64 * 1024 * 1024;
const RETRY_MS = 200;
const RETRY_AFTER_MS = 1_000;

export class HoldingJournal {
  readonly #deps: HoldingDeps;
  readonly #charsMax: number;
  readonly #over = new LaidOver();
  /** Of what is held, and how often. */
  readonly #heldEvents = new Map<string, number>();
  readonly #listeners = new Set<(position: number) => void>();
  /** Ends the waiting for what is on its way. */
  readonly #underWay = new Set<() => void>();
  readonly #unfollow: readonly (() => void)[];
  #pieces: Piece[] = [];
  #chars = 0;
  #lastNumber = 0;
  #isOvertaken = false;
  /** The last commit of what is held was not answered. */
  #isInDoubt = false;
  #isClosed = false;
  #bringing = Promise.resolve();
  #cancel: (() => void) | undefined;

  private constructor(deps: HoldingDeps, charsMax: number) {
    this.#deps = deps;
    this.#charsMax = charsMax;
    const onAway = (isUp: boolean) => !isUp && [...this.#underWay].forEach((end) => end());
    const onChanges = (changes: readonly DocumentChange[]) => {
      for (const change of changes) {
        const record = deskRecordIn(change);
        if (record !== undefined && record.nodeId !== deps.nodeId) this.#overtaken();
      }
    };
    this.#unfollow = [deps.redis.follow(onAway), deps.shared.followChanges(onChanges)];
  }

  /**
   * With what this node has held since it was the desk, unless another one has been it. All of that is in the shared journal when this
   * resolves, and that this node is the desk; with `isAway` that is to come. Rejects as the journals do.
   */
  static async open(deps: HoldingDeps, isAway: boolean, charsMax = HELD_CHARS_MAX): Promise<HoldingJournal> {
    const journal = new HoldingJournal(deps, charsMax);
    try {
      await journal.#takeUp(isAway);
      return journal;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** What is appended now, or was a moment ago, may be on this node's disk alone: another node may do the same without knowing of it. */
  get isHolding(): boolean {
    return this.hasHeld || this.#deps.trouble() !== "";
  }

  get hasHeld(): boolean {
    return this.#pieces.length > 0;
  }

  /**
   * As {@link Journal.append}; null: it is on this node's disk, and in the shared journal later. Rejects with FAILED_PRECONDITION once
   * another node has been the desk, and with RESOURCE_EXHAUSTED where too much is held.
   */
  async append(
    events: readonly JournalEvent[],
    changes: readonly DocumentChange[] = [],
  ): Promise<readonly JournalEntry[] | null> {
    if (this.#isOvertaken) throw overtaken();
    if (events.length === 0 && changes.length === 0) return [];
    if (this.#pieces.length > 0) return this.#hold(events, changes);
    const sent = this.#deps.shared.append(events, changes);
    const { promise: away, resolve: end } = Promise.withResolvers<null>();
    const onAway = () => end(null);
    this.#underWay.add(onAway);
    try {
      const entries = await Promise.race([sent, away]);
      if (entries !== null) return entries;
      return await this.#hold(events, changes, sent);
    } catch (error) {
      if (isTakenOver(error)) this.#overtaken();
      if (!mayCome(error) || this.#isOvertaken) throw error;
      return await this.#hold(events, changes);
    } finally {
      this.#underWay.delete(onAway);
    }
  }

  /** With what is held. */
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]> {
    return this.#over.documents(query, this.#deps.shared);
  }

  /** With what is held. */
  document(collection: string, key: string): Promise<StoredDocument | undefined> {
    return this.#over.document(collection, key, this.#deps.shared);
  }

  /** Without what is held. */
  read(query: JournalQuery): Promise<readonly JournalEntry[]> {
    return this.#deps.shared.read(query);
  }

  /** As {@link Journal.follow}, without what was held: whoever appended that knows it. */
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void {
    return this.#deps.shared.follow((entries) => {
      const others = this.hasHeld ? entries.filter((entry) => !this.#heldEvents.has(nameOf(entry))) : entries;
      if (others.length > 0) listener(others);
    });
  }

  /** Calls `listener` with the position up to which events that were held are in the shared journal. Returns what ends it. */
  followBrought(listener: (position: number) => void): () => void {
    const own = (position: number) => listener(position);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** What is held stays on the disk. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#unfollow) end();
    this.#cancel?.();
    await this.#bringing;
  }

  async #takeUp(isAway: boolean): Promise<void> {
    const { shared, own, nodeId, isTold, onNews } = this.#deps;
    if (!isAway) await letGoOfHeld(nodeId, own, shared, isTold);
    const record = await readDeskRecord(shared);
    const brought = record?.brought ?? 0;
    const held = await readHeld(own);
    this.#lastNumber = Math.max(brought, held.at(-1)?.number ?? 0);
    await removeHeld(
      own,
      held.filter(({ number }) => number <= brought),
    );
    for (const piece of held)
      if (piece.number > brought) this.#add({ ...piece, chars: charsOf(piece), sent: undefined });
    if (this.#pieces.length > 0)
      onNews(`what this node wrote as the desk while Redis was away goes on: ${this.#pieces.length} commits`);
    if (isAway) return this.#bringSoon();
    await this.#bring();
    if (record?.nodeId !== nodeId) await shared.append([], [this.#record(0)]);
  }

  async #hold(
    events: readonly JournalEvent[],
    changes: readonly DocumentChange[],
    sent?: Promise<readonly JournalEntry[]>,
  ): Promise<null> {
    sent?.catch(() => {});
    const number = Math.max(Math.floor(this.#deps.clock.nowMs()), this.#lastNumber + 1);
    const piece = { number, events, changes, chars: charsOf({ events, changes }), sent };
    if (this.#chars + piece.chars > this.#charsMax) {
      const message = `${this.#chars} characters of what alerts write are held here while ${this.#deps.trouble() || "earlier ones are brought to the others"}: no more are taken`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#lastNumber = number;
    this.#add(piece);
    this.#bringSoon();
    try {
      await this.#deps.own.append([], [heldDocument(piece)]);
    } catch (error) {
      // Where it was brought meanwhile it is durable all the same.
      if (this.#remove(piece)) throw error;
    }
    return null;
  }

  #add(piece: Piece): void {
    this.#pieces.push(piece);
    for (const event of piece.events) {
      const name = nameOf(event);
      this.#heldEvents.set(name, (this.#heldEvents.get(name) ?? 0) + 1);
    }
    this.#chars += piece.chars;
    this.#over.put(piece.changes, piece.number);
  }

  /** Whether it was still held. */
  #remove(piece: Piece): boolean {
    const at = this.#pieces.indexOf(piece);
    if (at < 0) return false;
    this.#pieces.splice(at, 1);
    for (const event of piece.events) {
      const name = nameOf(event);
      const count = this.#heldEvents.get(name)! - 1;
      if (count > 0) this.#heldEvents.set(name, count);
      else this.#heldEvents.delete(name);
    }
    this.#over.forget(piece.changes, piece.number);
    this.#chars -= piece.chars;
    return true;
  }

  #bringSoon(): void {
    if (this.#cancel !== undefined || this.#isClosed || this.#isOvertaken || this.#pieces.length === 0) return;
    this.#cancel = this.#deps.clock.after(RETRY_MS, () => {
      this.#bringing = this.#bringAll().then(() => {
        this.#cancel = undefined;
        this.#bringSoon();
      });
    });
  }

  async #bringAll(): Promise<void> {
    const { trouble, onTrouble, onNews } = this.#deps;
    if (trouble() !== "") return;
    try {
      const count = await this.#bring();
      if (count > 0) onNews(`what was held while Redis was away is in the shared journal: ${count} commits`);
    } catch (error) {
      if (isTakenOver(error)) this.#overtaken();
      else if (!mayCome(error)) onTrouble(`what was held while Redis was away cannot be written: ${messageOf(error)}`);
    }
  }

  /** Resolves with how many there were once nothing is held any more. */
  async #bring(): Promise<number> {
    let count = 0;
    for (let isWhole = true; this.#pieces.length > 0 && !this.#isClosed && !this.#isOvertaken;) {
      const [first] = this.#pieces;
      const came = await this.#came(first);
      if (first !== this.#pieces[0]) continue;
      const some = !came && isWhole ? batchOf(this.#pieces) : [first];
      try {
        if (!came) await this.#append(some);
        isWhole = true;
      } catch (error) {
        if (!isNeverTaken(error)) throw error;
        isWhole = false;
        if (some.length > 1) continue;
        this.#deps.onTrouble(`a change of alerts that was held is given up: ${messageOf(error)}`);
      }
      await this.#brought(some);
      count += some.length;
    }
    return count;
  }

  /** Whether it is in the shared journal already: by itself, or by a commit that was not answered. */
  async #came(piece: Piece): Promise<boolean> {
    const { sent } = piece;
    piece.sent = undefined;
    const came = await sent?.then(
      () => true,
      () => false,
    );
    if (came === true || !this.#isInDoubt) return came === true;
    const { brought = 0 } = (await readDeskRecord(this.#deps.shared)) ?? {};
    if (piece.number > brought) this.#isInDoubt = false;
    return piece.number <= brought;
  }

  async #append(pieces: readonly Piece[]): Promise<void> {
    const events = pieces.flatMap((piece) => piece.events);
    const changes = pieces.flatMap((piece) => piece.changes);
    this.#isInDoubt = true;
    await this.#deps.shared.append(events, [...changes, this.#record(pieces.at(-1)!.number)]);
    this.#isInDoubt = false;
  }

  async #brought(pieces: readonly Piece[]): Promise<void> {
    const { shared, own } = this.#deps;
    for (const piece of pieces) this.#remove(piece);
    for (const listener of [...this.#listeners]) listener(shared.lastPosition);
    // What stays is known by its number to have been brought.
    await removeHeld(own, pieces).catch(() => {});
  }

  #record(brought: number): DocumentChange {
    return deskRecordChange({ nodeId: this.#deps.nodeId, brought });
  }

  #overtaken(): void {
    if (this.#isOvertaken) return;
    this.#isOvertaken = true;
    this.#deps.onOvertaken();
  }
}

/** As many as go into one commit, at least one; of what may have come by itself none but the first. */
function batchOf(pieces: readonly Piece[]): Piece[] {
  let [count, rows, chars] = [0, 0, 0];
  for (const piece of pieces) {
    rows += piece.events.length + piece.changes.length;
    chars += piece.chars;
    const isMore = rows > JOURNAL_COMMIT_ROWS_MAX || chars > JOURNAL_COMMIT_BYTES_MAX || piece.sent !== undefined;
    if (count > 0 && isMore) break;
    count++;
  }
  return pieces.slice(0, count);
}

function charsOf({ events, changes }: Pick<HeldPiece, "events" | "changes">): number {
  const inEvents = events.reduce((sum, { payload }) => sum + payload.length, 0);
  return changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), inEvents);
}

/** The same for no other event, about. */
function nameOf({ atMs, kind, subject, payload }: JournalEvent): string {
  return `${kind} ${atMs} ${subject} ${Bun.hash(payload)}`;
}

/** Later, when Redis is there again, or has room. */
function mayCome(error: unknown): boolean {
  return error instanceof WatchpostError && (error.status === "UNAVAILABLE" || error.status === "RESOURCE_EXHAUSTED");
}

function isNeverTaken(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof WatchpostError && error.status === "INVALID_ARGUMENT");
}

function overtaken(): WatchpostError {
  return new WatchpostError(
    "FAILED_PRECONDITION",
    "the desk has moved: another node writes what this one wrote for it",
    nothingWritten,
  );
}
