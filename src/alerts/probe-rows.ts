/**
 * What a sample touches that changes nothing, as most do: of all probes side by side, a line of cache each. The probes of
 * many series are out of cache whenever they are come to, and each object on the way is waited for. So calm samples
 * ({@link Calm}) wait in here, and the state of a condition takes several of them at once.
 */
import { KEPT_BACK_MAX } from "./conditions/calm.ts";
import type { ConditionState } from "./conditions/condition-state.ts";

/** So many usual gaps, and not less than this, between two samples: some are missing there, and may still come. */
const GAPS_MISSING = 3;
const MISSING_US_MIN = 15_000_000;
/** Gaps between arrivals are smoothed: each new one counts a quarter. */
export const GAP_WEIGHT = 0.25;
/** Points are late after a quarter of an hour, of slow series after some of their gaps. */
export const LATE_AFTER_US = 15 * 60_000_000;
export const LATE_GAPS = 3;
/** Longer usual gaps move the age from which points are late. */
export const SLOW_GAP_MS = LATE_AFTER_US / 1_000 / LATE_GAPS;

export const [CLOCK_US, SEEN_AT_MS, GAP_MS, LATE_US, LOW, HIGH, UNTIL_US, VALUE] = [0, 1, 2, 3, 4, 5, 6, 7];
export const COLUMNS = 8;
const EMPTY_ROW = [-Infinity, -Infinity, 0, LATE_AFTER_US, Infinity, -Infinity, Infinity, NaN];
/** Of a sample that waits: its time, then its value. */
const SAMPLE_CELLS = 2;
const SLOT_CELLS = KEPT_BACK_MAX * SAMPLE_CELLS;
const NO_SLOT = -1;

/** What {@link ProbeRows.takeCalm} says. */
export const [NOT_TAKEN, TAKEN, TAKEN_LAST] = [0, 1, 2];

export class ProbeRows {
  #cells: Float64Array;
  /** By row: where in {@link #waiting} the next sample goes; NO_SLOT where none is to wait. */
  #waitsAt: Int32Array;
  #waiting = new Float64Array(0);
  #slots = 0;
  readonly #freeSlots: number[] = [];
  #rows = 0;
  readonly #freeRows: number[] = [];

  /** `room`, of rows, grows. */
  constructor(room: number) {
    this.#cells = new Float64Array(room * COLUMNS);
    this.#waitsAt = new Int32Array(room).fill(NO_SLOT);
  }

  /** The number of a row in which nothing is. */
  add(): number {
    const row = this.#freeRows.pop() ?? this.#rows++;
    if (row === this.#waitsAt.length) this.#grow();
    for (let column = 0; column < COLUMNS; column++) this.set(row, column, EMPTY_ROW[column]);
    return row;
  }

  delete(row: number): void {
    this.letWait(row, false);
    this.#freeRows.push(row);
  }

  get(row: number, column: number): number {
    return this.#cells[row * COLUMNS + column];
  }

  set(row: number, column: number, value: number): void {
    this.#cells[row * COLUMNS + column] = value;
  }

  /** Takes a sample that is known to change nothing else. TAKEN_LAST: what waits is to be taken before the next one. */
  takeCalm(row: number, timeUs: number, value: number, arrivalUs: number, atMs: number): number {
    const cells = this.#cells;
    const at = row * COLUMNS;
    if (!(value >= cells[at + LOW] && value <= cells[at + HIGH] && timeUs < cells[at + UNTIL_US])) return NOT_TAKEN;
    if (!this.takeInOrder(row, timeUs, value, arrivalUs, atMs)) return NOT_TAKEN;
    const waitsAt = this.#waitsAt[row];
    return waitsAt === NO_SLOT ? TAKEN : this.#wait(row, waitsAt, timeUs, value);
  }

  /** Takes a sample that is in order, not late, and has nothing missing before it; returns whether it is. */
  takeInOrder(row: number, timeUs: number, value: number, arrivalUs: number, atMs: number): boolean {
    const cells = this.#cells;
    const at = row * COLUMNS;
    const usualMs = cells[at + GAP_MS];
    const gapUs = timeUs - cells[at + CLOCK_US];
    if (gapUs <= 0 || gapUs > missingAfterUs(usualMs)) return false;
    const gapMs = atMs - cells[at + SEEN_AT_MS];
    if (timeUs > arrivalUs || arrivalUs - timeUs > cells[at + LATE_US] || gapMs > SLOW_GAP_MS) return false;
    cells[at + CLOCK_US] = timeUs;
    cells[at + SEEN_AT_MS] = atMs;
    if (gapMs > 0) cells[at + GAP_MS] = usualMs + GAP_WEIGHT * (gapMs - usualMs);
    cells[at + VALUE] = value;
    return true;
  }

  /** Whether samples that {@link takeCalm} takes are to wait; none does when it is said. */
  letWait(row: number, areTo: boolean): void {
    const waitsAt = this.#waitsAt[row];
    if (areTo === (waitsAt !== NO_SLOT)) return;
    if (!areTo) this.#freeSlots.push(waitsAt);
    this.#waitsAt[row] = areTo ? (this.#freeSlots.pop() ?? this.#newSlot()) : NO_SLOT;
  }

  areWaiting(row: number): boolean {
    return this.#waitsAt[row] % SLOT_CELLS > 0;
  }

  /** A state whose level is 0 takes the samples that wait, in order. */
  takeWaiting(row: number, state: ConditionState): void {
    const end = this.#waitsAt[row];
    const from = end - (end % SLOT_CELLS);
    this.#waitsAt[row] = from;
    const waiting = this.#waiting;
    for (let at = from; at < end; at += SAMPLE_CELLS) state.take(waiting[at], waiting[at + 1], 0);
  }

  #wait(row: number, at: number, timeUs: number, value: number): number {
    this.#waiting[at] = timeUs;
    this.#waiting[at + 1] = value;
    const next = at + SAMPLE_CELLS;
    this.#waitsAt[row] = next;
    // One less than there is room for, so that the end of a slot is not the start of another.
    return next % SLOT_CELLS === SLOT_CELLS - SAMPLE_CELLS ? TAKEN_LAST : TAKEN;
  }

  #newSlot(): number {
    const at = this.#slots++ * SLOT_CELLS;
    if (at === this.#waiting.length) {
      const grown = new Float64Array(Math.max(SLOT_CELLS, 2 * at));
      grown.set(this.#waiting);
      this.#waiting = grown;
    }
    return at;
  }

  #grow(): void {
    const rows = 2 * this.#waitsAt.length;
    const cells = new Float64Array(rows * COLUMNS);
    cells.set(this.#cells);
    this.#cells = cells;
    const waitsAt = new Int32Array(rows).fill(NO_SLOT);
    waitsAt.set(this.#waitsAt);
    this.#waitsAt = waitsAt;
  }
}

/** After so long without a sample some are missing. */
export function missingAfterUs(usualMs: number): number {
  return Math.max(MISSING_US_MIN, GAPS_MISSING * usualMs * 1_000);
}
