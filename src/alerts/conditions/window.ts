import type { Condition } from "../rule.ts";
import { KEPT_BACK_MAX, setNothingCalm, type Calm } from "./calm.ts";
import type { ConditionState } from "./condition-state.ts";
import { meets } from "./limit.ts";
import { PANES_OF_WINDOW } from "./panes.ts";
import { droppedUntil, emptyCells, fittedCells, SAMPLE_CELLS } from "./recent-samples.ts";
import { SUM_VALUE_MAX } from "./sum-window.ts";
import { CountedAggregate } from "./window-aggregate.ts";

type Window = Extract<Condition, { kind: "window" }>;

const US_PER_MS = 1_000;
/** Past so many samples aggregates are smaller than they are; those of quantiles are so later. */
const NOTED_MAX = PANES_OF_WINDOW;
const NOTED_MAX_OF_QUANTILES = 4_096;

/**
 * An aggregate other than count, of the window (timeUs - over, timeUs] of each sample. It changes only with samples.
 *
 * No average, quantile, minimum or maximum is beyond a limit that no sample of the window is beyond. So while none is,
 * samples are only noted, and aggregated when one comes that is, or when the aggregate is asked for. They are only noted
 * again once a whole window without such a sample has been noted, which may be too many: then they are aggregated.
 */
export class WindowState implements ConditionState {
  readonly #condition: Window;
  readonly #overUs: number;
  /** Samples within these bounds, which belong to them, are not beyond the limit. */
  readonly #calmFrom: number;
  readonly #calmTo: number;
  /** Null while all samples of the window are noted. */
  #aggregate: CountedAggregate | null = null;
  #cells: Float64Array | null = null;
  #used = 0;
  /** While something is aggregated: when samples are worth noting again, and the first that was. */
  #notesFromUs = -Infinity;
  #notedFromUs = -Infinity;
  #observed = NaN;

  constructor(condition: Window) {
    const [calmFrom, calmTo] = calmBoundsOf(condition);
    this.#condition = condition;
    this.#overUs = condition.overMs * US_PER_MS;
    this.#calmFrom = calmFrom;
    this.#calmTo = calmTo;
  }

  get dueUs(): number {
    return Infinity;
  }

  get observed(): number {
    if (this.#aggregate === null && this.#used > 0) this.#observed = this.#aggregated().observed;
    return this.#observed;
  }

  take(timeUs: number, value: number, level: number): number {
    const isCalm = level === 0 && value >= this.#calmFrom && value <= this.#calmTo;
    if (!isCalm || this.#aggregate !== null) return this.#aggregateNext(timeUs, value, level, isCalm);
    this.#note(timeUs, value);
    return 0;
  }

  becalm(calm: Calm): void {
    // While a window is aggregated, samples that leave it change the aggregate, too.
    const isNoting = this.#aggregate === null && this.#used <= (this.#notedMax - KEPT_BACK_MAX) * SAMPLE_CELLS;
    if (!isNoting) return setNothingCalm(calm);
    calm.low = this.#calmFrom;
    calm.high = this.#calmTo;
    calm.untilUs = Infinity;
    calm.areTaken = true;
  }

  elapse(_timeUs: number, level: number): number {
    return level;
  }

  #aggregateNext(timeUs: number, value: number, level: number, isCalm: boolean): number {
    const aggregate = (this.#aggregate ??= this.#aggregated());
    aggregate.take(timeUs, value);
    this.#observed = aggregate.observed;
    const isMet = aggregate.isEnough && meets(this.#condition.limit, this.#observed, level > 0);
    if (!isCalm || isMet) this.#noteNothing(timeUs);
    else if (timeUs >= this.#notesFromUs) {
      if (this.#cells === null) this.#notedFromUs = timeUs;
      this.#note(timeUs, value);
      const areAllNoted = this.#cells !== null && this.#notedFromUs <= this.#leftUntilUs(timeUs);
      if (areAllNoted && aggregate.isOfSamples) this.#aggregate = null;
    }
    return isMet ? 1 : 0;
  }

  #note(timeUs: number, value: number): void {
    const cells = (this.#cells ??= emptyCells());
    const used = this.#used + SAMPLE_CELLS;
    cells[used - 2] = timeUs;
    cells[used - 1] = value;
    this.#used = used;
    if (used === cells.length) this.#makeRoom(cells, timeUs);
  }

  #makeRoom(cells: Float64Array, timeUs: number): void {
    this.#used = droppedUntil(cells, this.#used, this.#leftUntilUs(timeUs));
    if (this.#used <= this.#notedMax * SAMPLE_CELLS) this.#cells = fittedCells(cells, this.#used);
    else {
      this.#aggregate ??= this.#aggregated();
      this.#observed = this.#aggregate.observed;
      this.#noteNothing(timeUs);
    }
  }

  get #notedMax(): number {
    return this.#condition.func === "p95" ? NOTED_MAX_OF_QUANTILES : NOTED_MAX;
  }

  /** For a window. */
  #noteNothing(timeUs: number): void {
    this.#cells = null;
    this.#used = 0;
    this.#notesFromUs = timeUs + this.#overUs;
  }

  /** Samples of up to this time have left, with all of their pane. */
  #leftUntilUs(timeUs: number): number {
    return timeUs - this.#overUs * (1 + 2 / PANES_OF_WINDOW);
  }

  /** What is noted. */
  #aggregated(): CountedAggregate {
    const aggregate = new CountedAggregate(this.#condition, this.#overUs);
    const cells = this.#cells;
    if (cells !== null) for (let at = 0; at < this.#used; at += SAMPLE_CELLS) aggregate.take(cells[at], cells[at + 1]);
    return aggregate;
  }
}

function calmBoundsOf({ func, limit: { direction, at } }: Window): readonly [number, number] {
  const isAbove = direction === "above";
  // Sums are beyond what each of their values is, and so is what huge values count as.
  const isBounded = func !== "sum" && (func !== "avg" || Math.abs(at) < SUM_VALUE_MAX);
  if (!isBounded) return [Infinity, -Infinity];
  return isAbove ? [-Infinity, at] : [at, Infinity];
}
