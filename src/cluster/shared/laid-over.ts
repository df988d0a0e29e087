/** Documents that stand over those of a journal until they are written into it. */
import type { DocumentChange, DocumentQuery, StoredDocument } from "../../model/journal.ts";

export interface DocumentsBelow {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
}

interface Laid extends DocumentChange {
  readonly number: number;
}

type Place = Pick<StoredDocument, "sort" | "key">;

export class LaidOver {
  readonly #collections = new Map<string, Map<string, Laid>>();

  /** `number` ascends from call to call. */
  put(changes: readonly DocumentChange[], number: number): void {
    for (const change of changes) {
      let documents = this.#collections.get(change.collection);
      if (documents === undefined) this.#collections.set(change.collection, (documents = new Map()));
      documents.set(change.key, { ...change, number });
    }
  }

  /** These stand below now, unless they were put again with a later number. */
  forget(changes: readonly DocumentChange[], number: number): void {
    for (const { collection, key } of changes) {
      const documents = this.#collections.get(collection);
      if (documents?.get(key)?.number === number) documents.delete(key);
    }
  }

  async document(collection: string, key: string, below: DocumentsBelow): Promise<StoredDocument | undefined> {
    const laid = this.#collections.get(collection)?.get(key);
    return laid === undefined ? below.document(collection, key) : storedOf(laid);
  }

  /** The order and the limit are those of {@link DocumentQuery}. */
  async documents(query: DocumentQuery, below: DocumentsBelow): Promise<readonly StoredDocument[]> {
    const laid = new Map(this.#collections.get(query.collection));
    if (laid.size === 0) return below.documents(query);
    const { limit, after, descending = false } = query;
    const compare = (a: Place, b: Place) => (descending ? compareAscending(b, a) : compareAscending(a, b));
    const isAfter = (place: Place) => after === undefined || compare(place, after) > 0;
    const own = [...laid.values()].flatMap((one) => (isAfter(one) ? (storedOf(one) ?? []) : [])).sort(compare);
    const found: StoredDocument[] = [];
    let next = 0;
    const takeBefore = (place: Place | undefined) => {
      while (next < own.length && (place === undefined || compare(own[next], place) < 0)) found.push(own[next++]);
    };
    for (let asked = query; found.length < limit;) {
      const page = await below.documents(asked);
      for (const document of page) {
        if (laid.has(document.key)) continue;
        takeBefore(document);
        found.push(document);
      }
      if (page.length < limit) takeBefore(undefined);
      if (page.length < limit) break;
      asked = { ...query, after: page[page.length - 1] };
    }
    return found.slice(0, limit);
  }
}

function storedOf({ collection, key, sort, value }: DocumentChange): StoredDocument | undefined {
  return value === null ? undefined : { collection, key, sort, value };
}

function compareAscending(a: Place, b: Place): number {
  return a.sort - b.sort || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}
