/**
 * Range queries over blocks, rollups and head, one series after the other: its points in order of time to the steps,
 * the steps' rows through gap filling, grouping and thinning into the answer.
 */
import { WatchpostError } from "../model/errors.ts";
import { answerOf, type Answer } from "./answer.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { fillSteps, type StepSpan } from "./fill.ts";
import { FoundChunks } from "./found-chunks.ts";
import { GroupCells } from "./group-cells.ts";
import type { HeadRows } from "./head-rows.ts";
import { OPEN_END_US, type RangeQuery, type RangeResult } from "./protocol.ts";
import type { ReadingOrder } from "./reading-order.ts";
import { SeriesReader } from "./series-reader.ts";
import { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";
import { stepsOf } from "./step-functions.ts";
import { stepOf } from "./steps.ts";
import { thin, THIN_POINTS_MIN } from "./thin.ts";

/** Blocks of rollup rows, each a chunk of its own without a body. */
export interface RollupBlocks {
  readonly resolutionUs: number;
  readonly blocks: readonly Block[];
}

export interface QuerySources {
  /** In order within a period; pinned. */
  readonly blocks: readonly Block[];
  /** Finest first; pinned. */
  readonly rollups: readonly RollupBlocks[];
  readonly headRows: HeadRows;
  readonly reader: BlockReader;
  /** Whether there were blocks that could not be read at all. */
  readonly areBlocksMissing: boolean;
}

/** Drives one query to its end, or to the end of its part. */
export function* rangeOf(
  { query, slotOf }: ReadingOrder,
  sources: QuerySources,
  slice: Slice,
): Generator<void, RangeResult> {
  const { seriesIds, stepUs, func = "avg", grouping, maxPoints = 0, top, partRows = Infinity } = query;
  const stored = storedSpan(query, sources);
  const points = new SeriesRows(Math.min(Math.max(ROWS_RESERVED_MIN, stepsIn(stored, stepUs)), ROWS_RESERVED_MAX));
  const steps = stepsOf(stepUs, func, points);
  const reader = new SeriesReader(query, sources, steps);
  const cells = grouping === undefined ? null : new GroupCells(grouping, stepUs, stored, query.pointsMax);
  // Thinning and ranking look at all rows of a series, groups and parts take all of its steps; raw rows may go on in the
  // next part.
  const areTogether = maxPoints > 0 || top !== undefined || (stepUs > 0 && (cells !== null || partRows < Infinity));
  const finishing = new Finishing(
    query,
    sources,
    filledSpan(query, stored),
    answerOf(query, grouping?.groups ?? seriesIds.length),
  );

  for (let from = 0; from < seriesIds.length;) {
    const found = yield* FoundChunks.of(query, from, sources, slice);
    for (let slot = from; slot < found.to; slot++) {
      points.clear();
      const rowsMax = areTogether ? SERIES_ROWS_MAX : Math.min(partRows, query.pointsMax) - finishing.rows;
      const nextUs = yield* reader.read(slot, found, points, rowsMax, slice);
      if (cells !== null) cells.add(slot, points);
      else finishing.add(slotOf(slot), points);
      if (nextUs !== null && areTogether) throw tooManyRows(`a series has more than ${SERIES_ROWS_MAX} rows`);
      if (nextUs !== null) return finishing.finish(reader, { slot, fromUs: nextUs });
      if (finishing.rows >= partRows && slot + 1 < seriesIds.length) {
        return finishing.finish(reader, { slot: slot + 1, fromUs: query.fromUs });
      }
      if (slice.over()) yield;
    }
    from = found.to;
  }
  if (cells !== null) {
    yield* cells.settle(slice);
    for (const group of cells.groups(points)) {
      finishing.add(group, points);
      if (slice.over()) yield;
    }
  }
  return finishing.finish(reader, null);
}

/** Rows of a series or group through filling and thinning into the answer. */
class Finishing {
  readonly #query: RangeQuery;
  readonly #sources: QuerySources;
  readonly #span: StepSpan;
  readonly #answer: Answer;
  readonly #filled = new SeriesRows();
  readonly #thinned = new SeriesRows();

  /** Fails with RESOURCE_EXHAUSTED where more steps are to be filled than an answer may have. */
  constructor(query: RangeQuery, sources: QuerySources, span: StepSpan, answer: Answer) {
    const steps = stepsIn(span, query.stepUs);
    const stepsMax = Math.min(query.pointsMax, FILLED_STEPS_MAX);
    if (steps > stepsMax) {
      throw tooManyRows(`the range has ${Math.floor(steps)} steps to fill, at most ${stepsMax} are allowed`);
    }
    this.#query = query;
    this.#sources = sources;
    this.#span = span;
    this.#answer = answer;
  }

  get rows(): number {
    return this.#answer.rows;
  }

  add(slot: number, points: SeriesRows): void {
    if (points.length === 0) return;
    const { stepUs, fill = "none", maxPoints = 0 } = this.#query;
    let rows = points;
    if (fill !== "none" && stepUs > 0) {
      this.#filled.clear();
      fillSteps(rows, fill, stepUs, this.#span, this.#filled);
      rows = this.#filled;
    }
    if (maxPoints > 0 && rows.length > Math.max(maxPoints, THIN_POINTS_MIN)) {
      this.#thinned.clear();
      thin(rows, Math.max(maxPoints, THIN_POINTS_MIN), this.#thinned);
      rows = this.#thinned;
    }
    this.#answer.add(slot, rows);
  }

  finish({ resolutionUs, isCoarse, pointsRead }: SeriesReader, next: RangeResult["next"]): RangeResult {
    return { ...this.#answer.finish(), resolutionUs, isCoarse, isDamaged: isDamaged(this.#sources), pointsRead, next };
  }
}

/** Known once all was read. */
function isDamaged({ blocks, rollups, areBlocksMissing }: QuerySources): boolean {
  return (
    areBlocksMissing ||
    [blocks, ...rollups.map((tier) => tier.blocks)].some((all) => all.some(({ damaged }) => damaged))
  );
}

function tooManyRows(what: string): WatchpostError {
  return new WatchpostError("RESOURCE_EXHAUSTED", `${what}: ask for a shorter range or a larger step`);
}

/** Rows of a series that are in memory together at the most, and steps that are filled in one go. */
const [SERIES_ROWS_MAX, FILLED_STEPS_MAX] = [10_000_000, 1_000_000];
/** Rows of a series that room is made for before they come. */
const [ROWS_RESERVED_MIN, ROWS_RESERVED_MAX] = [1 << 8, 1 << 17];
const NO_STEPS: StepSpan = { firstUs: 0, lastUs: -1 };

/** The steps of the range that there can be points in. */
function storedSpan({ fromUs, toUs, stepUs }: RangeQuery, { blocks, rollups, headRows }: QuerySources): StepSpan {
  let [first, last] = [headRows.fromUs, headRows.toUs];
  for (const all of [blocks, ...rollups.map((tier) => tier.blocks)]) {
    for (const block of all) {
      first = Math.min(first, block.fromUs);
      last = Math.max(last, block.toUs);
    }
  }
  [first, last] = [Math.max(first, fromUs), Math.min(last, toUs - 1)];
  return stepUs > 0 && first <= last ? { firstUs: stepOf(first, stepUs), lastUs: stepOf(last, stepUs) } : NO_STEPS;
}

function stepsIn({ firstUs, lastUs }: StepSpan, stepUs: number): number {
  return lastUs < firstUs ? 0 : (lastUs - firstUs) / stepUs + 1;
}

/** The steps that gaps are filled in: those of the range; where it is open at an end, as far as there are points. */
function filledSpan({ fromUs, toUs, stepUs, fill = "none" }: RangeQuery, stored: StepSpan): StepSpan {
  const isOpen = fromUs <= 0 || toUs >= OPEN_END_US;
  if (fill === "none" || stepUs === 0 || (isOpen && stored.lastUs < stored.firstUs)) return NO_STEPS;
  return {
    firstUs: fromUs > 0 ? stepOf(fromUs, stepUs) : stored.firstUs,
    lastUs: toUs < OPEN_END_US ? stepOf(toUs - 1, stepUs) : stored.lastUs,
  };
}
