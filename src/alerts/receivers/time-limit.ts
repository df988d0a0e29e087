import type { Clock } from "../../model/clock.ts";

/** A signal that comes with another one or when its time is up. Nothing is left of it once it is disposed of. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #cancelTimer: () => void;
  readonly #parent: AbortSignal;
  readonly #onParent = () => this.#controller.abort();
  #isOver = false;

  constructor(clock: Clock, limitMs: number, parent: AbortSignal) {
    this.#parent = parent;
    this.#cancelTimer = clock.after(limitMs, () => {
      this.#isOver = true;
      this.#controller.abort();
    });
    if (parent.aborted) this.#controller.abort();
    else parent.addEventListener("abort", this.#onParent, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Its time was up, before the other signal came. */
  get isOver(): boolean {
    return this.#isOver;
  }

  [Symbol.dispose](): void {
    this.#cancelTimer();
    this.#parent.removeEventListener("abort", this.#onParent);
  }
}
