/** Cleared alerts are listed as long as their entries stand in the journal. */
import type { ForgetSlice } from "../log/journal-retention.ts";
import type { DocumentChange, StoredDocument } from "../model/journal.ts";
import { CLEARED_ALERTS } from "./alert-documents.ts";
import { AlertRecord } from "./alert.ts";
import type { DocumentReader } from "./all-documents.ts";
import { documentName, type SetAside } from "../model/set-aside.ts";

export interface ForgettingJournal extends DocumentReader {
  append(events: readonly [], changes: readonly DocumentChange[]): Promise<unknown>;
}

const DOCUMENTS_AT_ONCE = 500;

/** By their last change; what cannot be read stays. */
export function forgetCleared(journal: ForgettingJournal, setAside: SetAside): ForgetSlice {
  let after: Pick<StoredDocument, "sort" | "key"> | undefined;
  return async (beforeMs) => {
    const page = await journal.documents({
      collection: CLEARED_ALERTS,
      limit: DOCUMENTS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    const removed = page.flatMap(({ collection, key, sort, value }): DocumentChange[] => {
      if (sort >= beforeMs) return [];
      const alert = setAside.read(documentName({ collection, key }), () => AlertRecord.fromJson(value));
      return alert === undefined || alert.updatedAtMs >= beforeMs ? [] : [{ collection, key, sort: 0, value: null }];
    });
    if (removed.length > 0) await journal.append([], removed);
    const last = page.at(-1);
    // They are in order of when they fired: none behind it has ended before.
    const isMore = page.length === DOCUMENTS_AT_ONCE && last!.sort < beforeMs;
    after = isMore ? last : undefined;
    return isMore;
  };
}
