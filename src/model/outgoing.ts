/** Messages on their way to one reader, in order, and no more than it can fall behind with. */
export class Outgoing<T> implements AsyncIterable<T> {
  readonly #max: number;
  #waiting: T[] = [];
  #came = Promise.withResolvers<void>();
  #isEnded = false;

  /** `max`: of messages that wait; with one more the stream ends. */
  constructor(max: number) {
    this.#max = max;
  }

  /** False where it has ended, or ends since its reader is too far behind. */
  push(message: T): boolean {
    if (this.#waiting.length >= this.#max) this.end();
    if (this.#isEnded) return false;
    this.#waiting.push(message);
    this.#came.resolve();
    return true;
  }

  /** What waits is dropped. Idempotent. */
  end(): void {
    this.#isEnded = true;
    this.#waiting = [];
    this.#came.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    while (!this.#isEnded) {
      await this.#came.promise;
      this.#came = Promise.withResolvers();
      const messages = this.#waiting;
      this.#waiting = [];
      for (const message of messages) {
        if (this.#isEnded) return;
        yield message;
      }
    }
  }
}
