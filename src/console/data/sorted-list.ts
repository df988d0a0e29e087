/**
 * Stays in order while items come and go, told by who they are. What comes and goes between two looks costs one pass,
 * so a flood costs no more than its looks.
 */
export class SortedList<T extends object> {
  readonly #compare: (a: T, b: T) => number;
  #items: readonly T[];
  /** Undefined: empty, as of thousands of small lists most are. */
  #added: Set<T> | undefined;
  #removed: Set<T> | undefined;

  /** `compare` tells any two items apart. An item may be compared otherwise only while it is not in the list. */
  constructor(compare: (a: T, b: T) => number, items: Iterable<T> = []) {
    this.#compare = compare;
    this.#items = [...items].sort(compare);
  }

  get size(): number {
    return this.#items.length - (this.#removed?.size ?? 0) + (this.#added?.size ?? 0);
  }

  get items(): readonly T[] {
    if (this.#added !== undefined || this.#removed !== undefined) this.#items = this.#merged();
    return this.#items;
  }

  /** One that is not there. */
  add(item: T): void {
    (this.#added ??= new Set()).add(item);
  }

  /** One that is there. */
  remove(item: T): void {
    if (!this.#added?.delete(item)) (this.#removed ??= new Set()).add(item);
  }

  #merged(): T[] {
    const added = [...(this.#added ?? [])].sort(this.#compare);
    const merged: T[] = [];
    let next = 0;
    for (const item of this.#items) {
      if (this.#removed?.has(item)) continue;
      while (next < added.length && this.#compare(added[next], item) < 0) merged.push(added[next++]);
      merged.push(item);
    }
    this.#added = this.#removed = undefined;
    while (next < added.length) merged.push(added[next++]);
    return merged;
  }
}
