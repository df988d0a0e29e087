import { signal } from "@preact/signals";

/** Things of one kind as they are now: what stood at the beginning, then what changes. */
export class Standing<T> {
  readonly all = signal<ReadonlyMap<string, T>>(new Map());
  readonly isKnown = signal(false);
  readonly #changed = new Map<string, T | undefined>();
  /** Of a beginning that has not ended. */
  #coming: Map<string, T> | undefined;
  #isDue = false;

  /** What comes until `known` takes the place of all there was; the first time it is shown as it comes. */
  begin(): void {
    this.#coming = new Map();
    this.#changed.clear();
  }

  known(): void {
    if (this.#coming !== undefined) this.all.value = this.#coming;
    this.#coming = undefined;
    this.isKnown.value = true;
  }

  /** While all of it comes anew: as it has come, for what stood before may be from before a restore. */
  get(id: string): T | undefined {
    if (this.#coming !== undefined) return this.#coming.get(id);
    return this.#changed.has(id) ? this.#changed.get(id) : this.all.peek().get(id);
  }

  /** Undefined: it is no more. */
  put(id: string, item: T | undefined): void {
    if (this.#coming === undefined) {
      this.#changed.set(id, item);
      this.#showSoon();
      return;
    }
    if (item === undefined) this.#coming.delete(id);
    else this.#coming.set(id, item);
    // What is there is better than nothing; later on what stood before is better than a part.
    if (!this.isKnown.peek()) this.#showSoon();
  }

  /** Many that change at once are shown at once. */
  #showSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const isMore = this.#coming !== undefined && this.all.peek().size > 0;
    setTimeout(
      () => {
        this.#isDue = false;
        this.#show();
      },
      isMore ? MORE_SHOWN_EVERY_MS : SHOWN_EVERY_MS,
    );
  }

  #show(): void {
    if (this.#coming !== undefined) {
      if (!this.isKnown.peek()) this.all.value = new Map(this.#coming);
      return;
    }
    if (this.#changed.size === 0) return;
    const next = new Map(this.all.peek());
    for (const [id, item] of this.#changed) {
      if (item === undefined) next.delete(id);
      else next.set(id, item);
    }
    this.#changed.clear();
    this.all.value = next;
  }
}

const SHOWN_EVERY_MS = 100;
/** Of what stands and is not all there yet. */
const MORE_SHOWN_EVERY_MS = 500;
