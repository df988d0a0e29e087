/**
 * How far the upstream has heard of events, where whoever tells them moves between nodes: a document of the journal that they share, so
 * the next one goes on behind it. It may lag behind: what is told twice changes nothing there.
 */
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { Seldom } from "../../model/seldom.ts";
import type { StateJournal } from "./upstream-state.ts";

export interface EventsCursorDeps {
  readonly journal: StateJournal;
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
  readonly eventsAfter: number | null;
  readonly isStandingTold: boolean;
  readonly receiverId: string;
}

const COLLECTION = "upstream.events";
const SAVE_AFTER_MS = 5_000;

export class EventsCursor {
  readonly #deps: EventsCursorDeps;
  #stored: StoredCursor;
  #cancelSave: (() => void) | undefined;
  readonly #said: Seldom;

  private constructor(deps: EventsCursorDeps, stored: StoredCursor) {
    this.#deps = deps;
    this.#stored = stored;
    this.#said = new Seldom(deps.clock, deps.onTrouble);
  }

  /** Rejects as the journal does. */
  static async read(deps: EventsCursorDeps): Promise<EventsCursor> {
    const found = await deps.journal.document(COLLECTION, deps.address);
    const none = { name: deps.name, eventsAfter: null, isStandingTold: false, receiverId: "" };
    return new EventsCursor(deps, found === undefined ? none : { ...none, ...(JSON.parse(found.value) as object) });
  }

  /** What the upstream calls the nodes together. */
  get name(): string {
    return this.#stored.name;
  }

  /** The last event that the upstream has heard of; null: it has heard of none. */
  get eventsAfter(): number | null {
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
    if (this.#cancelSave === undefined) return;
    this.#cancelSave();
    this.#cancelSave = undefined;
    await this.#write().catch(() => {});
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
