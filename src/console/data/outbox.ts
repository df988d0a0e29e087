/**
 * What was written and is not kept yet: sent one after the other, again after a lost connection, and under the same id, with
 * which the server keeps it once.
 */
import { computed, signal } from "@preact/signals";

export interface Draft {
  /** Who wrote it, whoever is there when it is sent. */
  readonly userId: string;
  readonly messageType: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What came of an attempt: "again" after a while; "refused": as it is it will not be taken. */
export type Outcome =
  | { readonly kind: "kept" }
  | { readonly kind: "again"; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: "refused"; readonly reason: string };

export interface Unsent {
  readonly id: string;
  readonly draft: Draft;
  readonly state: "waits" | "sending" | "again" | "refused" | "sent";
  /** Why it is sent again, or is refused. */
  readonly reason: string;
}

export interface OutboxDeps {
  /** Never throws. */
  send(draft: Draft, id: string): Promise<Outcome>;
  newId(): string;
  /** Calls back after so long; returns what prevents it. */
  after(ms: number, callback: () => void): () => void;
}

export const UNSENT_MAX = 50;
const [AGAIN_FIRST_MS, AGAIN_MAX_MS] = [500, 8_000];

export class Outbox {
  readonly unsent = signal<readonly Unsent[]>([]);
  readonly #deps: OutboxDeps;
  #isBusy = false;
  #attempts = 0;
  #cancelPause = () => {};

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** So many would be lost with the page. */
  readonly waiting = computed(
    () => this.unsent.value.filter(({ state }) => state !== "sent" && state !== "refused").length,
  );

  /** Returns false where too many wait already. */
  add(draft: Draft): boolean {
    if (this.unsent.peek().length >= UNSENT_MAX) return false;
    this.unsent.value = [...this.unsent.peek(), { id: this.#deps.newId(), draft, state: "waits", reason: "" }];
    this.#next();
    return true;
  }

  /** It has been seen among what is kept. */
  arrived(id: string): void {
    if (this.unsent.peek().some((each) => each.id === id)) this.#drop(id);
  }

  /** Everything that is kept has come by now. */
  clearSent(): void {
    this.unsent.value = this.unsent.peek().filter(({ state }) => state !== "sent");
  }

  /** One that was refused, once more. */
  retry(id: string): void {
    this.#set(id, "waits", "");
    this.#cancelPause();
    this.#next();
  }

  discard(id: string): void {
    this.#drop(id);
    this.#next();
  }

  /** What waits for another attempt is sent now. */
  hurry(): void {
    this.#cancelPause();
    this.#next();
  }

  #next(): void {
    const first = this.unsent.peek().find(({ state }) => state === "waits" || state === "again");
    if (this.#isBusy || first === undefined) return;
    this.#isBusy = true;
    this.#set(first.id, "sending", "");
    void this.#deps.send(first.draft, first.id).then((outcome) => {
      this.#isBusy = false;
      this.#settle(first.id, outcome);
    });
  }

  #settle(id: string, outcome: Outcome): void {
    if (outcome.kind !== "again") {
      this.#attempts = 0;
      // What is kept stands here until it comes with what the others say.
      this.#set(id, outcome.kind === "kept" ? "sent" : "refused", outcome.kind === "kept" ? "" : outcome.reason);
      return this.#next();
    }
    this.#set(id, "again", outcome.reason);
    const ms = outcome.afterMs ?? Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** this.#attempts++);
    this.#isBusy = true;
    const resume = () => {
      this.#isBusy = false;
      this.#cancelPause = () => {};
    };
    const cancel = this.#deps.after(ms, () => {
      resume();
      this.#next();
    });
    this.#cancelPause = () => {
      cancel();
      resume();
    };
  }

  #set(id: string, state: Unsent["state"], reason: string): void {
    this.unsent.value = this.unsent.peek().map((each) => (each.id === id ? { ...each, state, reason } : each));
  }

  #drop(id: string): void {
    this.unsent.value = this.unsent.peek().filter((each) => each.id !== id);
  }
}
