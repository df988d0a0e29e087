/** One stream for all who want what is from a time on: from the earliest of these times. Pure. */

/** Follows from a time on; returns what stops it. */
export type FollowFrom = (fromMs: number) => () => void;

export class SharedRange {
  readonly #followFrom: FollowFrom;
  readonly #stepMs: number;
  readonly #soon: (run: () => void) => void;
  readonly #wanted = new Map<object, number>();
  #followed: { readonly fromMs: number; stop(): void } | undefined;
  #isDue = false;

  /** It begins at multiples of `stepMs`: ranges that move on do not begin it anew. `soon`: in a moment, for many come and go together. */
  constructor(followFrom: FollowFrom, stepMs: number, soon: (run: () => void) => void) {
    [this.#followFrom, this.#stepMs, this.#soon] = [followFrom, stepMs, soon];
  }

  /** Until what it returns is called. */
  want(fromMs: number): () => void {
    const key = {};
    this.#wanted.set(key, fromMs);
    this.#settleSoon();
    return () => {
      if (this.#wanted.delete(key)) this.#settleSoon();
    };
  }

  #settleSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#soon(() => {
      this.#isDue = false;
      this.#settle();
    });
  }

  #settle(): void {
    const isWanted = this.#wanted.size > 0;
    const fromMs = Math.max(0, Math.floor(Math.min(...this.#wanted.values()) / this.#stepMs) * this.#stepMs);
    if (isWanted && this.#followed !== undefined && this.#followed.fromMs <= fromMs) return;
    this.#followed?.stop();
    this.#followed = isWanted ? { fromMs, stop: this.#followFrom(fromMs) } : undefined;
  }
}
