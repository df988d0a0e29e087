/**
 * Streams of all tabs of a browser together: over HTTP/1.1 it opens six connections to a server, and once streams hold all
 * of them nothing else is answered any more, in no tab.
 */

/** Over HTTP/1.1. Two connections stay for what is answered at once. */
export const SLOTS_MAX = 4;
/** So long a tab that is gone without a word keeps its slots; timers of hidden tabs run once a minute. */
export const HELD_MS = 90_000;

/** What all tabs see: of each that has slots one text. Where the browser keeps nothing there is none of another. */
export interface SlotStore {
  read(): readonly (readonly [tab: string, text: string])[];
  write(tab: string, text: string): void;
  remove(tab: string): void;
}

/** Those of one tab. */
export class StreamSlots {
  readonly #store: SlotStore;
  readonly #tab: string;
  readonly #clock: () => number;
  #count = 0;

  constructor(store: SlotStore, tab: string, clock: () => number = () => Date.now()) {
    [this.#store, this.#tab, this.#clock] = [store, tab, clock];
  }

  /** Whether there was one of `max`. */
  take(max: number): boolean {
    if (this.#ofOthers() + this.#count >= max) return false;
    this.#count++;
    this.keep();
    return true;
  }

  giveBack(): void {
    this.#count--;
    this.keep();
  }

  /** To be called far more often than they are held. */
  keep(): void {
    if (this.#count === 0) this.#store.remove(this.#tab);
    else this.#store.write(this.#tab, `${this.#count} ${this.#clock() + HELD_MS}`);
  }

  #ofOthers(): number {
    const nowMs = this.#clock();
    let sum = 0;
    for (const [tab, text] of this.#store.read()) {
      if (tab === this.#tab) continue;
      const [count, untilMs] = text.split(" ").map(Number);
      // One that holds longer than any can was written before the clock was set back.
      if (untilMs > nowMs && untilMs <= nowMs + HELD_MS && count > 0) sum += count;
      else this.#store.remove(tab);
    }
    return sum;
  }
}

const PREFIX = "watchpost.streams.";

/** Of the browser; what it keeps may be forbidden. */
export const browserSlots: SlotStore = {
  read() {
    try {
      return Object.entries(localStorage)
        .filter(([name]) => name.startsWith(PREFIX))
        .map(([name, text]) => [name.slice(PREFIX.length), String(text)]);
    } catch {
      return [];
    }
  },
  write(tab, text) {
    try {
      localStorage.setItem(PREFIX + tab, text);
    } catch {
      // Then each tab counts its own.
    }
  },
  remove(tab) {
    try {
      localStorage.removeItem(PREFIX + tab);
    } catch {
      // As above.
    }
  },
};
