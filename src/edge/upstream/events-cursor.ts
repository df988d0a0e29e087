/**
 * How far the upstream has heard of events, where whoever tells them moves between nodes: a document of the journal that they share, so
 * the next one goes on behind it. It may lag behind: what is told twice changes nothing there.
 */
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { Seldom } from "../../model/seldom.ts";
import type { StateJournal } from "./upstream-state.ts";

export interface EventsCursorDeps {
  readonly journal: StateJournal & { readonly lastPosition: number };
  readonly clock: Clock;
  /** Of the upstream. */
  readonly address: string;
  /** What the upstream calls this node. */
  readonly name: string;
  onTrouble(sentence: string): void;
}

interface StoredCursor {
  /** Of the node that told it of events first: under another one each alert would be another. */
  readonly name: string;
  readonly eventsAfter: number;
  readonly isStandingTold: boolean;
  readonly receiverId: string;
}

const COLLECTION = "upstream.events";
const SAVE_AFTER_MS = 5_000;
const CLAIM_AGAIN_MS = 500;

export class EventsCursor {
  readonly #deps: EventsCursorDeps;
  #stored: StoredCursor;
  #cancelSave: (() => void) | undefined;
  #isClosed = false;
  readonly #said: Seldom;
  readonly #claimed = Promise.withResolvers<void>();

  private constructor(deps: EventsCursorDeps, stored: StoredCursor) {
    this.#deps = deps;
    this.#stored = stored;
    this.#said = new Seldom(deps.clock, deps.onTrouble);
  }

  /** Rejects as the journal does. */
  static async read(deps: EventsCursorDeps): Promise<EventsCursor> {
    const found = await deps.journal.document(COLLECTION, deps.address);
    const from = { eventsAfter: deps.journal.lastPosition, isStandingTold: false };
    const first = { ...from, name: deps.name, receiverId: "" };
    if (found === undefined) {
      const cursor = new EventsCursor(deps, first);
      cursor.#claim();
      return cursor;
    }
    const cursor = new EventsCursor(deps, { ...first, ...(JSON.parse(found.value) as object) });
    cursor.#claimed.resolve();
    return cursor;
  }

  /** Resolves once it is durable under which name, and from where on, the upstream is told: before, nothing may be. */
  get claimed(): Promise<void> {
    return this.#claimed.promise;
  }

  /** What the upstream calls the nodes together. */
  get name(): string {
    return this.#stored.name;
  }

  /** The last event that the upstream has heard of, or need not hear of. */
  get eventsAfter(): number {
    return this.#stored.eventsAfter;
  }

  /** Whether the upstream was told what stood at that position, or before. */
  get isStandingTold(): boolean {
    return this.#stored.isStandingTold;
  }

  eventsDelivered(eventsAfter: number, isStandingTold: boolean): void {
    this.#change({ eventsAfter, isStandingTold });
  }

  /** This is who receives now. Returns whether it was somebody else before. */
  receivedBy(receiverId: string): boolean {
    const before = this.#stored.receiverId;
    this.#change({ receiverId });
    return before !== "" && before !== receiverId;
  }

  /** Never rejects: whoever comes next may write it already. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#cancelSave === undefined) return;
    this.#cancelSave();
    this.#cancelSave = undefined;
    await this.#write().catch(() => {});
  }

  #claim(): void {
    this.#write().then(
      () => {
        this.#cancelSave = undefined;
        this.#claimed.resolve();
      },
      () => {
        if (!this.#isClosed) this.#cancelSave = this.#deps.clock.after(CLAIM_AGAIN_MS, () => this.#claim());
      },
    );
  }

  #change(change: Partial<StoredCursor>): void {
    const changed = { ...this.#stored, ...change };
    if (Bun.deepEquals(changed, this.#stored)) return;
    this.#stored = changed;
    this.#saveSoon();
  }

  async #write(): Promise<void> {
    const { journal, address } = this.#deps;
    const value = JSON.stringify(this.#stored);
    await journal.append([], [{ collection: COLLECTION, key: address, sort: 0, value }]);
  }

  #saveSoon(): void {
    this.#cancelSave ??= this.#deps.clock.after(SAVE_AFTER_MS, () => {
      this.#cancelSave = undefined;
      this.#write().catch((error: unknown) => {
        this.#said.say(() => `what the upstream has heard of events cannot be written down: ${messageOf(error)}`);
        this.#saveSoon();
      });
    });
  }
}
