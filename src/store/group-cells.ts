/** Across the series of a group: one value for each step, out of those that its series have there. */
import { quantileOf } from "../model/quantile.ts";
import { WatchpostError } from "../model/errors.ts";
import { Float64Column } from "./column.ts";
import type { StepSpan } from "./fill.ts";
import type { Aggregation, Grouping } from "./protocol.ts";
import type { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";

/** Values that quantiles across series may be taken of. */
const VALUES_MAX = 8_000_000;
const VALUES_PER_CHECK = 65_536;
const QUANTILES: Partial<Record<Aggregation, number>> = { p50: 0.5, p95: 0.95, p99: 0.99 };

/** A cell for each group and step of a span: memory follows these, not the number of series. */
export class GroupCells {
  readonly #stepUs: number;
  readonly #span: StepSpan;
  readonly #steps: number;
  readonly #grouping: Grouping;
  readonly #counts: Uint32Array;
  /** Sums, or extremes. */
  readonly #cells: Float64Array;
  /** For quantiles: every value and its cell. */
  readonly #values = new Float64Column();
  readonly #cellOf = new Float64Column();

  /** Fails with RESOURCE_EXHAUSTED past `cellsMax` cells. */
  constructor(grouping: Grouping, stepUs: number, span: StepSpan, cellsMax: number) {
    this.#grouping = grouping;
    this.#stepUs = stepUs;
    this.#span = span;
    this.#steps = Math.max(0, Math.floor((span.lastUs - span.firstUs) / stepUs) + 1);
    const cells = this.#steps * grouping.groups;
    if (cells > cellsMax) {
      throw new WatchpostError(
        "RESOURCE_EXHAUSTED",
        `${grouping.groups} groups have ${this.#steps} steps each in this range; at most ${cellsMax} are allowed ` +
          "together: ask for fewer groups, a shorter range or a larger step",
      );
    }
    this.#counts = new Uint32Array(cells);
    this.#cells = new Float64Array(cells);
    if (grouping.aggregation === "min") this.#cells.fill(Infinity);
    if (grouping.aggregation === "max") this.#cells.fill(-Infinity);
  }

  /** Takes the rows of a series. */
  add(slot: number, { timesUs, values, length }: SeriesRows): void {
    const { aggregation, groupOf } = this.#grouping;
    const base = groupOf[slot] * this.#steps;
    const { firstUs } = this.#span;
    for (let i = 0; i < length; i++) {
      const value = values[i];
      if (Number.isNaN(value)) continue;
      const cell = base + Math.round((timesUs[i] - firstUs) / this.#stepUs);
      this.#counts[cell]++;
      switch (aggregation) {
        case "min":
          if (value < this.#cells[cell]) this.#cells[cell] = value;
          break;
        case "max":
          if (value > this.#cells[cell]) this.#cells[cell] = value;
          break;
        case "sum":
        case "avg":
          this.#cells[cell] += value;
          break;
        case "count":
          break;
        default:
          this.#values.push(value);
          this.#cellOf.push(cell);
      }
    }
    if (this.#values.length <= VALUES_MAX) return;
    throw new WatchpostError(
      "RESOURCE_EXHAUSTED",
      `${aggregation} across series needs more than ${VALUES_MAX} values in memory: ask for fewer series, a shorter range ` +
        "or a larger step",
    );
  }

  /** All series were added. */
  *settle(slice: Slice): Generator<void, void> {
    const q = QUANTILES[this.#grouping.aggregation];
    if (q !== undefined) yield* this.#takeQuantiles(q, slice);
  }

  /** The groups, one after the other, once all is settled. */
  *groups(into: SeriesRows): Generator<number, void> {
    const { groups } = this.#grouping;
    for (let group = 0; group < groups; group++) {
      into.clear();
      for (let step = 0, cell = group * this.#steps; step < this.#steps; step++, cell++) {
        const count = this.#counts[cell];
        if (count > 0) into.push(this.#span.firstUs + step * this.#stepUs, this.#valueOf(cell, count));
      }
      yield group;
    }
  }

  #valueOf(cell: number, count: number): number {
    const { aggregation } = this.#grouping;
    if (aggregation === "count") return count;
    return aggregation === "avg" ? this.#cells[cell] / count : this.#cells[cell];
  }

  *#takeQuantiles(q: number, slice: Slice): Generator<void, void> {
    const starts = new Uint32Array(this.#counts.length + 1);
    for (let cell = 0; cell < this.#counts.length; cell++) starts[cell + 1] = starts[cell] + this.#counts[cell];
    const next = starts.slice();
    const sorted = new Float64Array(this.#values.length);
    const { cells: values } = this.#values;
    const { cells: cellOf } = this.#cellOf;
    for (let i = 0; i < values.length;) {
      for (const end = Math.min(i + VALUES_PER_CHECK, values.length); i < end; i++)
        sorted[next[cellOf[i]]++] = values[i];
      if (slice.over()) yield;
    }
    for (let cell = 0; cell < this.#counts.length; cell++) {
      if (this.#counts[cell] === 0) continue;
      this.#cells[cell] = quantileOf(sorted.subarray(starts[cell], starts[cell + 1]).sort(), q);
      if (slice.over()) yield;
    }
  }
}
