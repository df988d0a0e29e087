/** Rows of the head with their arrivals, for what asks when points came. */
import { groupBySlot, type Grouped } from "./column.ts";
import { slotsById } from "./extents.ts";
import { PAGE_ROWS, PAGE_SHIFT, type GenerationView } from "./head.ts";
import { RowBuffer } from "./row-buffer.ts";
import { runOfRow } from "./seal.ts";
import type { Slice } from "./slice.ts";

const NOTHING: Grouped = { starts: new Uint32Array(), order: new Uint32Array() };

/** One row: its series as a position among those asked for. */
type TakeRow = (slot: number, timeUs: number, value: number, arrivalS: number) => void;

/** Rows of some series, those of each as they arrived. */
export class ArrivedHead {
  readonly #rows = new RowBuffer();
  #slots: number[] = [];
  #bySlot = NOTHING;

  /** Those that `isWanted`; the views stay pinned meanwhile. `seriesIds` ascending, each once. */
  static *find(
    seriesIds: Uint32Array,
    views: readonly GenerationView[],
    isWanted: (timeUs: number, arrivalS: number) => boolean,
    slice: Slice,
  ): Generator<void, ArrivedHead> {
    const found = new ArrivedHead();
    const rows = found.#rows;
    yield* eachHeadRow(seriesIds, views, slice, (slot, timeUs, value, arrivalS) => {
      if (!isWanted(timeUs, arrivalS)) return;
      const at = rows.extend(1);
      rows.timesUs[at] = timeUs;
      rows.values[at] = value;
      rows.arrivalsS[at] = arrivalS;
      found.#slots.push(slot);
    });
    found.#bySlot = yield* groupBySlot(found.#slots, seriesIds.length, slice);
    found.#slots = [];
    return found;
  }

  /** The earliest event time; Infinity where there are no rows. */
  get fromUs(): number {
    const { timesUs, length } = this.#rows;
    let earliest = Infinity;
    for (let i = 0; i < length; i++) if (timesUs[i] < earliest) earliest = timesUs[i];
    return earliest;
  }

  has(slot: number): boolean {
    return this.#bySlot.starts[slot + 1] > this.#bySlot.starts[slot];
  }

  /** Appends the rows of a series that `isWanted`. */
  append(slot: number, into: RowBuffer, isWanted: (timeUs: number, arrivalS: number) => boolean): void {
    const { starts, order } = this.#bySlot;
    const { timesUs, values, arrivalsS } = this.#rows;
    for (let i = starts[slot]; i < starts[slot + 1]; i++) {
      const row = order[i];
      if (!isWanted(timesUs[row], arrivalsS[row])) continue;
      const at = into.extend(1);
      into.timesUs[at] = timesUs[row];
      into.values[at] = values[row];
      into.arrivalsS[at] = arrivalsS[row];
    }
  }
}

/** Every row of some series; those of one series in order of arrival. */
export function* eachHeadRow(
  seriesIds: Uint32Array,
  views: readonly GenerationView[],
  slice: Slice,
  take: TakeRow,
): Generator<void, void> {
  const { firstId, slots } = slotsById(seriesIds);
  for (const { generation, rows } of views) {
    const { runRows, runArrivalsS } = generation;
    for (let at = 0; at * PAGE_ROWS < rows; at++) {
      const page = generation.pages[at];
      const filled = Math.min(PAGE_ROWS, rows - at * PAGE_ROWS);
      // Where rows are by series, those that arrived lately may stand anywhere.
      const end = page.runs === null ? filled : PAGE_ROWS;
      for (let row = 0; row < end; row++) {
        const place = page.seriesIds[row] - firstId;
        if (place < 0 || place >= slots.length || slots[place] === 0) continue;
        const arrived = page.runs === null ? row : page.arrivalOrder[row];
        if (arrived >= filled) continue;
        const run = runOfRow(runRows, (at << PAGE_SHIFT) | arrived);
        take(slots[place] - 1, page.timesUs[row], page.values[row], runArrivalsS[run]);
      }
      if (slice.over()) yield;
    }
  }
}
