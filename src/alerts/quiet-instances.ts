/** Instances that are quiet again and still written down, for as long as that keeps points from being evaluated twice. */
import type { DocumentChange } from "../model/journal.ts";
import { INSTANCES } from "./alert-documents.ts";

export class QuietInstances {
  /** By the key of the document, since when; those written last come last. */
  readonly #sinceMs = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#sinceMs.size === 0;
  }

  note(documentKey: string, sinceMs: number): void {
    this.#sinceMs.delete(documentKey);
    this.#sinceMs.set(documentKey, sinceMs);
  }

  forget(documentKey: string): void {
    this.#sinceMs.delete(documentKey);
  }

  /** Removals of those that have been quiet since before a time. */
  takeBefore(timeMs: number): DocumentChange[] {
    const taken: DocumentChange[] = [];
    for (const [key, sinceMs] of this.#sinceMs) {
      if (sinceMs >= timeMs) break;
      this.#sinceMs.delete(key);
      taken.push({ collection: INSTANCES, key, sort: 0, value: null });
    }
    return taken;
  }
}
