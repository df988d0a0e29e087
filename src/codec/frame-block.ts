/** The rows of one frame as a block, so that they travel in few bytes. */
import { BlockBuilder } from "./block.ts";

/** Rows in order of writing: row i is seriesIds[i], timesUs[i], values[i]. Columns may be longer than `count`. */
export interface FrameRows {
  readonly count: number;
  readonly seriesIds: Uint32Array;
  /** Whole microseconds, 0 ≤ t < 2^53. */
  readonly timesUs: Float64Array;
  /** Finite. */
  readonly values: Float64Array;
}

export interface FrameBlock {
  readonly index: Uint8Array;
  readonly body: Uint8Array;
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
}

/** Few, large units: a frame is read as a whole. */
const LIMITS = { unitBytesTarget: 64 * 1024, blockBytesTarget: Infinity };
/** Of frames that are built at once: a small one costs no fresh memory. */
const builder = new BlockBuilder(LIMITS);

/**
 * At least one row, at most 65,536. A chunk for each series; of rows with one time, all are kept in the order they were
 * written in. All rows arrived in the second `arrivalS`.
 */
export function blockOfFrame(rows: FrameRows, arrivalS: number): FrameBlock {
  return builtInSteps(rows, arrivalS, builder, () => false).next().value as FrameBlock;
}

/** The same, yielding when `isOver` says so. */
export function frameBlockInSteps(
  rows: FrameRows,
  arrivalS: number,
  isOver: () => boolean,
): Generator<void, FrameBlock> {
  return builtInSteps(rows, arrivalS, new BlockBuilder(LIMITS), isOver);
}

function* builtInSteps(
  { count, seriesIds, timesUs, values }: FrameRows,
  arrivalS: number,
  into: BlockBuilder,
  isOver: () => boolean,
): Generator<void, FrameBlock> {
  const { ids, starts, order } = bySeries(seriesIds, count);
  const [sortedUs, sortedValues] = [new Float64Array(count), new Float64Array(count)];
  const arrivalsS = new Float64Array(count).fill(arrivalS);
  for (let slot = 0; slot < ids.length; slot++) {
    const [from, to] = [starts[slot], starts[slot + 1]];
    for (let i = from + 1; i < to; i++) {
      if (timesUs[order[i]] >= timesUs[order[i - 1]]) continue;
      order.subarray(from, to).sort((a, b) => timesUs[a] - timesUs[b] || a - b);
      break;
    }
    for (let i = from; i < to; i++) {
      sortedUs[i] = timesUs[order[i]];
      sortedValues[i] = values[order[i]];
    }
    into.add(ids[slot], sortedUs, sortedValues, arrivalsS, from, to);
    if (isOver()) yield;
  }
  const { index, body } = into.finish();
  return { index, body, seriesIds: ids };
}

/** Positions of rows, those of series `ids[slot]` in `order[starts[slot] .. starts[slot + 1])`, as they were written. */
function bySeries(seriesIds: Uint32Array, count: number): Record<"ids" | "starts" | "order", Uint32Array> {
  const rowsOf = new Map<number, number>();
  for (let i = 0; i < count; i++) rowsOf.set(seriesIds[i], (rowsOf.get(seriesIds[i]) ?? 0) + 1);
  const ids = Uint32Array.from(rowsOf.keys()).sort();
  const starts = new Uint32Array(ids.length + 1);
  const next = new Map<number, number>();
  for (let slot = 0; slot < ids.length; slot++) {
    next.set(ids[slot], starts[slot]);
    starts[slot + 1] = starts[slot] + rowsOf.get(ids[slot])!;
  }
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const at = next.get(seriesIds[i])!;
    order[at] = i;
    next.set(seriesIds[i], at + 1);
  }
  return { ids, starts, order };
}
