/**
 * What one stream still has to send. Messages that are kept are never left out: a reader that falls behind is disconnected,
 * and goes on from its cursor. Those that pass by are left out while it is slow.
 */
import { readerBehind, type WatchpostError } from "../model/errors.ts";

const MESSAGES_MAX = 2_000;
/** Shared with the other readers of a session, for the most part. */
const BYTES_MAX = 4 * 1024 * 1024;
/** Past either the reader is slow. */
const PASSING_MESSAGES_MAX = 100;
const PASSING_BYTES_MAX = 256 * 1024;

export class Outbox implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  #waiting: Uint8Array[] = [];
  #head = 0;
  #bytes = 0;
  #ended: { readonly error?: WatchpostError } | undefined;
  readonly #onEnd: (error?: WatchpostError) => void;
  #reader: ((result: IteratorResult<Uint8Array> | PromiseLike<IteratorResult<Uint8Array>>) => void) | undefined;

  /** `onEnd` is called once, when nothing more is taken; with an error where what was pushed before is dropped. */
  constructor(onEnd: (error?: WatchpostError) => void = () => {}) {
    this.#onEnd = onEnd;
  }

  /** What was pushed is dropped, and there is an error in its place. */
  get hasFailed(): boolean {
    return this.#ended?.error !== undefined;
  }

  /** Returns false where it was too much: the stream ends with UNAVAILABLE. */
  push(bytes: Uint8Array): boolean {
    if (this.#ended !== undefined) return true;
    if (this.#reader !== undefined) {
      const reader = this.#reader;
      this.#reader = undefined;
      reader({ done: false, value: bytes });
      return true;
    }
    if (this.#length >= MESSAGES_MAX || this.#bytes + bytes.length > BYTES_MAX) {
      const message = `this reader is ${this.#length} messages behind; join again with its last cursor`;
      this.fail(readerBehind(message));
      return false;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    return true;
  }

  /** Returns false where it was left out. */
  pushPassing(bytes: Uint8Array): boolean {
    const isSlow = this.#length >= PASSING_MESSAGES_MAX || this.#bytes + bytes.length > PASSING_BYTES_MAX;
    return !isSlow && this.push(bytes);
  }

  /** What was pushed before is still sent. */
  end(): void {
    this.#finish({});
  }

  /** What was pushed before is dropped. */
  fail(error: WatchpostError): void {
    this.#drop();
    this.#finish({ error });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#length > 0) return Promise.resolve({ done: false, value: this.#take() });
    if (this.#ended !== undefined) return this.#ending();
    return new Promise((resolve) => (this.#reader = resolve));
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#drop();
    this.#finish({});
    return { done: true, value: undefined };
  }

  get #length(): number {
    return this.#waiting.length - this.#head;
  }

  #take(): Uint8Array {
    const bytes = this.#waiting[this.#head++];
    this.#bytes -= bytes.length;
    if (this.#head === this.#waiting.length) this.#drop();
    return bytes;
  }

  #drop(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #finish(ended: { readonly error?: WatchpostError }): void {
    if (this.#ended !== undefined) return;
    this.#ended = ended;
    this.#onEnd(ended.error);
    this.#reader?.(this.#ending());
    this.#reader = undefined;
  }

  #ending(): Promise<IteratorResult<Uint8Array>> {
    const { error } = this.#ended!;
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }
}
