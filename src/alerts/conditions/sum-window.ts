import { Panes, PANES_OF_WINDOW } from "./panes.ts";
import { RowQueue } from "./row-queue.ts";

const [TIME, COUNT, HIGH, LOW] = [0, 1, 2, 3];
const COLUMNS = 4;
/** What is beyond counts as this, so that sums of a hundred million values stay finite. */
export const SUM_VALUE_MAX = 1e290;
/** 2^27 + 1, which halves the digits of a double (Veltkamp 1968). */
const HALVING = 134_217_729;

/**
 * Sum and average of a window, in amortized constant time. Nothing is subtracted, for what a large value took from a sum
 * does not come back with it: the older slots carry the sum from them on, the newer ones are summed up as they come, and
 * once no older ones are left the newer become them (two stacks; Tangwongsan et al., General Incremental Sliding-Window
 * Aggregation, 2015). Sums are of twice the precision of doubles (Neumaier 1974), so they do not drift, and the average of
 * equal values is that value.
 */
export class SumWindow {
  readonly #overUs: number;
  readonly #panes: Panes;
  readonly #slots = new RowQueue(COLUMNS);
  /** Slots, the oldest, that carry the sum from them to the last of them. */
  #carrying = 0;
  /** Sum of the other slots. */
  #high = 0;
  #low = 0;
  #count = 0;

  constructor(overUs: number) {
    this.#overUs = overUs;
    this.#panes = new Panes(overUs / PANES_OF_WINDOW);
  }

  /** Times ascend strictly. */
  take(timeUs: number, value: number): void {
    this.#leave(timeUs - this.#overUs);
    this.#enter(timeUs, Math.max(-SUM_VALUE_MAX, Math.min(SUM_VALUE_MAX, value)));
  }

  /** Of the window that ends with the latest sample. */
  get sum(): number {
    return this.#dividedBy(1);
  }

  get mean(): number {
    return this.#dividedBy(this.#count);
  }

  #dividedBy(count: number): number {
    if (this.#carrying === 0) return quotient(this.#high, this.#low, count);
    const other = this.#slots.get(0, HIGH);
    const high = this.#high + other;
    return quotient(high, errorOf(this.#high, other, high) + this.#slots.get(0, LOW) + this.#low, count);
  }

  #enter(timeUs: number, value: number): void {
    const slots = this.#slots;
    this.#count++;
    const high = this.#high + value;
    this.#low += errorOf(this.#high, value, high);
    this.#high = high;
    if (this.#panes.begins(timeUs)) {
      const row = slots.push();
      slots.set(row, TIME, timeUs);
      slots.set(row, COUNT, 1);
      slots.set(row, HIGH, value);
      slots.set(row, LOW, 0);
      return;
    }
    const row = slots.length - 1;
    const before = slots.get(row, HIGH);
    const sum = before + value;
    slots.set(row, TIME, timeUs);
    slots.set(row, COUNT, slots.get(row, COUNT) + 1);
    slots.set(row, HIGH, sum);
    slots.set(row, LOW, slots.get(row, LOW) + errorOf(before, value, sum));
  }

  #leave(untilUs: number): void {
    const slots = this.#slots;
    while (slots.length > 0 && slots.get(0, TIME) <= untilUs) {
      if (slots.length === 1) this.#high = this.#low = 0;
      else if (this.#carrying === 0) this.#carry();
      this.#count -= slots.get(0, COUNT);
      if (this.#carrying > 0) this.#carrying--;
      slots.shift();
    }
  }

  /** All slots but the newest, which samples may still join, carry. */
  #carry(): void {
    const slots = this.#slots;
    const newest = slots.length - 1;
    let [high, low] = [0, 0];
    for (let row = newest - 1; row >= 0; row--) {
      const other = slots.get(row, HIGH);
      const sum = high + other;
      low += errorOf(high, other, sum) + slots.get(row, LOW);
      high = sum;
      slots.set(row, HIGH, high);
      slots.set(row, LOW, low);
    }
    this.#carrying = newest;
    this.#high = slots.get(newest, HIGH);
    this.#low = slots.get(newest, LOW);
  }
}

/** What rounding took from the sum of two doubles (Knuth's two-sum). */
function errorOf(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** (high + low) / count, rounded once. */
function quotient(high: number, low: number, count: number): number {
  const first = high / count;
  const scaled = HALVING * first;
  const head = scaled - (scaled - first);
  const rest = high - head * count - (first - head) * count + low;
  return first + rest / count;
}
