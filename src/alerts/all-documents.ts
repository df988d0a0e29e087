import type { DocumentQuery, StoredDocument } from "../model/journal.ts";

export interface DocumentReader {
  /** In order, at most `limit`. */
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

const DOCUMENTS_AT_ONCE = 1_000;

/** A collection, in order. */
export async function* allDocuments(reader: DocumentReader, collection: string): AsyncGenerator<StoredDocument, void> {
  let after: Pick<StoredDocument, "sort" | "key"> | undefined;
  for (;;) {
    const page = await reader.documents({
      collection,
      limit: DOCUMENTS_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    if (page.length < DOCUMENTS_AT_ONCE) return;
    after = page[page.length - 1];
  }
}
