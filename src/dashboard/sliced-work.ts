/**
 * Work over all series on the event loop: generators, driven a few milliseconds at a time. One slice runs between two
 * turns of the loop however much is asked, so that points and pushes never wait for longer than that.
 */
import { WatchpostError } from "../model/errors.ts";

/** Yields wherever it may be interrupted. */
export type Work<T> = Generator<void, T>;

interface Task {
  /** Advances until its time is over; whether it has ended. */
  advance(untilMs: number): boolean;
}

const SLICE_MS = 3;
const TASKS_MAX = 64;

export class SlicedWork {
  readonly #nowMs: () => number;
  readonly #defer: (run: () => void) => void;
  /** The next in turn first. */
  #tasks: Task[] = [];
  #scheduled = false;

  /** `defer` runs a function once what waits has had its turn. */
  constructor(nowMs: () => number, defer: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#nowMs = nowMs;
    this.#defer = defer;
  }

  /**
   * What `work` returns. Fails with what it throws, with CANCELLED when `signal` aborts, and with RESOURCE_EXHAUSTED
   * when too much is asked at once.
   */
  run<T>(work: Work<T>, signal: AbortSignal): Promise<T> {
    if (this.#tasks.length >= TASKS_MAX) {
      const message = `${TASKS_MAX} requests over all series are under way, the most at once; try again later`;
      return Promise.reject(new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      const advance = (untilMs: number): boolean => {
        try {
          do {
            if (signal.aborted) {
              work.return(undefined as never);
              reject(new WatchpostError("CANCELLED", "the request was cancelled by its caller"));
              return true;
            }
            const { done, value } = work.next();
            if (done) {
              resolve(value);
              return true;
            }
          } while (this.#nowMs() < untilMs);
          return false;
        } catch (error) {
          reject(error);
          return true;
        }
      };
      this.#tasks.push({ advance });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(() => {
      this.#scheduled = false;
      const task = this.#tasks.shift()!;
      if (!task.advance(this.#nowMs() + SLICE_MS)) this.#tasks.push(task);
      if (this.#tasks.length > 0) this.#schedule();
    });
  }
}
