/** How often receivers may be tested: what is sent reaches people, and services that count. */
import { formatDurationMs } from "../../model/duration.ts";
import { WatchpostError } from "../../model/errors.ts";

/** From one test of a receiver to the next. */
export const TEST_INTERVAL_MS = 10_000;
/** Of all receivers together, in {@link TESTS_WITHIN_MS}. */
export const TESTS_MAX = 30;
export const TESTS_WITHIN_MS = 5 * 60_000;

export class TestLimit {
  /** Monotonic, ascending; at most {@link TESTS_MAX}. */
  #tests: { readonly receiver: string; readonly atMs: number }[] = [];

  /** Counts a test. Throws RESOURCE_EXHAUSTED, with when to try again, where there are too many. `atMs`: monotonic. */
  take(receiver: string, atMs: number): void {
    this.#tests = this.#tests.filter((test) => atMs - test.atMs < TESTS_WITHIN_MS);
    const last = this.#tests.findLast((test) => test.receiver === receiver);
    if (last !== undefined && atMs - last.atMs < TEST_INTERVAL_MS) {
      throw tooOften(`${JSON.stringify(receiver)} has just been tested`, TEST_INTERVAL_MS - (atMs - last.atMs));
    }
    if (this.#tests.length >= TESTS_MAX) {
      const said = `${TESTS_MAX} tests of receivers in ${formatDurationMs(TESTS_WITHIN_MS)} are the most there may be`;
      throw tooOften(said, TESTS_WITHIN_MS - (atMs - this.#tests[0].atMs));
    }
    this.#tests.push({ receiver, atMs });
  }
}

function tooOften(said: string, retryAfterMs: number): WatchpostError {
  const seconds = Math.ceil(retryAfterMs / 1_000);
  return new WatchpostError("RESOURCE_EXHAUSTED", `${said}: try again in ${seconds} s`, { retryAfterMs });
}
