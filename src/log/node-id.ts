/** What other nodes know this one by. */
import type { DocumentChange, JournalEvent, StoredDocument } from "../model/journal.ts";

export interface NodeIdJournal {
  readonly epoch: number;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
  append(events: readonly JournalEvent[], changes?: readonly DocumentChange[]): Promise<unknown>;
}

const COLLECTION = "node";
const KEY = "id";

/**
 * Made once and kept with the data; another one where the data was restored from a backup, since log sequences are given
 * again then. Read when it is asked for first. Rejects as the journal does, and is tried anew then.
 */
export function nodeIdOf(journal: NodeIdJournal, newId: () => string): () => Promise<string> {
  let known: Promise<string> | undefined;
  const readOrMake = async () => {
    const stored = await journal.document(COLLECTION, KEY);
    const { id, epoch } = stored === undefined ? {} : JSON.parse(stored.value);
    if (typeof id === "string" && epoch === journal.epoch) return id;
    const made = newId();
    const former = typeof id === "string" ? { former: id } : {};
    const value = JSON.stringify({ id: made, epoch: journal.epoch, ...former });
    await journal.append([], [{ collection: COLLECTION, key: KEY, sort: 0, value }]);
    return made;
  };
  return () => {
    known ??= readOrMake().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

/** The id of the node whose backup this one is restored from; undefined: it is from none. Rejects as the journal does. */
export async function formerNodeIdOf(journal: Pick<NodeIdJournal, "document">): Promise<string | undefined> {
  const stored = await journal.document(COLLECTION, KEY);
  const { former } = stored === undefined ? {} : JSON.parse(stored.value);
  return typeof former === "string" ? former : undefined;
}
