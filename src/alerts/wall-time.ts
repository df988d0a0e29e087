/**
 * Tells when the wall clock was set back, or begins behind what is stored: gateways have no battery for theirs. What comes
 * then is taken for as much later as time has passed, until the clock has caught up.
 */
const TOLERANCE_MS = 1_000;

export class WallTime {
  #newestMs: number;
  #newestAtMs: number;

  /** `newestMs`: the latest arrival so far, NaN where there is none; `atMs`: now, monotonic. */
  constructor(newestMs: number, atMs: number) {
    this.#newestMs = newestMs;
    this.#newestAtMs = atMs;
  }

  /** By how much an arrival is behind. */
  shiftOf(arrivalMs: number, atMs: number): number {
    const expectedMs = this.#newestMs + (atMs - this.#newestAtMs);
    if (arrivalMs < expectedMs - TOLERANCE_MS) return expectedMs - arrivalMs;
    this.#newestMs = arrivalMs;
    this.#newestAtMs = atMs;
    return 0;
  }
}
