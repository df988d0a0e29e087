/** Long work on the event loop in pieces: what waits has its turn in between. */
import type { Clock } from "../../model/clock.ts";
import type { Slice } from "../../store/slice.ts";

const SLICE_MS = 3;

export class Breather {
  readonly #clock: Pick<Clock, "monotonicMs">;
  #untilMs: number;
  readonly slice: Slice = { over: () => this.#clock.monotonicMs() >= this.#untilMs };

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + SLICE_MS;
  }

  /** Resolves at once as long as the piece lasts. */
  async breathe(): Promise<void> {
    if (!this.slice.over()) return;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#untilMs = this.#clock.monotonicMs() + SLICE_MS;
  }

  /** What `work` returns. */
  async run<T>(work: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      await this.breathe();
    }
  }
}
