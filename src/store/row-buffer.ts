/** Rows of one series being gathered, sorted and cleaned on their way into a chunk or an answer. */
import type { Slice } from "./slice.ts";

const SORT_IN_PLACE_MAX = 24;
const ROWS_PER_CHECK = 65_536;

/** Growing columns of equal length, reused from one series to the next. */
export class RowBuffer {
  timesUs: Float64Array;
  values: Float64Array;
  /** Unix seconds. */
  arrivalsS: Float64Array;
  length = 0;
  readonly #sorter = new RunSorter();

  constructor(capacity = 8192) {
    this.timesUs = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.arrivalsS = new Float64Array(capacity);
  }

  /** Makes room for `rows` more and returns where they start; `length` counts them. */
  extend(rows: number): number {
    const from = this.length;
    this.length += rows;
    if (this.length > this.timesUs.length) {
      const capacity = Math.max(this.length, 2 * this.timesUs.length);
      this.timesUs = grown(this.timesUs, from, capacity);
      this.values = grown(this.values, from, capacity);
      this.arrivalsS = grown(this.arrivalsS, from, capacity);
    }
    return from;
  }

  /** Gives back what a rare huge series needed. */
  clear(capacityMax = 1 << 20): void {
    this.length = 0;
    if (this.timesUs.length <= capacityMax) return;
    this.timesUs = new Float64Array(8192);
    this.values = new Float64Array(8192);
    this.arrivalsS = new Float64Array(8192);
  }

  /** Whether times always rise: nothing to sort, no time twice, and most series spare themselves a generator. */
  get isRising(): boolean {
    const { timesUs, length } = this;
    for (let i = 1; i < length; i++) if (timesUs[i] <= timesUs[i - 1]) return false;
    return true;
  }

  /** Ascending by time; rows of equal time keep their order, which is their order of arrival. */
  *sort(slice: Slice): Generator<void, void> {
    const { timesUs, values, arrivalsS, length } = this;
    if (length <= SORT_IN_PLACE_MAX) return insertionSort(timesUs, values, arrivalsS, length);
    const order = yield* this.#sorter.order(timesUs, length, slice);
    const permuted = new Float64Array(length);
    for (const column of [timesUs, values, arrivalsS]) {
      for (let i = 0; i < length; i++) permuted[i] = column[order[i]];
      column.set(permuted);
      if (slice.over()) yield;
    }
  }

  /**
   * Of sorted rows: drops those that repeat the value already standing at their time, which stands from the earliest of
   * their arrivals, and of writes that are there more than once, as after a crash, all but the last.
   */
  dropRepeats(): void {
    const { timesUs, values, arrivalsS, length } = this;
    let kept = 0;
    for (let from = 0; from < length;) {
      let to = from + 1;
      while (to < length && timesUs[to] === timesUs[from]) to++;
      // Two writes can only be there twice as neighbours, which repeat each other.
      const again = to - from > 2 ? this.#writtenAgain(from, to) : null;
      const first = kept;
      for (let i = from; i < to; i++) {
        if (again?.has(i)) continue;
        if (kept > first && Object.is(values[i], values[kept - 1])) {
          // What a crash wrote again may stand behind a repeat that came later.
          arrivalsS[kept - 1] = Math.min(arrivalsS[kept - 1], arrivalsS[i]);
          continue;
        }
        if (kept !== i) {
          timesUs[kept] = timesUs[i];
          values[kept] = values[i];
          arrivalsS[kept] = arrivalsS[i];
        }
        kept++;
      }
      from = to;
    }
    this.length = kept;
  }

  /** Drops rows that arrived later than `asOfS`. */
  keepArrived(asOfS: number): void {
    this.keep(0, (_, arrivalS) => arrivalS <= asOfS);
  }

  /** Of the rows from position `from` on: drops those that are not wanted. */
  keep(from: number, isWanted: (timeUs: number, arrivalS: number) => boolean): void {
    const { timesUs, values, arrivalsS, length } = this;
    let kept = from;
    for (let i = from; i < length; i++) {
      if (!isWanted(timesUs[i], arrivalsS[i])) continue;
      timesUs[kept] = timesUs[i];
      values[kept] = values[i];
      arrivalsS[kept++] = arrivalsS[i];
    }
    this.length = kept;
  }

