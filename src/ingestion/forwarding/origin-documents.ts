/** Origins as documents of the journal: who it is with its ranges, the nodes behind it, and what came of each source. */
import type { DocumentChange, DocumentQuery, StoredDocument } from "../../model/journal.ts";
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import type { Delivered, DeliveredBySource } from "./delivered.ts";

/** What is kept of an origin. */
export interface OriginRecord {
  readonly id: string;
  readonly name: string;
  /** The highest of any stream. */
  readonly session: number;
  readonly committed: SequenceRanges;
  readonly lastSeenMs: number;
  /** Ids of the nodes that it gets points from. */
  readonly behind: readonly string[];
  readonly delivered: DeliveredBySource;
}

export interface DocumentReader {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

const ORIGINS = "forwarding.origin";
const SOURCES = "forwarding.source";
/** Apart from the origin's own, which changes with every commit: it may be long. */
const BEHIND = "forwarding.behind";
const PAGE = 1_000;
/** Cannot be in an id, so that id and source can be told apart in a key. */
const BETWEEN = "\n";

/** All that are kept. Rejects as the journal does. */
export async function readOrigins(journal: DocumentReader): Promise<OriginRecord[]> {
  const byId = new Map<string, { -readonly [K in keyof OriginRecord]: OriginRecord[K] }>();
  for await (const { key, value } of each(journal, ORIGINS)) {
    const { name, session, committed, lastSeenMs } = JSON.parse(value);
    byId.set(key, { id: key, name, session, committed, lastSeenMs, behind: [], delivered: new Map() });
  }
  for await (const { key, value } of each(journal, BEHIND)) {
    const origin = byId.get(key);
    if (origin !== undefined) origin.behind = JSON.parse(value);
  }
  for await (const { key, value } of each(journal, SOURCES)) {
    const end = key.indexOf(BETWEEN);
    const counts = JSON.parse(value);
    // JSON has no infinite numbers.
    const [firstUs, lastUs] = [counts.firstUs ?? Infinity, counts.lastUs ?? -Infinity];
    byId.get(key.slice(0, end))?.delivered.set(key.slice(end + 1), { ...counts, firstUs, lastUs });
  }
  return [...byId.values()];
}

export function originDocument({ id, ...kept }: Omit<OriginRecord, "behind" | "delivered">): DocumentChange {
  const { name, session, committed, lastSeenMs } = kept;
  return { collection: ORIGINS, key: id, sort: 0, value: JSON.stringify({ name, session, committed, lastSeenMs }) };
}

export function behindDocument(id: string, behind: readonly string[]): DocumentChange {
  return { collection: BEHIND, key: id, sort: 0, value: JSON.stringify(behind) };
}

export function sourceDocument(id: string, source: string, counts: Delivered): DocumentChange {
  return { collection: SOURCES, key: id + BETWEEN + source, sort: 0, value: JSON.stringify(counts) };
}

/** After these nothing is kept of it. */
export function removalOf({ id, delivered }: Pick<OriginRecord, "id" | "delivered">): DocumentChange[] {
  const gone = (collection: string, key: string) => ({ collection, key, sort: 0, value: null });
  const sources = [...delivered.keys()].map((source) => gone(SOURCES, id + BETWEEN + source));
  return [gone(ORIGINS, id), gone(BEHIND, id), ...sources];
}

async function* each(journal: DocumentReader, collection: string): AsyncIterable<StoredDocument> {
  for (let query: DocumentQuery = { collection, limit: PAGE }; ;) {
    const page = await journal.documents(query);
    yield* page;
    if (page.length < PAGE) return;
    query = { ...query, after: page.at(-1)! };
  }
}
