/** Calls that are about to join: they count as streams while nobody knows yet what for, and must say it soon. */
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";

const FIRST_WITHIN_MS = 10_000;

export class Arrivals {
  readonly #clock: Pick<Clock, "after">;
  readonly #streamsMax: number;
  readonly #streams: () => number;
  #count = 0;

  /** `streams`: in all sessions. */
  constructor(clock: Pick<Clock, "after">, streamsMax: number, streams: () => number) {
    this.#clock = clock;
    this.#streamsMax = streamsMax;
    this.#streams = streams;
  }

  /** Throws RESOURCE_EXHAUSTED where there are as many streams as may be. To be disposed of once it has joined, or will not. */
  arrive(): Disposable {
    const streams = this.#streams() + this.#count;
    if (streams >= this.#streamsMax) {
      const message = `${streams} streams are in sessions; at most ${this.#streamsMax} may be`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: 5_000 });
    }
    this.#count++;
    return { [Symbol.dispose]: () => void this.#count-- };
  }

  /** The first message of a call; undefined where it ended without. Throws DEADLINE_EXCEEDED where none comes within ten seconds. */
  async first<T>(input: AsyncIterator<T>): Promise<T | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    const cancel = this.#clock.after(FIRST_WITHIN_MS, () => {
      const message = `nothing came for ${FIRST_WITHIN_MS / 1_000} s that says which session this stream joins; wanted a first message at once`;
      reject(new WatchpostError("DEADLINE_EXCEEDED", message));
    });
    input.next().then(({ done, value }) => resolve(done ? undefined : value), reject);
    try {
      return await promise;
    } finally {
      cancel();
    }
  }
}
