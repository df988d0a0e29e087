/** The points of one series in the order they are shown in, and what of them stands at any time. Pure. */

/** Two columns of equal length, ascending in time. */
export interface SeriesView {
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
}

const ROOM_FIRST = 64;

export class ReplaySeries {
  readonly key: string;
  readonly metric: string;
  readonly device: string;
  readonly label: string;
  readonly unit: string;
  #shownMs = new Float64Array(ROOM_FIRST);
  #timesMs = new Float64Array(ROOM_FIRST);
  #values = new Float64Array(ROOM_FIRST);
  #length = 0;
  /** Where times do not ascend any more; Infinity: they do. */
  #disorder = Infinity;
  /** Once they do not: the first so many in order, each time once. */
  #merged: { count: number; timesMs: number[]; values: number[] } | undefined;

  constructor(key: string, metric: string, device: string, label: string, unit: string) {
    [this.key, this.metric, this.device, this.label, this.unit] = [key, metric, device, label, unit];
  }

  get length(): number {
    return this.#length;
  }

  /** Shown at a time that is no earlier than that of the one before. Of the same time as one before it takes its place. */
  add(shownMs: number, timeMs: number, value: number): void {
    const at = this.#length++;
    if (at === this.#timesMs.length) this.#grow();
    this.#shownMs[at] = at === 0 ? shownMs : Math.max(shownMs, this.#shownMs[at - 1]);
    this.#timesMs[at] = timeMs;
    this.#values[at] = value;
    if (at > 0 && timeMs <= this.#timesMs[at - 1]) this.#disorder = Math.min(this.#disorder, at);
  }

  /** What stands at a time. The columns hold for as long as nobody asks for another time. */
  at(timeMs: number): SeriesView {
    const count = countUpTo(this.#shownMs, this.#length, timeMs);
    if (count <= this.#disorder) {
      return { timesMs: this.#timesMs.subarray(0, count), values: this.#values.subarray(0, count) };
    }
    const merged = this.#mergedUpTo(count);
    return { timesMs: Float64Array.from(merged.timesMs), values: Float64Array.from(merged.values) };
  }

  #mergedUpTo(count: number) {
    if (this.#merged === undefined || this.#merged.count > count) this.#merged = { count: 0, timesMs: [], values: [] };
    const { timesMs, values } = this.#merged;
    for (let i = this.#merged.count; i < count; i++) {
      const [timeMs, value] = [this.#timesMs[i], this.#values[i]];
      if (timeMs > (timesMs.at(-1) ?? -Infinity)) {
        timesMs.push(timeMs);
        values.push(value);
        continue;
      }
      const at = countUpTo(timesMs, timesMs.length, timeMs);
      if (timesMs[at - 1] === timeMs) values[at - 1] = value;
      else {
        timesMs.splice(at, 0, timeMs);
        values.splice(at, 0, value);
      }
    }
    this.#merged.count = count;
    return this.#merged;
  }

  #grow(): void {
    const grown = (column: Float64Array) => {
      const larger = new Float64Array(column.length * 2);
      larger.set(column);
      return larger;
    };
    [this.#shownMs, this.#timesMs, this.#values] = [this.#shownMs, this.#timesMs, this.#values].map(grown);
  }
}

/** How many of the first `length`, ascending, are no greater. */
export function countUpTo(column: ArrayLike<number>, length: number, value: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
