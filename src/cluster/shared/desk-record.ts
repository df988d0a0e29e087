/**
 * Which node writes for all as the desk, as the shared journal has it: the first that a desk writes. By it a node that was cut off
 * knows whether another one was the desk meanwhile, however often Redis was emptied.
 */
import type { DocumentChange, StoredDocument } from "../../model/journal.ts";

export interface DeskRecord {
  readonly nodeId: string;
  /** What that node held on its disk is in the shared journal up to there; {@link HeldPiece.number}. */
  readonly brought: number;
}

export interface RecordReader {
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
}

const [COLLECTION, KEY] = ["desk", "record"];

/** Undefined: there has been no desk. */
export async function readDeskRecord(reader: RecordReader): Promise<DeskRecord | undefined> {
  const stored = await reader.document(COLLECTION, KEY);
  return stored === undefined ? undefined : (JSON.parse(stored.value) as DeskRecord);
}

export function deskRecordChange(record: DeskRecord): DocumentChange {
  return { collection: COLLECTION, key: KEY, sort: 0, value: JSON.stringify(record) };
}

/** Undefined: it is about something else. */
export function deskRecordIn({ collection, key, value }: DocumentChange): DeskRecord | undefined {
  if (collection !== COLLECTION || key !== KEY || value === null) return undefined;
  return JSON.parse(value) as DeskRecord;
}
