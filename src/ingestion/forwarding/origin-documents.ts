/**
 * Origins as documents of the journal: who it is with its ranges, the nodes behind it, and what came of each source. Counts
 * change with every commit, so those of sources that have changed lately stand in the origin's own document, which is
 * written then anyway: a row each was 14 MB/s for 20,000 points/s of 3,000 sources.
 */
import { DAMAGED, type DocumentChange, type DocumentQuery, type StoredDocument } from "../../model/journal.ts";
import type { SequenceRanges } from "../../model/sequence-ranges.ts";
import { ANY_TIME, NO_TIME } from "../../model/time-span.ts";
import type { Delivered, DeliveredBySource } from "./delivered.ts";
import type { OriginOwner } from "./origin-owner.ts";

/** What is kept of an origin. */
export interface OriginRecord {
  readonly id: string;
  readonly name: string;
  /** undefined: nobody was asked who they are since it is known. */
  readonly owner: OriginOwner | undefined;
  /** The highest of any stream. */
  readonly session: number;
  /** The process that was heard last; "": it did not tell. */
  readonly run: string;
  readonly committed: SequenceRanges;
  readonly lastSeenMs: number;
  /** Ids of the nodes that it gets points from. */
  readonly behind: readonly string[];
  readonly delivered: DeliveredBySource;
  /** Sources whose counts stand in the origin's own document. */
  readonly recent: ReadonlySet<string>;
}

/** JSON has no infinite numbers: null. The times of what was dropped stand last, where it is known. */
type RecentSource = readonly [string, number, number, number, number | null, number | null, ...number[]];

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

export interface KeptOrigins {
  readonly origins: readonly OriginRecord[];
  /**
   * Of those whose document is damaged, what has to be removed before they are heard as new ones: they send everything anew, which changes
   * no point, and counts that stayed would count it twice.
   */
  readonly leftovers: ReadonlyMap<string, readonly DocumentChange[]>;
}

/** All that are kept. Rejects as the journal does. */
export async function readOrigins(journal: DocumentReader): Promise<KeptOrigins> {
  const byId = new Map<string, { -readonly [K in keyof OriginRecord]: OriginRecord[K] }>();
  const leftovers = new Map<string, DocumentChange[]>();
  for await (const { key, value } of each(journal, ORIGINS, true)) {
    if (value === DAMAGED) {
      leftovers.set(key, removalOf({ id: key, delivered: new Map() }));
      continue;
    }
    const { name, owner, session, run = "", committed, lastSeenMs, sources = [] } = JSON.parse(value);
    const recent = sources as readonly RecentSource[];
    byId.set(key, {
      ...{
        id: key,
        name,
        owner,
        session,
        run,
        committed,
        lastSeenMs,
        behind: [],
        recent: new Set(recent.map(([source]) => source)),
      },
      delivered: new Map(recent.map(countsOf)),
    });
  }
  for await (const { key, value } of each(journal, BEHIND)) {
    const origin = byId.get(key);
    if (origin !== undefined) origin.behind = JSON.parse(value);
  }
  for await (const { key, value } of each(journal, SOURCES)) {
    const end = key.indexOf(BETWEEN);
    const [origin, source] = [byId.get(key.slice(0, end)), key.slice(end + 1)];
    leftovers.get(key.slice(0, end))?.push(gone(SOURCES, key));
    if (origin === undefined || origin.recent.has(source)) continue;
    const { points, refused, dropped, firstUs, lastUs, droppedTimes } = JSON.parse(value);
    const times = dropped > 0 && droppedTimes ? [droppedTimes.fromUs, droppedTimes.toUs] : [];
    origin.delivered.set(...countsOf([source, points, refused, dropped, firstUs, lastUs, ...times]));
  }
  return { origins: [...byId.values()], leftovers };
}

/** `recent`: sources that have changed since they were written as documents of their own. */
export function originDocument(
  { id, ...kept }: Omit<OriginRecord, "behind" | "delivered" | "recent">,
  recent: Iterable<readonly [source: string, counts: Delivered]>,
): DocumentChange {
  const { name, owner, session, run, committed, lastSeenMs } = kept;
  const sources = Array.from(
    recent,
    ([source, { points, refused, dropped, droppedTimes, firstUs, lastUs }]): RecentSource => {
      const times = dropped > 0 ? [droppedTimes.fromUs, droppedTimes.toUs] : [];
      return [source, points, refused, dropped, firstUs, lastUs, ...times];
    },
  );
  const value = JSON.stringify({ name, owner, session, run, committed, lastSeenMs, sources });
  return { collection: ORIGINS, key: id, sort: 0, value };
}

function countsOf([source, points, refused, dropped, firstUs, lastUs, ...times]: RecentSource): [string, Delivered] {
  const [fromUs = ANY_TIME.fromUs, toUs = ANY_TIME.toUs] = times;
  const droppedTimes = dropped > 0 ? { fromUs, toUs } : NO_TIME;
  return [
    source,
    { points, refused, dropped, droppedTimes, firstUs: firstUs ?? Infinity, lastUs: lastUs ?? -Infinity },
  ];
}

export function behindDocument(id: string, behind: readonly string[]): DocumentChange {
  return { collection: BEHIND, key: id, sort: 0, value: JSON.stringify(behind) };
}

export function sourceDocument(id: string, source: string, counts: Delivered): DocumentChange {
  return { collection: SOURCES, key: id + BETWEEN + source, sort: 0, value: JSON.stringify(counts) };
}

/** After these nothing is kept of it. */
export function removalOf({ id, delivered }: Pick<OriginRecord, "id" | "delivered">): DocumentChange[] {
  const sources = [...delivered.keys()].map((source) => gone(SOURCES, id + BETWEEN + source));
  return [gone(ORIGINS, id), gone(BEHIND, id), ...sources];
}

function gone(collection: string, key: string): DocumentChange {
  return { collection, key, sort: 0, value: null };
}

async function* each(journal: DocumentReader, collection: string, hasDamaged = false): AsyncIterable<StoredDocument> {
  for (let query: DocumentQuery = { collection, limit: PAGE, hasDamaged }; ;) {
    const page = await journal.documents(query);
    yield* page;
    if (page.length < PAGE) return;
    query = { ...query, after: page.at(-1)! };
  }
}
