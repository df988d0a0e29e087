/** Of several tabs one does something: whoever holds the lease, which goes to another when its holder is gone. Pure. */

/** What all tabs of the browser see. */
export interface LeaseStore {
  read(): string | null;
  write(text: string): void;
  remove(): void;
}

interface Holding {
  readonly id: string;
  readonly untilMs: number;
}

export const LEASE_MS = 5_000;

export class Lease {
  readonly #store: LeaseStore;
  readonly #id: string;

  /** `id`: of this tab. */
  constructor(store: LeaseStore, id: string) {
    this.#store = store;
    this.#id = id;
  }

  /** Takes it where nobody has it, and keeps it; whether it is ours. To be asked right before each deed. */
  hold(nowMs: number): boolean {
    const holding = this.#read();
    // One that holds longer than any can was written before the clock was set back.
    const isFree = holding === undefined || holding.untilMs <= nowMs || holding.untilMs > nowMs + LEASE_MS;
    if (!isFree && holding.id !== this.#id) return false;
    this.#store.write(JSON.stringify({ id: this.#id, untilMs: nowMs + LEASE_MS }));
    return this.#read()?.id === this.#id;
  }

  release(): void {
    if (this.#read()?.id === this.#id) this.#store.remove();
  }

  #read(): Holding | undefined {
    try {
      const { id, untilMs } = JSON.parse(this.#store.read() ?? "null") as Holding;
      return typeof id === "string" && typeof untilMs === "number" ? { id, untilMs } : undefined;
    } catch {
      return undefined;
    }
  }
}
