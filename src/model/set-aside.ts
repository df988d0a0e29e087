/**
 * What another version wrote may be in a format that this one does not know. It is left out, as what is damaged is, and
 * stays where it is: one that can read it finds it.
 */
import { messageOf } from "./errors.ts";
import type { StoredDocument } from "./journal.ts";

/** After so many nothing more is said of others. */
const SAID_MAX = 1_000;

export class SetAside {
  readonly #onTrouble: (sentence: string) => void;
  readonly #said = new Set<string>();

  /** `onTrouble` hears a sentence, once, for each thing that is left out. */
  constructor(onTrouble: (sentence: string) => void) {
    this.#onTrouble = onTrouble;
  }

  /** What `read` makes of a thing that is called `what`; undefined where it throws. */
  read<T>(what: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#say(what, messageOf(error));
      return undefined;
    }
  }

  #say(what: string, why: string): void {
    if (this.#said.has(what) || this.#said.size >= SAID_MAX) return;
    this.#said.add(what);
    this.#onTrouble(`${what} is in a format that this version does not know, and is left out: ${why}`);
  }
}

export function documentName({ collection, key }: Pick<StoredDocument, "collection" | "key">): string {
  return `document ${JSON.stringify(key)} of ${JSON.stringify(collection)}`;
}
