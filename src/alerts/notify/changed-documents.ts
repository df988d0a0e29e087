import { documentKey, type DocumentKind } from "./notify-document.ts";

/** Which documents have changed since they were last asked for, in the order in which they first did. */
export class ChangedDocuments {
  #keys = new Set<string>();

  mark(kind: DocumentKind, name: string): void {
    this.#keys.add(documentKey(kind, name));
  }

  take(): Set<string> {
    const keys = this.#keys;
    this.#keys = new Set();
    return keys;
  }
}
