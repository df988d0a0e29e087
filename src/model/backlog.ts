/** What a reader of a stream has not taken yet: bounded, in order, nothing left out; one that is too far behind is told so. */
import { readerBehind } from "./errors.ts";

export interface BacklogBounds {
  /** Things that wait, and their size together. */
  readonly waitingMax: number;
  readonly sizeMax: number;
  /** In the plural, such as "changes of issues". */
  readonly what: string;
  /** What to do for the rest. */
  readonly goesOn?: string;
}

/** `size` in whatever {@link BacklogBounds.sizeMax} counts. */
export class Backlog<T extends { readonly size: number }> implements Disposable {
  readonly #bounds: BacklogBounds;
  readonly #signal: AbortSignal;
  readonly #unfollow: () => void;
  #waiting: T[] = [];
  #size = 0;
  #isBehind = false;
  #wake: () => void = () => {};

  /** `follow` begins to tell, and returns what ends it. */
  constructor(bounds: BacklogBounds, signal: AbortSignal, follow: (add: (told: T) => void) => () => void) {
    this.#bounds = bounds;
    this.#signal = signal;
    this.#unfollow = follow((told) => this.#add(told));
    signal.addEventListener("abort", this.#onAbort);
  }

  /** What waits now. Throws UNAVAILABLE where there was too much. */
  take(): T[] {
    if (this.#isBehind) {
      const { waitingMax, what, goesOn = "watch again with its last cursor" } = this.#bounds;
      const message = `this reader is more than ${waitingMax} ${what} behind; ${goesOn}`;
      throw readerBehind(message);
    }
    const taken = this.#waiting;
    this.#waiting = [];
    this.#size = 0;
    return taken;
  }

  /** All that is told until the signal aborts. Throws as {@link take} does. */
  async *changes(): AsyncGenerator<T, void> {
    while (!this.#signal.aborted) {
      yield* this.take();
      if (this.#waiting.length > 0 || this.#isBehind || this.#signal.aborted) continue;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();

  #add(told: T): void {
    if (this.#isBehind) return;
    this.#waiting.push(told);
    this.#size += told.size;
    if (this.#waiting.length > this.#bounds.waitingMax || this.#size > this.#bounds.sizeMax) {
      this.#isBehind = true;
      this.#waiting = [];
    }
    this.#wake();
  }
}
