/** What the hot decoder makes of a batch, and what it is given for that. */

/**
 * Finds or makes the series of a point whose bytes were not seen before: its id, or in words why it has none. `refusalOfNew` is asked
 * before one is made: in words why it may not be.
 */
export type SeriesResolver = (
  metric: string,
  source: string,
  tags: readonly (readonly [string, string])[],
  refusalOfNew?: () => string | undefined,
) => number | string;

/** `timesUs` of a point without a timestamp. */
export const TIME_MISSING = NaN;
/** `timesUs` of a point whose nanos are outside 0 to 999,999,999. */
export const TIME_INVALID = -Infinity;

/** Columns, of which a batch is written to the rows from `at` on. */
export interface BatchRows {
  readonly at: number;
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
}

/**
 * The batch decoded last. Row at + i is point i of the message: its series id is 0 where the point has no series, and
 * reasons.get(i) says why. timesUs may be TIME_MISSING, TIME_INVALID or out of range, values may be anything: nothing is
 * judged here.
 */
export interface DecodedBatch extends BatchRows {
  kind: "batch";
  source: string;
  batchId: string;
  count: number;
  reasons: ReadonlyMap<number, string>;
  /** The point's id field; "" where missing or not UTF-8. */
  pointId(index: number): string;
}

/** Nothing of the batch can be used. `points`: how many were seen before it was given up. */
export interface UnusableBatch {
  kind: "unusable";
  reason: string;
  batchId: string;
  points: number;
}

/** Whether a point may make its series known that was not before. */
export type MayDefine = (value: number, timeUs: number) => boolean;
