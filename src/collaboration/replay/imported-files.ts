/** Files of imported sessions, kept as they came, in documents. What a crash leaves of one is not seen, and goes with the next start. */
import type { DocumentChange } from "../../model/journal.ts";
import type { CollaborationJournal } from "../collaboration-journal.ts";

/** How many parts each file has. There before the first part, and removed after the last one: no part is left behind. */
const FILES = "session-import-files";
const PARTS = "session-imports";
/** Those that are under way: removed in the transaction that makes the session. */
const UNFINISHED = "session-imports-unfinished";
const PART_BYTES = 256 * 1024;
const DOCUMENTS_AT_ONCE = 100;

export class ImportedFiles {
  readonly #journal: CollaborationJournal;

  constructor(journal: CollaborationJournal) {
    this.#journal = journal;
  }

  /** Keeps a file in place of whatever is left of another one; nobody sees it until {@link seal} is committed. */
  async write(sessionId: string, bytes: Uint8Array, nowMs: number): Promise<void> {
    await this.remove(sessionId);
    const parts = Math.ceil(bytes.length / PART_BYTES);
    const place = { key: sessionId, sort: nowMs };
    const begun = [
      { collection: FILES, ...place, value: JSON.stringify({ parts }) },
      { collection: UNFINISHED, ...place, value: "{}" },
    ];
    await this.#journal.append([], begun);
    for (let part = 0; part < parts; part++) {
      const content = Buffer.from(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)).toString("base64");
      const document = { collection: PARTS, key: keyOf(sessionId, part), sort: part, value: JSON.stringify(content) };
      await this.#journal.append([], [document]);
    }
  }

  /** What is to be committed with the session that the file is of. */
  seal(sessionId: string): DocumentChange {
    return gone(UNFINISHED, sessionId);
  }

  /** The file, as it came; of one that is damaged what stands before that. */
  async *read(sessionId: string): AsyncGenerator<Uint8Array> {
    const parts = await this.#partsOf(sessionId);
    for (let part = 0; part < parts; part++) {
      const document = await this.#journal.document(PARTS, keyOf(sessionId, part));
      if (document === undefined) return;
      yield Buffer.from(JSON.parse(document.value) as string, "base64");
    }
  }

  /** Does nothing where there is none. What is cut off can be gone on with. */
  async remove(sessionId: string): Promise<void> {
    const parts = await this.#partsOf(sessionId);
    for (let part = 0; part < parts; part++) await this.#journal.append([], [gone(PARTS, keyOf(sessionId, part))]);
    const isUnfinished = (await this.#journal.document(UNFINISHED, sessionId)) !== undefined;
    if (parts === 0 && !isUnfinished) return;
    await this.#journal.append([], [gone(FILES, sessionId), this.seal(sessionId)]);
  }

  /** To be called before anything is imported. */
  async removeUnfinished(): Promise<void> {
    for (;;) {
      const unfinished = await this.#journal.documents({ collection: UNFINISHED, limit: DOCUMENTS_AT_ONCE });
      for (const { key } of unfinished) await this.remove(key);
      if (unfinished.length < DOCUMENTS_AT_ONCE) return;
    }
  }

  /** 0: there is no file. */
  async #partsOf(sessionId: string): Promise<number> {
    const document = await this.#journal.document(FILES, sessionId);
    return document === undefined ? 0 : (JSON.parse(document.value) as { parts: number }).parts;
  }
}

function keyOf(sessionId: string, part: number): string {
  return `${sessionId}/${part}`;
}

function gone(collection: string, key: string): DocumentChange {
  return { collection, key, sort: 0, value: null };
}
