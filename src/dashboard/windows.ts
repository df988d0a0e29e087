/** What happened to each series of a feed since its last update, in columns by slot. */
export interface WindowOfSeries {
  readonly last: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly count: number;
  /** Change of the value per second of event time; 0 where it cannot be told. */
  readonly rate: number;
}

/** Columns a slot: count, min, max, sum, last time, last value, time and value before the window. */
const COLUMNS = 8;
const [COUNT, MIN, MAX, SUM, TIME, LAST, TIME_BEFORE, BEFORE] = [0, 1, 2, 3, 4, 5, 6, 7];

export class Windows {
  #columns = new Float64Array(64 * COLUMNS);

  /** A new slot; `timeUs` and `value` stand before the window, NaN where nothing does. */
  add(slot: number, timeUs: number, value: number): void {
    this.#reach(slot);
    this.#columns[slot * COLUMNS + TIME] = timeUs;
    this.#columns[slot * COLUMNS + LAST] = value;
    this.reset(slot);
  }

  /** Takes a point that is not older than those before it. */
  take(slot: number, timeUs: number, value: number): void {
    this.takeLate(slot, value);
    const c = this.#columns;
    const at = slot * COLUMNS;
    c[at + TIME] = timeUs;
    c[at + LAST] = value;
  }

  /** Takes a point that is older than the one before it: it is in everything but last and rate. */
  takeLate(slot: number, value: number): void {
    const c = this.#columns;
    const at = slot * COLUMNS;
    c[at + COUNT]++;
    if (value < c[at + MIN]) c[at + MIN] = value;
    if (value > c[at + MAX]) c[at + MAX] = value;
    c[at + SUM] += value;
  }

  /** Appends the window of a slot in `later` to that slot's here. */
  append(slot: number, later: Windows): void {
    this.#reach(slot);
    const c = this.#columns;
    const l = later.#columns;
    const at = slot * COLUMNS;
    if (c[at + COUNT] === 0) return c.set(l.subarray(at, at + COLUMNS), at);
    c[at + COUNT] += l[at + COUNT];
    c[at + MIN] = Math.min(c[at + MIN], l[at + MIN]);
    c[at + MAX] = Math.max(c[at + MAX], l[at + MAX]);
    c[at + SUM] += l[at + SUM];
    c[at + TIME] = l[at + TIME];
    c[at + LAST] = l[at + LAST];
  }

  /** Undefined where no point came. */
  read(slot: number): WindowOfSeries | undefined {
    const c = this.#columns;
    const at = slot * COLUMNS;
    if (at >= c.length || c[at + COUNT] === 0) return undefined;
    const count = c[at + COUNT];
    const seconds = (c[at + TIME] - c[at + TIME_BEFORE]) / 1_000_000;
    const rate = seconds > 0 ? (c[at + LAST] - c[at + BEFORE]) / seconds : 0;
    return { last: c[at + LAST], min: c[at + MIN], max: c[at + MAX], sum: c[at + SUM], count, rate };
  }

  /** Begins the next window of a slot. */
  reset(slot: number): void {
    const c = this.#columns;
    const at = slot * COLUMNS;
    c[at + TIME_BEFORE] = c[at + TIME];
    c[at + BEFORE] = c[at + LAST];
    c[at + COUNT] = 0;
    c[at + MIN] = Infinity;
    c[at + MAX] = -Infinity;
    c[at + SUM] = 0;
  }

  #reach(slot: number): void {
    if ((slot + 1) * COLUMNS <= this.#columns.length) return;
    const grown = new Float64Array(Math.max(2 * this.#columns.length, (slot + 1) * COLUMNS));
    grown.set(this.#columns);
    this.#columns = grown;
  }
}
