/** Messages of a stream for one reader: bounded by holding the sender back, ended or failed by the transport. */
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

export class MessageQueue implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #source: QueueSource;
  readonly #watcher: QueueWatcher;
  #messages: Uint8Array[] = [];
  #head = 0;
  #bytes = 0;
  #paused = false;
  /** The reader has a message and has not asked for the next. */
  #isReading = false;
  #ended: { readonly error?: unknown } | undefined;
  #reader: PromiseWithResolvers<IteratorResult<Uint8Array>> | undefined;

  constructor(source: QueueSource, watcher: QueueWatcher) {
    this.#source = source;
    this.#watcher = watcher;
  }

  push(message: Uint8Array): void {
    if (this.#ended) return;
    this.#watcher.unpacked(message.byteLength);
    if (this.#reader) {
      const reader = this.#reader;
      this.#reader = undefined;
      this.#isReading = true;
      return reader.resolve({ done: false, value: message });
    }
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
    if (this.#isReading) {
      this.#isReading = false;
      this.#watcher.taken();
    }
    if (this.#head < this.#messages.length) return Promise.resolve({ done: false, value: this.#take() });
    if (this.#ended) return this.#ending();
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.fail(new Error("the reader has left"));
    return { done: true, value: undefined };
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
    if (this.#reader === undefined) return;
    const { resolve } = this.#reader;
    this.#reader = undefined;
    resolve(this.#ending());
  }

  #ending(): Promise<IteratorResult<Uint8Array>> {
    const { error } = this.#ended!;
    return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
  }
}
