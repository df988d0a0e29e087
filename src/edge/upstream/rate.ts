/** Points and bytes a second, over the last minute. */

const SLOTS = 60;
const SLOT_MS = 1_000;

export class Rate {
  readonly #startedMs: number;
  readonly #points = new Float64Array(SLOTS);
  readonly #bytes = new Float64Array(SLOTS);
  #slot: number;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
    this.#slot = Math.floor(nowMs / SLOT_MS);
  }

  add(points: number, bytes: number, nowMs: number): void {
    this.#moveTo(nowMs);
    this.#points[this.#slot % SLOTS] += points;
    this.#bytes[this.#slot % SLOTS] += bytes;
  }

  perSecond(nowMs: number): { readonly points: number; readonly bytes: number } {
    this.#moveTo(nowMs);
    const seconds = Math.min(SLOTS, Math.max(1, (nowMs - this.#startedMs) / SLOT_MS));
    const sum = (column: Float64Array) => column.reduce((all, each) => all + each, 0);
    return { points: sum(this.#points) / seconds, bytes: sum(this.#bytes) / seconds };
  }

  #moveTo(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    for (let next = Math.max(this.#slot + 1, slot - SLOTS + 1); next <= slot; next++) {
      this.#points[next % SLOTS] = this.#bytes[next % SLOTS] = 0;
    }
    this.#slot = Math.max(this.#slot, slot);
  }
}
