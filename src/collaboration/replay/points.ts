/**
 * Points on their way into a replay, as columns. As seen a point stands at its arrival, which is known to the second: at its
 * own time where that lies within the second, otherwise at the end of it that is nearer. As known now it stands at its own time.
 */
import type { Standing, TimeRange } from "./recording.ts";

interface Points {
  /** Positions among the recording's series. */
  readonly slots: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** In order of arrival. */
export interface ArrivedPoints extends Points {
  /** Unix seconds. */
  readonly arrivalsS: Float64Array;
}

/** In order of being shown. */
export interface ShownPoints extends Points {
  /** Never falling, also from one part to the next. */
  readonly shownUs: Float64Array;
}

/** Rows of one second that are put in order together; with more the order within the second is that of the series. */
const SECOND_ROWS_MAX = 500_000;
const SECOND_US = 1_000_000;

/**
 * What of arrivals is shown in a range, after what stands at its beginning: `standing` is of the second it begins in, and is
 * brought up to the microsecond here.
 */
export async function* shownAsSeen(
  parts: AsyncIterable<ArrivedPoints>,
  standing: Standing,
  { fromUs, toUs }: TimeRange,
): AsyncGenerator<ShownPoints> {
  const stands = new Stands(standing);
  let hasBegun = false;
  for await (const shown of inOrderOfShowing(parts)) {
    const from = hasBegun ? 0 : firstAtOrAfter(shown.shownUs, fromUs);
    for (let i = 0; i < from; i++) stands.take(shown.slots[i], shown.timesUs[i], shown.values[i]);
    const to = firstAtOrAfter(shown.shownUs, toUs);
    if (from === shown.slots.length || from >= to) {
      if (to < shown.slots.length) break;
      continue;
    }
    if (!hasBegun) yield stands.shownAt(fromUs);
    hasBegun = true;
    yield partOf(shown, from, to);
  }
  if (!hasBegun) yield stands.shownAt(fromUs);
}

/** Whole seconds, each in the order its points are shown in. */
async function* inOrderOfShowing(parts: AsyncIterable<ArrivedPoints>): AsyncGenerator<ShownPoints> {
  let waiting: ArrivedPoints | null = null;
  let lastUs = -Infinity;
  const sorted = (points: ArrivedPoints): ShownPoints => {
    const shownUs = points.timesUs.map((timeUs, i) => Math.max(lastUs, shownAt(timeUs, points.arrivalsS[i])));
    const shown = sortedBy(shownUs, { ...points, shownUs });
    lastUs = shown.shownUs.at(-1) ?? lastUs;
    return shown;
  };
  for await (const part of parts) {
    const all: ArrivedPoints = waiting === null ? part : joined(waiting, part);
    const lastS = all.arrivalsS.at(-1);
    let to = all.arrivalsS.length;
    while (to > 0 && all.arrivalsS[to - 1] === lastS) to--;
    // The second may go on in the next part.
    if (all.arrivalsS.length - to > SECOND_ROWS_MAX) to = all.arrivalsS.length;
    if (to > 0) yield sorted(slicedArrivals(all, 0, to));
    waiting = slicedArrivals(all, to, all.arrivalsS.length);
  }
  if (waiting !== null && waiting.slots.length > 0) yield sorted(waiting);
}

/** Rows of a part of time that are by series, by time. */
export function shownAsKnown(points: Points): ShownPoints {
  const order = orderOf(points.timesUs);
  const timesUs = picked(points.timesUs, order);
  return { slots: picked(points.slots, order), timesUs, values: picked(points.values, order), shownUs: timesUs };
}

/** The latest point of each series. */
export class Stands {
  readonly #timesUs: Float64Array;
  readonly #values: Float64Array;

  constructor({ timesUs, values }: Standing) {
    this.#timesUs = timesUs.slice();
    this.#values = values.slice();
  }

  /** Of one time the last one given stands. */
  take(slot: number, timeUs: number, value: number): void {
    if (timeUs < this.#timesUs[slot]) return;
    this.#timesUs[slot] = timeUs;
    this.#values[slot] = value;
  }

  get standing(): Standing {
    return { timesUs: this.#timesUs, values: this.#values };
  }

  shownAt(atUs: number): ShownPoints {
    const slots = Uint32Array.from([...this.#timesUs.keys()].filter((slot) => !Number.isNaN(this.#timesUs[slot])));
    const timesUs = Float64Array.from(slots, (slot) => this.#timesUs[slot]);
    const values = Float64Array.from(slots, (slot) => this.#values[slot]);
    return { slots, timesUs, values, shownUs: new Float64Array(slots.length).fill(atUs) };
  }
}

/** Rows [from, to), as views. */
export function partOf({ slots, timesUs, values, shownUs }: ShownPoints, from: number, to: number): ShownPoints {
  return {
    slots: slots.subarray(from, to),
    timesUs: timesUs.subarray(from, to),
    values: values.subarray(from, to),
    shownUs: shownUs.subarray(from, to),
  };
}

/** The first position whose time is at or after `timeUs`; the length where there is none. */
export function firstAtOrAfter(timesUs: Float64Array, timeUs: number): number {
  let [low, high] = [0, timesUs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesUs[middle] < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function slicedArrivals(points: ArrivedPoints, from: number, to: number): ArrivedPoints {
  const { slots, timesUs, values, arrivalsS } = points;
  return {
    slots: slots.slice(from, to),
    timesUs: timesUs.slice(from, to),
    values: values.slice(from, to),
    arrivalsS: arrivalsS.slice(from, to),
  };
}

function shownAt(timeUs: number, arrivalS: number): number {
  const secondUs = arrivalS * SECOND_US;
  return Math.min(Math.max(timeUs, secondUs), secondUs + SECOND_US - 1);
}

function sortedBy(keys: Float64Array, points: ShownPoints): ShownPoints {
  if (keys.every((key, i) => i === 0 || key >= keys[i - 1])) return points;
  const order = orderOf(keys);
  return {
    slots: picked(points.slots, order),
    timesUs: picked(points.timesUs, order),
    values: picked(points.values, order),
    shownUs: picked(points.shownUs, order),
  };
}

/** Of equal keys the first one first. Sorted as numbers of key and place where these fit together: a comparing function takes longer. */
function orderOf(keys: Float64Array): Uint32Array {
  const { length } = keys;
  let [least, most] = [Infinity, -Infinity];
  for (const key of keys) [least, most] = [Math.min(least, key), Math.max(most, key)];
  if ((most - least + 1) * length > Number.MAX_SAFE_INTEGER) {
    return Uint32Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b] || a - b);
  }
  const both = keys.map((key, i) => (key - least) * length + i).sort();
  return Uint32Array.from(both, (one) => one % length);
}

function picked<T extends Float64Array | Uint32Array>(column: T, order: Uint32Array): T {
  const cells = column.slice(0, order.length) as T;
  for (let i = 0; i < order.length; i++) cells[i] = column[order[i]];
  return cells;
}

function joined(a: ArrivedPoints, b: ArrivedPoints): ArrivedPoints {
  const both = <T extends Float64Array | Uint32Array>(first: T, second: T, into: T): T => {
    into.set(first);
    into.set(second, first.length);
    return into;
  };
  const rows = a.slots.length + b.slots.length;
  return {
    slots: both(a.slots, b.slots, new Uint32Array(rows)),
    timesUs: both(a.timesUs, b.timesUs, new Float64Array(rows)),
    values: both(a.values, b.values, new Float64Array(rows)),
    arrivalsS: both(a.arrivalsS, b.arrivalsS, new Float64Array(rows)),
  };
}
