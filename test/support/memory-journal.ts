/** A journal in memory: what it was given survives whoever uses it, as a disk would. */
import {
  DAMAGED,
  type DocumentChange,
  type DocumentQuery,
  type JournalEntry,
  type JournalEvent,
  type JournalQuery,
  type StoredDocument,
} from "../../src/model/journal.ts";
import { WatchpostError } from "../../src/model/errors.ts";

export class MemoryJournal {
  readonly entries: JournalEntry[] = [];
  readonly #documents = new Map<string, StoredDocument>();
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>();
  /** Thrown by appends while it is set. */
  failure: Error | null = null;
  appends = 0;
  /** What is before it is no longer kept. */
  firstPosition = 1;

  get lastPosition(): number {
    return this.entries.length;
  }

  /** As a backup has it. */
  copy(): MemoryJournal {
    const copy = new MemoryJournal();
    copy.entries.push(...this.entries);
    for (const [name, document] of this.#documents) copy.#documents.set(name, document);
    return copy;
  }

  async append(
    events: readonly JournalEvent[],
    changes: readonly DocumentChange[] = [],
  ): Promise<readonly JournalEntry[]> {
    if (this.failure !== null) throw this.failure;
    this.appends++;
    const added = events.map((event, i) => ({ ...event, position: this.entries.length + 1 + i }));
    this.entries.push(...added);
    for (const { value, ...place } of changes) {
      const name = nameOf(place.collection, place.key);
      this.#documents.delete(name);
      if (value !== null) this.#documents.set(name, { ...place, value });
    }
    if (added.length > 0) this.#listeners.forEach((listener) => listener(added));
    return added;
  }

  async read(query: JournalQuery): Promise<readonly JournalEntry[]> {
    const { after, before = Infinity, descending, limit, subject, kind } = query;
    const wanted = this.entries.filter(
      (entry) =>
        entry.position > after &&
        entry.position < before &&
        (subject === undefined || entry.subject === subject) &&
        (kind === undefined || entry.kind === kind),
    );
    return (descending ? wanted.reverse() : wanted).slice(0, limit);
  }

  /** As the journal does: followers hear before whoever appended. */
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void {
    const own = (entries: readonly JournalEntry[]) => listener(entries);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async documents({
    collection,
    after,
    limit,
    descending,
    hasDamaged,
  }: DocumentQuery): Promise<readonly StoredDocument[]> {
    const sign = descending ? -1 : 1;
    const order = (a: Place, b: Place) => sign * (a.sort - b.sort || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const all = [...this.#documents.values()]
      .filter(({ value, ...document }) => document.collection === collection && (hasDamaged || value !== DAMAGED))
      .sort(order);
    return (after === undefined ? all : all.filter((document) => order(document, after) > 0)).slice(0, limit);
  }

  async document(collection: string, key: string): Promise<StoredDocument | undefined> {
    const document = this.#documents.get(nameOf(collection, key));
    return document?.value === DAMAGED ? undefined : document;
  }

  /** As where a bit of it has flipped on the disk. */
  damage(collection: string, key: string): void {
    const document = this.#documents.get(nameOf(collection, key));
    if (document === undefined) throw new Error(`there is no document ${key} of ${collection}`);
    this.#documents.set(nameOf(collection, key), { ...document, value: DAMAGED });
  }

  count(collection: string): number {
    return [...this.#documents.values()].filter((document) => document.collection === collection).length;
  }

  cursorOf(position: number): string {
    return `cursor-${position}`;
  }

  positionOf(cursor: string, field = "cursor"): number {
    const position = Number(cursor.slice("cursor-".length));
    if (position >= this.firstPosition - 1) return position;
    throw new WatchpostError("OUT_OF_RANGE", `what follows the ${field} is no longer kept`);
  }
}

type Place = Pick<StoredDocument, "sort" | "key">;

function nameOf(collection: string, key: string): string {
  return `${collection}\0${key}`;
}
