/** The rows of series on their way into an answer: through groups, gap filling, thinning and ranking, whoever has read them. */
import { answerOf, type Answer } from "./answer.ts";
import { fillSteps, type StepSpan } from "./fill.ts";
import { GroupCells } from "./group-cells.ts";
import { OPEN_END_US, type RangeQuery } from "./protocol.ts";
import { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";
import { stepOf } from "./steps.ts";
import { thin, THIN_POINTS_MIN } from "./thin.ts";
import { tooManyRows } from "./too-many-rows.ts";

/** Steps that are filled in one go. */
const FILLED_STEPS_MAX = 1_000_000;
const NO_STEPS: StepSpan = { firstUs: 0, lastUs: -1 };

export class RangeAssembly {
  readonly #query: RangeQuery;
  readonly #cells: GroupCells | null;
  readonly #filledSpan: StepSpan;
  readonly #answer: Answer;
  readonly #filled = new SeriesRows();
  readonly #thinned = new SeriesRows();

  /**
   * `stored`: the steps that there can be rows in. Fails with RESOURCE_EXHAUSTED where more steps are to be filled, or groups have
   * more of them, than an answer may have.
   */
  constructor(query: RangeQuery, stored: StepSpan) {
    const { grouping, stepUs, pointsMax, seriesIds } = query;
    this.#query = query;
    this.#filledSpan = filledSpan(query, stored);
    const steps = stepsIn(this.#filledSpan, stepUs);
    const stepsMax = Math.min(pointsMax, FILLED_STEPS_MAX);
    if (steps > stepsMax) {
      throw tooManyRows(`the range has ${Math.floor(steps)} steps to fill, at most ${stepsMax} are allowed`);
    }
    this.#cells = grouping === undefined ? null : new GroupCells(grouping, stepUs, stored, pointsMax);
    this.#answer = answerOf(query, grouping?.groups ?? seriesIds.length);
  }

  /** Of the answer so far; none while groups are gathered. */
  get rows(): number {
    return this.#answer.rows;
  }

  /** Takes all rows of a series, in whatever order of series. Fails with RESOURCE_EXHAUSTED where they are too many. */
  add(slot: number, rows: SeriesRows): void {
    if (this.#cells !== null) this.#cells.add(slot, rows);
    else this.#finish(slot, rows);
  }

  /** All series were added. */
  *end(slice: Slice): Generator<void, ReturnType<Answer["finish"]>> {
    if (this.#cells !== null) {
      const rows = new SeriesRows();
      yield* this.#cells.settle(slice);
      for (const group of this.#cells.groups(rows)) {
        this.#finish(group, rows);
        if (slice.over()) yield;
      }
    }
    return this.#answer.finish();
  }

  #finish(slot: number, points: SeriesRows): void {
    if (points.length === 0) return;
    const { stepUs, fill = "none", maxPoints = 0 } = this.#query;
    let rows = points;
    if (fill !== "none" && stepUs > 0) {
      this.#filled.clear();
      fillSteps(rows, fill, stepUs, this.#filledSpan, this.#filled);
      rows = this.#filled;
    }
    if (maxPoints > 0 && rows.length > Math.max(maxPoints, THIN_POINTS_MIN)) {
      this.#thinned.clear();
      thin(rows, Math.max(maxPoints, THIN_POINTS_MIN), this.#thinned);
      rows = this.#thinned;
    }
    this.#answer.add(slot, rows);
  }
}

/** The steps of a range that has points from `firstUs` to `lastUs` at the most, both inclusive; none without a step. */
export function stepSpan({ fromUs, toUs, stepUs }: RangeQuery, firstUs: number, lastUs: number): StepSpan {
  const [first, last] = [Math.max(firstUs, fromUs), Math.min(lastUs, toUs - 1)];
  return stepUs > 0 && first <= last ? { firstUs: stepOf(first, stepUs), lastUs: stepOf(last, stepUs) } : NO_STEPS;
}

export function stepsIn({ firstUs, lastUs }: StepSpan, stepUs: number): number {
  return lastUs < firstUs ? 0 : (lastUs - firstUs) / stepUs + 1;
}

/** Whether a range has no bound at an end. */
export function isOpenRange({ fromUs, toUs }: Pick<RangeQuery, "fromUs" | "toUs">): boolean {
  return fromUs <= 0 || toUs >= OPEN_END_US;
}

/** The steps that gaps are filled in: those of the range; where it is open at an end, as far as there are points. */
function filledSpan(query: RangeQuery, stored: StepSpan): StepSpan {
  const { fromUs, toUs, stepUs, fill = "none" } = query;
  if (fill === "none" || stepUs === 0 || (isOpenRange(query) && stored.lastUs < stored.firstUs)) return NO_STEPS;
  return {
    firstUs: fromUs > 0 ? stepOf(fromUs, stepUs) : stored.firstUs,
    lastUs: toUs < OPEN_END_US ? stepOf(toUs - 1, stepUs) : stored.lastUs,
  };
}
