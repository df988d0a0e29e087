/** Requests that take long to read, a few milliseconds at a time: between two turns of the event loop one slice of one of them. */
import { WatchpostError } from "../../model/errors.ts";

const SLICE_MS = 10;

export class Slices {
  readonly #nowMs: () => number;
  readonly #defer: (run: () => void) => void;
  /** Those whose next slice waits, the longest waiting first. */
  readonly #waiting: (() => void)[] = [];

  /** `defer` runs a function once what waits has had its turn. */
  constructor(nowMs: () => number, defer: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#nowMs = nowMs;
    this.#defer = defer;
  }

  /**
   * Calls `step`, which takes far less than a slice, until it says that it was the last; at once for as long as a slice may
   * take. `rest` is awaited after each slice but the last. Rejects with what they throw, with CANCELLED when `signal` aborts.
   */
  async run(step: () => boolean, rest: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      const untilMs = this.#nowMs() + SLICE_MS;
      do {
        if (step()) return;
      } while (this.#nowMs() < untilMs);
      await rest();
      await this.#turn();
      if (signal.aborted) throw new WatchpostError("CANCELLED", "the request was given up by its sender");
    }
  }

  #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    if (this.#waiting.length === 1) this.#defer(() => this.#wake());
    return promise;
  }

  #wake(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) this.#defer(() => this.#wake());
  }
}