  /** Of sorted rows: the last one of each time stays. Arrivals are not looked after. */
  keepLatest(): void {
    const { timesUs, values, length } = this;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      if (i + 1 < length && timesUs[i] === timesUs[i + 1]) continue;
      timesUs[kept] = timesUs[i];
      values[kept++] = values[i];
    }
    this.length = kept;
  }

  /** Of rows [from, to): those whose value and arrival stand again further on. */
  #writtenAgain(from: number, to: number): Set<number> {
    const again = new Set<number>();
    const later = new Set<string>();
    for (let i = to - 1; i >= from; i--) {
      const write = `${Object.is(this.values[i], -0) ? "-0" : this.values[i]} ${this.arrivalsS[i]}`;
      if (later.has(write)) again.add(i);
      later.add(write);
    }
    return again;
  }
}

/** Natural merge sort of times with their positions: bottom up over the ascending runs that are there already. */
class RunSorter {
  #fromTimes = new Float64Array(0);
  #toTimes = new Float64Array(0);
  #fromOrder = new Uint32Array(0);
  #toOrder = new Uint32Array(0);

  /** `order[i]` is the position of the row that comes i-th. Valid until the next call. */
  *order(timesUs: Float64Array, length: number, slice: Slice): Generator<void, Uint32Array> {
    if (this.#fromTimes.length < length || this.#fromTimes.length > 4 * length + 65_536) {
      this.#fromTimes = new Float64Array(length);
      this.#toTimes = new Float64Array(length);
      this.#fromOrder = new Uint32Array(length);
      this.#toOrder = new Uint32Array(length);
    }
    this.#fromTimes.set(timesUs.subarray(0, length));
    for (let i = 0; i < length; i++) this.#fromOrder[i] = i;
    let starts = runStarts(timesUs, length);
    while (starts.length > 2) {
      const merged: number[] = [];
      let sinceCheck = 0;
      for (let run = 0; run + 1 < starts.length; run += 2) {
        const from = starts[run];
        const middle = starts[run + 1];
        const to = run + 2 < starts.length ? starts[run + 2] : middle;
        merged.push(from);
        this.#merge(from, middle, to);
        sinceCheck += to - from;
        if (sinceCheck >= ROWS_PER_CHECK) {
          sinceCheck = 0;
          if (slice.over()) yield;
        }
      }
      merged.push(length);
      starts = merged;
      [this.#fromTimes, this.#toTimes] = [this.#toTimes, this.#fromTimes];
      [this.#fromOrder, this.#toOrder] = [this.#toOrder, this.#fromOrder];
    }
    return this.#fromOrder;
  }

  #merge(from: number, middle: number, to: number): void {
    const times = this.#fromTimes;
    const order = this.#fromOrder;
    const toTimes = this.#toTimes;
    const toOrder = this.#toOrder;
    let left = from;
    let right = middle;
    for (let at = from; at < to; at++) {
      const takeLeft = right >= to || (left < middle && times[left] <= times[right]);
      const row = takeLeft ? left++ : right++;
      toTimes[at] = times[row];
      toOrder[at] = order[row];
    }
  }
}

/** Where ascending runs start, and the length. */
function runStarts(timesUs: Float64Array, length: number): number[] {
  const starts = [0];
  for (let i = 1; i < length; i++) if (timesUs[i] < timesUs[i - 1]) starts.push(i);
  starts.push(length);
  return starts;
}

function insertionSort(timesUs: Float64Array, values: Float64Array, arrivalsS: Float64Array, length: number): void {
  for (let i = 1; i < length; i++) {
    const time = timesUs[i];
    const value = values[i];
    const arrival = arrivalsS[i];
    let at = i;
    for (; at > 0 && timesUs[at - 1] > time; at--) {
      timesUs[at] = timesUs[at - 1];
      values[at] = values[at - 1];
      arrivalsS[at] = arrivalsS[at - 1];
    }
    timesUs[at] = time;
    values[at] = value;
    arrivalsS[at] = arrival;
  }
}

function grown(column: Float64Array, used: number, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(column.subarray(0, used));
  return larger;
}
