/**
 * Background work is written as generators that yield when their slice of time is over, so that the worker's thread
 * goes back to its messages: absorbing a record never waits longer than one slice.
 */
export interface Slice {
  /** Whether the running slice has used its time: the generator yields now. */
  over(): boolean;
}

/** For work nothing waits behind, as at opening. */
export const ENDLESS_SLICE: Slice = { over: () => false };

/** Runs sliced work to its end at once. */
export function runToEnd<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
