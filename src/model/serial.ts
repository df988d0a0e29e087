/** Runs what concerns one thing one after the other, and different things side by side. */
export class Serial {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Settles as `run` does, which begins once all before it of the same key are settled. */
  run<T>(key: string, run: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(key) ?? Promise.resolve()).then(run, run);
    this.#last.set(key, done);
    const forget = () => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    };
    done.then(forget, forget);
    return done;
  }
}
