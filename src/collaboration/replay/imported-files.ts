/** Files of imported sessions, kept as they came, in documents. What a crash leaves of one is not seen, and goes with the next start. */
import type { DocumentChange } from "../../model/journal.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";

const IMPORTS = "session-imports";
/** Those that are under way: removed in the transaction that makes the session. */
const UNFINISHED = "session-imports-unfinished";
const PART_BYTES = 256 * 1024;
const DOCUMENTS_AT_ONCE = 100;

export class ImportedFiles {
  readonly #journal: CollaborationJournal;

  constructor(journal: CollaborationJournal) {
    this.#journal = journal;
  }

  /** Keeps a file; nobody sees it until {@link seal} is committed. */
  async write(sessionId: string, bytes: Uint8Array, nowMs: number): Promise<void> {
    const parts = Math.ceil(bytes.length / PART_BYTES);
    const value = JSON.stringify({ parts });
    await this.#journal.append([], [{ collection: UNFINISHED, key: sessionId, sort: nowMs, value }]);
    for (let part = 0; part < parts; part++) {
      const content = Buffer.from(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)).toString("base64");
      const document = { collection: IMPORTS, key: keyOf(sessionId, part), sort: part, value: JSON.stringify(content) };
      await this.#journal.append([], [document]);
    }
  }

  /** What is to be committed with the session that the file is of. */
  seal(sessionId: string): DocumentChange {
    return { collection: UNFINISHED, key: sessionId, sort: 0, value: null };
  }

  /** The file, as it came; of one that is damaged what stands before that. */
  async *read(sessionId: string): AsyncGenerator<Uint8Array> {
    for (let part = 0; ; part++) {
      const document = await this.#journal.document(IMPORTS, keyOf(sessionId, part));
      if (document === undefined) return;
      yield Buffer.from(JSON.parse(document.value) as string, "base64");
    }
  }

  /** Does nothing where there is none. */
  async remove(sessionId: string): Promise<void> {
    for (let part = 0; ; part++) {
      const key = keyOf(sessionId, part);
      if ((await this.#journal.document(IMPORTS, key)) === undefined) break;
      await this.#journal.append([], [{ collection: IMPORTS, key, sort: 0, value: null }]);
    }
    const unfinished = await this.#journal.document(UNFINISHED, sessionId);
    if (unfinished !== undefined) await this.#journal.append([], [this.seal(sessionId)]);
  }

  /** To be called before anything is imported. */
  async removeUnfinished(): Promise<void> {
    for (;;) {
      const unfinished = await this.#journal.documents({ collection: UNFINISHED, limit: DOCUMENTS_AT_ONCE });
      for (const { key } of unfinished) await this.remove(key);
      if (unfinished.length < DOCUMENTS_AT_ONCE) return;
    }
  }
}

function keyOf(sessionId: string, part: number): string {
  return `${sessionId}/${part}`;
}
