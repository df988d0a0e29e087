import type { Calm } from "./conditions/calm.ts";
import type { ConditionState } from "./conditions/condition-state.ts";
import { CLOCK_US, COLUMNS, GAP_MS, HIGH, LATE_US, LOW, ProbeRows, SEEN_AT_MS, UNTIL_US, VALUE } from "./probe-rows.ts";

/** A row of {@link ProbeRows}, by name. */
export class ProbeRow implements Calm {
  #rows: ProbeRows;
  #row: number;

  constructor(rows: ProbeRows) {
    this.#rows = rows;
    this.#row = rows.add();
  }

  get row(): number {
    return this.#row;
  }

  /** The smaller of event time and arrival of its newest sample, Unix microseconds. */
  get clockUs(): number {
    return this.#rows.get(this.#row, CLOCK_US);
  }

  set clockUs(timeUs: number) {
    this.#rows.set(this.#row, CLOCK_US, timeUs);
  }

  /** When that came. */
  get seenAtMs(): number {
    return this.#rows.get(this.#row, SEEN_AT_MS);
  }

  set seenAtMs(atMs: number) {
    this.#rows.set(this.#row, SEEN_AT_MS, atMs);
  }

  /** Usual time between two arrivals; 0 until there were two. */
  get gapMs(): number {
    return this.#rows.get(this.#row, GAP_MS);
  }

  set gapMs(gapMs: number) {
    this.#rows.set(this.#row, GAP_MS, gapMs);
  }

  /** Age at arrival from which a point is late. */
  get lateAfterUs(): number {
    return this.#rows.get(this.#row, LATE_US);
  }

  set lateAfterUs(afterUs: number) {
    this.#rows.set(this.#row, LATE_US, afterUs);
  }

  /** Of its newest sample; where that ends a level, of the one before, which met the condition last. */
  get value(): number {
    return this.#rows.get(this.#row, VALUE);
  }

  set value(value: number) {
    this.#rows.set(this.#row, VALUE, value);
  }

  set low(value: number) {
    this.#rows.set(this.#row, LOW, value);
  }

  set high(value: number) {
    this.#rows.set(this.#row, HIGH, value);
  }

  set untilUs(timeUs: number) {
    this.#rows.set(this.#row, UNTIL_US, timeUs);
  }

  set areTaken(areTaken: boolean) {
    this.#rows.letWait(this.#row, areTaken);
  }

  /** A state whose level is 0 takes the samples that wait. */
  takeWaiting(state: ConditionState): void {
    if (this.#rows.areWaiting(this.#row)) this.#rows.takeWaiting(this.#row, state);
  }

  /** Takes a sample if it is in order, not late, and has nothing missing before it; returns whether it is. */
  takeNext(timeUs: number, value: number, arrivalUs: number, atMs: number): boolean {
    return this.#rows.takeInOrder(this.#row, timeUs, value, arrivalUs, atMs);
  }

  /** Gives the row away; what is in it stays as it is. */
  leave(): void {
    const own = new ProbeRows(1);
    const row = own.add();
    for (let column = 0; column < COLUMNS; column++) own.set(row, column, this.#rows.get(this.#row, column));
    this.#rows.delete(this.#row);
    this.#rows = own;
    this.#row = row;
  }
}
