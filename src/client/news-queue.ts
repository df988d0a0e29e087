/** Items from whoever makes them to one reader, who holds the maker back when too many wait. */
export class NewsQueue<T> implements AsyncIterable<T> {
  readonly #waitingMax: number;
  readonly #waiting: T[] = [];
  #end: { readonly error: unknown } | "ended" | undefined;
  #hasLeft = false;
  #wakeReader = () => {};
  #wakeMaker = () => {};

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  /** Resolves when there is room for a further one. What nobody reads any more is dropped. */
  async push(item: T): Promise<void> {
    if (this.#hasLeft || this.#end !== undefined) return;
    this.#waiting.push(item);
    this.#wakeReader();
    while (this.#waiting.length >= this.#waitingMax && !this.#hasLeft && this.#end === undefined) {
      await new Promise<void>((resolve) => (this.#wakeMaker = resolve));
    }
  }

  /** Nothing comes after what waits. */
  end(): void {
    this.#end ??= "ended";
    this.#wakeReader();
    this.#wakeMaker();
  }

  /** The reader is thrown `error` after what waits. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wakeReader();
    this.#wakeMaker();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        while (this.#waiting.length > 0) {
          const item = this.#waiting.shift()!;
          this.#wakeMaker();
          yield item;
        }
        if (this.#end === "ended") return;
        if (this.#end !== undefined) throw this.#end.error;
        await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      }
    } finally {
      this.#hasLeft = true;
      this.#waiting.length = 0;
      this.#wakeMaker();
    }
  }
}
