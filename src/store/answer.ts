/** Gathers the rows of an answer, series by series or group by group; with top only those that may be among the first. */
import { WatchpostError } from "../model/errors.ts";
import { Float64Column } from "./column.ts";
import type { RangeQuery, RangeResult, Top } from "./protocol.ts";
import type { SeriesRows } from "./series-rows.ts";

type Bounds = Pick<RangeQuery, "stepUs" | "pointsMax">;

export interface Answer {
  readonly rows: number;
  /** Takes the rows of a slot. Fails with RESOURCE_EXHAUSTED where they are too many. */
  add(slot: number, rows: SeriesRows): void;
  finish(): Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values">;
}

/** `slots`: how many are asked for. */
export function answerOf(query: Bounds & Pick<RangeQuery, "top">, slots: number): Answer {
  return query.top === undefined ? new AllOfThem(query, slots) : new FirstOfThem(query, query.top);
}

class AllOfThem implements Answer {
  readonly #bounds: Bounds;
  readonly #asked: number;
  readonly #slots: number[] = [];
  readonly #offsets: number[] = [0];
  readonly #timesUs = new Float64Column();
  readonly #values = new Float64Column();

  constructor(bounds: Bounds, asked: number) {
    this.#bounds = bounds;
    this.#asked = asked;
  }

  get rows(): number {
    return this.#timesUs.length;
  }

  add(slot: number, { timesUs, values, length }: SeriesRows): void {
    if (length === 0) return;
    checkRows(this.rows + length, this.#slots.length + 1, this.#asked, this.#bounds);
    this.#slots.push(slot);
    this.#timesUs.append(timesUs);
    this.#values.append(values);
    this.#offsets.push(this.rows);
  }

  finish() {
    const rows = {
      slots: Uint32Array.from(this.#slots),
      offsets: Uint32Array.from(this.#offsets),
      timesUs: this.#timesUs.cells,
      values: this.#values.cells,
    };
    return rows.slots.every((slot, i) => i === 0 || slot > rows.slots[i - 1]) ? rows : inOrderOfSlots(rows);
  }
}

function inOrderOfSlots({ slots, offsets, timesUs, values }: ReturnType<Answer["finish"]>) {
  const parts = Array.from(slots, (slot, i) => {
    const [from, to] = [offsets[i], offsets[i + 1]];
    return { slot, timesUs: timesUs.subarray(from, to), values: values.subarray(from, to) };
  });
  return joined(
    parts.sort((a, b) => a.slot - b.slot),
    timesUs.length,
  );
}

interface SlotRows {
  readonly slot: number;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/** One part after the other, `rows` in all. */
function joined(parts: readonly SlotRows[], rows: number): ReturnType<Answer["finish"]> {
  const offsets = new Uint32Array(parts.length + 1);
  const timesUs = new Float64Array(rows);
  const values = new Float64Array(rows);
  for (const [i, part] of parts.entries()) {
    timesUs.set(part.timesUs, offsets[i]);
    values.set(part.values, offsets[i]);
    offsets[i + 1] = offsets[i] + part.timesUs.length;
  }
  return { slots: Uint32Array.from(parts, ({ slot }) => slot), offsets, timesUs, values };
}

interface Ranked extends SlotRows {
  readonly score: number;
}

class FirstOfThem implements Answer {
  readonly #bounds: Bounds;
  readonly #top: Top;
  #ranked: Ranked[] = [];
  rows = 0;

  constructor(bounds: Bounds, top: Top) {
    this.#bounds = bounds;
    this.#top = top;
  }

  add(slot: number, rows: SeriesRows): void {
    const score = scoreOf(rows.values, this.#top.by);
    if (Number.isNaN(score)) return;
    this.#ranked.push({ slot, score, timesUs: rows.timesUs.slice(), values: rows.values.slice() });
    this.rows += rows.length;
    if (this.#ranked.length >= 2 * this.#top.count) this.#cut();
    checkRows(this.rows, this.#ranked.length, this.#top.count, this.#bounds);
  }

  finish() {
    this.#cut();
    return joined(this.#ranked, this.rows);
  }

  #cut(): void {
    const sign = this.#top.lowest ? 1 : -1;
    this.#ranked.sort((a, b) => sign * (a.score - b.score) || a.slot - b.slot);
    this.#ranked.length = Math.min(this.#ranked.length, this.#top.count);
    this.rows = this.#ranked.reduce((sum, { timesUs }) => sum + timesUs.length, 0);
  }
}

/** NaN where there is nothing to compare. Gaps do not count. */
function scoreOf(values: Float64Array, by: Top["by"]): number {
  const present = values.filter((value) => !Number.isNaN(value));
  if (present.length === 0) return NaN;
  const sum = () => present.reduce((total, value) => total + value, 0);
  switch (by) {
    case "avg":
      return sum() / present.length;
    case "sum":
      return sum();
    case "min":
      return present.reduce((a, b) => Math.min(a, b));
    case "max":
      return present.reduce((a, b) => Math.max(a, b));
    case "first":
      return present[0];
    case "last":
      return present[present.length - 1];
    case "count":
      return present.length;
  }
}

function checkRows(rows: number, slots: number, asked: number, { stepUs, pointsMax }: Bounds): void {
  if (rows <= pointsMax) return;
  throw new WatchpostError(
    "RESOURCE_EXHAUSTED",
    `the answer has ${rows} ${stepUs === 0 ? "points" : "steps"} after ${slots} of ${asked} ` +
      `series; at most ${pointsMax} are allowed: ask for fewer series, a shorter range or ${stepUs === 0 ? "a" : "a larger"} step`,
  );
}
