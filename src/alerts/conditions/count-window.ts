import { Panes, PANES_OF_WINDOW } from "./panes.ts";
import { RowQueue } from "./row-queue.ts";

const [TIME, COUNT] = [0, 1];
const COLUMNS = 2;

/** How many samples a window holds, and when, if no more come, there are at most `fewMax` of them. */
export class CountWindow {
  readonly #overUs: number;
  readonly #fewMax: number;
  readonly #panes: Panes;
  readonly #slots = new RowQueue(COLUMNS);
  #total = 0;
  /** The slot with which the window falls to `fewMax` samples; -1 where it holds no more than that. */
  #decisive = -1;
  /** Samples after that slot. */
  #after = 0;

  /** `fewMax`: a whole number; below 0: it is not asked for. */
  constructor(overUs: number, fewMax = -1) {
    this.#overUs = overUs;
    this.#fewMax = fewMax;
    this.#panes = new Panes(overUs / PANES_OF_WINDOW);
  }

  get total(): number {
    return this.#total;
  }

  /** -Infinity: there are at most `fewMax` now; Infinity: there never are fewer than none. */
  get fewFromUs(): number {
    if (this.#fewMax < 0) return Infinity;
    return this.#decisive < 0 ? -Infinity : this.#slots.get(this.#decisive, TIME) + this.#overUs;
  }

  /** Times ascend strictly. */
  take(timeUs: number): void {
    const slots = this.#slots;
    this.elapse(timeUs);
    this.#total++;
    if (this.#panes.begins(timeUs)) {
      const row = slots.push();
      slots.set(row, TIME, timeUs);
      slots.set(row, COUNT, 1);
    } else {
      const row = slots.length - 1;
      slots.set(row, TIME, timeUs);
      slots.set(row, COUNT, slots.get(row, COUNT) + 1);
    }
    if (this.#fewMax < 0 || this.#decisive === slots.length - 1) return;
    this.#after++;
    while (this.#after > this.#fewMax) this.#after -= slots.get(++this.#decisive, COUNT);
  }

  /** Samples that are too old at that time leave. */
  elapse(timeUs: number): void {
    const slots = this.#slots;
    while (slots.length > 0 && slots.get(0, TIME) <= timeUs - this.#overUs) {
      const left = slots.get(0, COUNT);
      this.#total -= left;
      if (this.#decisive >= 0) this.#decisive--;
      else this.#after -= left;
      slots.shift();
    }
  }
}
