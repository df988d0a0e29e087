/** The answer to a range query, before it is written as a QueryRangeResponse: columns as they came, and names. */
import type { RangeResult } from "../store/store-client.ts";

/** What names a series or a group. */
export interface RangeName {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
  /** Of the values; "": none is known. */
  readonly unit: string;
}

export type RangeColumns = Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values">;

export interface RangeAnswer {
  readonly result: RangeColumns;
  readonly resolutionUs: number;
  readonly notes: readonly string[];
  readonly isDamaged: boolean;
  /** Names of nodes that did not answer. */
  readonly missingNodes: readonly string[];
  /** Of a slot of the query. */
  nameOf(slot: number): RangeName;
}

const US_PER_MS = 1_000;

/** The rows of the i-th series of the result; views. */
export function columnsOf({ offsets, timesUs, values }: RangeColumns, i: number) {
  const [from, to] = [offsets[i], offsets[i + 1]];
  return { timesUs: timesUs.subarray(from, to), values: values.subarray(from, to) };
}

/** What the columns take. */
export function bytesOf({ timesUs, values }: RangeColumns): number {
  return timesUs.byteLength + values.byteLength;
}

/** The same rows in pieces of at most `rowsMax`; a longer series goes on in the next. One piece where there are none. */
export function* inPieces(all: RangeColumns, rowsMax: number): Generator<RangeColumns, void> {
  const { slots, offsets, timesUs, values } = all;
  if (values.length <= rowsMax) return yield all;
  for (let i = 0, from = 0; from < values.length;) {
    const to = Math.min(from + rowsMax, values.length);
    const piece = { slots: [] as number[], offsets: [0] };
    for (; i < slots.length && offsets[i] < to; i++) {
      piece.slots.push(slots[i]);
      piece.offsets.push(Math.min(offsets[i + 1], to) - from);
      if (offsets[i + 1] > to) break;
    }
    yield {
      slots: Uint32Array.from(piece.slots),
      offsets: Uint32Array.from(piece.offsets),
      timesUs: timesUs.subarray(from, to),
      values: values.subarray(from, to),
    };
    from = to;
  }
}

/** The fields of a QueryRangeResponse that are no series. */
export function restOf({ result, resolutionUs, notes, isDamaged, missingNodes }: RangeAnswer) {
  return {
    pointsTotal: BigInt(result.values.length),
    resolutionMs: BigInt(resolutionUs / US_PER_MS),
    notes: [...notes],
    damaged: isDamaged,
    partial: missingNodes.length > 0,
    missingNodes: [...missingNodes],
  };
}
