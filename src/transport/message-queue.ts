/** Messages of a stream for one reader: bounded by holding the sender back, ended or failed by the transport. */
import type { PushedStream, Take } from "../model/pushed-stream.ts";

export interface QueueSource {
  pause(): void;
  resume(): void;
}

/** Told of every message, in order. */
export interface QueueWatcher {
  /** It is in the queue, with that many bytes. */
  unpacked(bytes: number): void;
  /** Its reader has asked for the next one. What a reader has left is not told. */
  taken(): void;
}

/** Past either bound the source is paused. One message is always taken. */
const MESSAGES_MAX = 64;
const BYTES_MAX = 4 * 1024 * 1024;

export class MessageQueue implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array>, PushedStream<Uint8Array> {
  readonly #source: QueueSource;
  readonly #watcher: QueueWatcher;
  #messages: Uint8Array[] = [];
  #head = 0;
  #bytes = 0;
  #paused = false;
  /** The reader has a message and has not asked for the next. */
  #isReading = false;
  #ended: { readonly error?: unknown } | undefined;
  /** Of a reader that waits. */
  #resolve: ((result: IteratorResult<Uint8Array> | Promise<IteratorResult<Uint8Array>>) => void) | undefined;

  /** Of {@link each}. */
  #taker: { readonly take: Take<Uint8Array>; resolve(): void; reject(error: unknown): void } | undefined;

  constructor(source: QueueSource, watcher: QueueWatcher) {
    this.#source = source;
    this.#watcher = watcher;
  }

  push(message: Uint8Array): void {
    if (this.#ended) return;
    this.#watcher.unpacked(message.byteLength);
    if (this.#resolve !== undefined) {
      const resolve = this.#resolve;
      this.#resolve = undefined;
      this.#isReading = true;
      return resolve({ done: false, value: message });
    }
    if (this.#taker !== undefined && !this.#isReading) return this.#give(message);
    this.#messages.push(message);
    this.#bytes += message.byteLength;
    if (!this.#paused && (this.#messages.length - this.#head >= MESSAGES_MAX || this.#bytes >= BYTES_MAX)) {
      this.#paused = true;
      this.#source.pause();
    }
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** What was pushed before is still read. */
  end(): void {
    this.#finish({});
  }

  /** What was pushed before is dropped. */
  fail(error: unknown): void {
    this.#messages = [];
    this.#head = 0;
    this.#finish({ error });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    this.#noteTaken();
    if (this.#head < this.#messages.length) return Promise.resolve({ done: false, value: this.#take() });
    if (this.#ended) return this.#ending();
    return new Promise((resolve) => void (this.#resolve = resolve));
  }

  each(take: Take<Uint8Array>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#noteTaken();
    this.#taker = { take, resolve, reject };
    this.#handOver();
    return promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.fail(new Error("the reader has left"));
    return { done: true, value: undefined };
  }

  #handOver(): void {
    while (!this.#isReading && this.#head < this.#messages.length) this.#give(this.#take());
    if (this.#isReading || this.#ended === undefined) return;
    const { resolve, reject } = this.#taker!;
    if ("error" in this.#ended) reject(this.#ended.error);
    else resolve();
  }

  /** To the taker. */
  #give(message: Uint8Array): void {
    this.#isReading = true;
    try {
      const later = this.#taker!.take(message);
      if (later === undefined) this.#noteTaken();
      else
        later.then(
          () => this.#goOn(),
          (error: unknown) => this.#giveUp(error),
        );
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#taker!.reject(error);
    this.fail(error);
  }

  #goOn(): void {
    this.#noteTaken();
    this.#handOver();
  }

  #noteTaken(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#watcher.taken();
  }

  #take(): Uint8Array {
    const message = this.#messages[this.#head++];
    this.#bytes -= message.byteLength;
    this.#isReading = true;
    if (this.#head === this.#messages.length) {
      this.#messages = [];
      this.#head = 0;
      if (this.#paused) {
        this.#paused = false;
        this.#source.resume();
      }
    }
    return message;
  }

  #finish(ended: { readonly error?: unknown }): void {
    if (this.#ended) return;
    this.#ended = ended;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(this.#ending());
    if (this.#taker === undefined) return;
    if ("error" in ended) this.#taker.reject(ended.error);
    else this.#handOver();
  }

  #ending(): Promise<IteratorResult<Uint8Array>> {
    const { error } = this.#ended!;
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }
}
