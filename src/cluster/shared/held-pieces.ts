/** What a desk could not write into the shared journal, as documents of its own one: in order, a document for each append. */
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent, StoredDocument } from "../../model/journal.ts";
import { readDeskRecord, type RecordReader } from "./desk-record.ts";

export interface HeldPiece {
  /** Of this node; ascending. */
  readonly number: number;
  readonly events: readonly JournalEvent[];
  readonly changes: readonly DocumentChange[];
}

/** The journal of this node alone. */
export interface OwnJournal {
  append(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<unknown>;
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

/** The journal of all nodes. */
export interface AllJournal extends RecordReader {
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
}

export const HELD_COLLECTION = "desk.held";
const READ_AT_ONCE = 50;
const ROWS_AT_ONCE = 500;

export async function readHeld(own: OwnJournal): Promise<HeldPiece[]> {
  const pieces: HeldPiece[] = [];
  let after: Pick<StoredDocument, "sort" | "key"> | undefined;
  for (;;) {
    const query = { collection: HELD_COLLECTION, limit: READ_AT_ONCE };
    const page = await own.documents(after === undefined ? query : { ...query, after });
    for (const { sort, value } of page)
      pieces.push({ ...(JSON.parse(value) as Omit<HeldPiece, "number">), number: sort });
    if (page.length < READ_AT_ONCE) return pieces;
    after = page[page.length - 1];
  }
}

export function heldDocument({ number, events, changes }: HeldPiece): DocumentChange {
  return { ...placeOf(number), value: JSON.stringify({ events, changes }) };
}

export async function removeHeld(own: OwnJournal, pieces: readonly Pick<HeldPiece, "number">[]): Promise<void> {
  for (let i = 0; i < pieces.length; i += ROWS_AT_ONCE) {
    const some = pieces.slice(i, i + ROWS_AT_ONCE);
    await own.append(
      [],
      some.map(({ number }) => ({ ...placeOf(number), value: null })),
    );
  }
}

/**
 * Where another node has been the desk since, what is held here is not how things stand any more, and goes; of it only those events
 * come into the shared journal that `isTold` takes: what people were told meanwhile. Resolves with how many, undefined: this node was the
 * desk last, as far as is known here. Rejects as the journals do.
 */
export async function letGoOfHeld(
  nodeId: string,
  own: OwnJournal,
  shared: AllJournal,
  isTold: (event: JournalEvent) => boolean,
): Promise<number | undefined> {
  const record = await readDeskRecord(shared);
  if (record === undefined || record.nodeId === nodeId) return undefined;
  const pieces = await readHeld(own);
  const told = pieces.flatMap(({ events }) => events.filter(isTold));
  for (let i = 0; i < told.length; i += ROWS_AT_ONCE) await shared.append(told.slice(i, i + ROWS_AT_ONCE));
  await removeHeld(own, pieces);
  return told.length;
}

function placeOf(number: number) {
  return { collection: HELD_COLLECTION, key: String(number), sort: number };
}
