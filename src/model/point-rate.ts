/** How many points come in a second, lately. Pure. */
const SECONDS = 10;
/** The one that is under way has a place of its own. */
const PLACES = SECONDS + 1;

export class PointRate {
  readonly #counts = new Float64Array(PLACES);
  /** The second that each count is of. */
  readonly #seconds = new Float64Array(PLACES).fill(-1);

  /** `nowMs`: monotonic. */
  add(points: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    const at = second % PLACES;
    if (this.#seconds[at] !== second) [this.#seconds[at], this.#counts[at]] = [second, 0];
    this.#counts[at] += points;
  }

  /** Of the ten whole seconds before this one. */
  perS(nowMs: number): number {
    const second = Math.floor(nowMs / 1_000);
    let points = 0;
    for (let at = 0; at < PLACES; at++) {
      const age = second - this.#seconds[at];
      if (age >= 1 && age <= SECONDS) points += this.#counts[at];
    }
    return points / SECONDS;
  }
}
