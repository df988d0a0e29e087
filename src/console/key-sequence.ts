/** Which of the keys that do something was meant by what was pressed. */

export interface NamedKey {
  /** As KeyboardEvent.key says it: "x", "?", "Escape"; two with a space are pressed one after the other: "g a". */
  readonly keys: string;
}

/** As the help says it. */
export interface ToldKey extends NamedKey {
  readonly label: string;
}

const SECOND_WITHIN_MS = 1_000;

export class KeySequence<K extends NamedKey> {
  #first: string | undefined;
  #firstMs = 0;

  /** The key that was meant; those of later groups hide the same ones of earlier groups. */
  press(pressed: string, timeMs: number, groups: readonly { readonly keys: readonly K[] }[]): K | undefined {
    const first = timeMs - this.#firstMs < SECOND_WITHIN_MS ? this.#first : undefined;
    this.#first = undefined;
    const all = groups.toReversed().flatMap(({ keys }) => keys);
    const meant = all.find(({ keys }) => keys === (first === undefined ? pressed : `${first} ${pressed}`));
    if (meant === undefined && all.some(({ keys }) => keys.startsWith(`${pressed} `))) {
      this.#first = pressed;
      this.#firstMs = timeMs;
    }
    return meant;
  }
}
