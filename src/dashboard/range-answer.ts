/** The answer to a range query, before it is written as a QueryRangeResponse: columns as they came, and names. */
import type { RangeResult } from "../store/store-client.ts";

/** What names a series or a group. */
export interface RangeName {
  readonly metric: string;
  readonly source: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly device: string;
}

export type RangeColumns = Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values">;

export interface RangeAnswer {
  readonly result: RangeColumns;
  readonly resolutionUs: number;
  readonly notes: readonly string[];
  /** Of a slot of the query. */
  nameOf(slot: number): RangeName;
}

const US_PER_MS = 1_000;

/** The rows of the i-th series of the result; views. */
export function columnsOf({ offsets, timesUs, values }: RangeColumns, i: number) {
  const [from, to] = [offsets[i], offsets[i + 1]];
  return { timesUs: timesUs.subarray(from, to), values: values.subarray(from, to) };
}

/** The fields of a QueryRangeResponse that are no series. */
export function restOf({ result, resolutionUs, notes }: RangeAnswer) {
  return {
    pointsTotal: BigInt(result.values.length),
    resolutionMs: BigInt(resolutionUs / US_PER_MS),
    notes: [...notes],
  };
}
