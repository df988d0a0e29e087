/** Instances that are quiet again and still written down, for as long as that keeps points from being evaluated twice. */
import type { DocumentChange } from "../model/journal.ts";
import { instanceKey, INSTANCES } from "./alert-documents.ts";
import type { Instance } from "./instance.ts";

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

  /** An instance is written down as it stands now; `isGone`: that it is no longer there. */
  look(instance: Instance, isGone: boolean, atMs: number): void {
    const { rule, key } = instance;
    if (!instance.isOpen && !isGone) this.note(instanceKey(rule, key), atMs);
    else if (!this.isEmpty) this.#sinceMs.delete(instanceKey(rule, key));
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
