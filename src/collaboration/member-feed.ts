/** What one member reads: first how the session stands, or what it has missed, then what happens. */
import { WatchpostError } from "../model/errors.ts";
import type { Outbox } from "./outbox.ts";

/** What comes before what happens, which the outbox has that it ends with. */
export type Beginning = AsyncGenerator<Uint8Array, Outbox>;

/** Most streams are in the second part for long, and many: it is the outbox itself. */
export class MemberFeed implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  #beginning: Beginning | null;
  #outbox: Outbox | null = null;

  constructor(beginning: Beginning) {
    this.#beginning = beginning;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return this.#outbox === null ? this.#begin() : this.#outbox.next();
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    if (this.#outbox !== null) return this.#outbox.return();
    // Not awaited: it may wait for a first message that never comes.
    void this.#beginning?.throw(new WatchpostError("CANCELLED", "the reader has left")).catch(() => {});
    return { done: true, value: undefined };
  }

  async #begin(): Promise<IteratorResult<Uint8Array>> {
    if (this.#beginning === null) return { done: true, value: undefined };
    const next = await this.#beginning.next();
    if (!next.done) return next;
    this.#beginning = null;
    this.#outbox = next.value;
    return this.#outbox.next();
  }
}
