/**
 * Points decoded to columns: the unit that flows inside, from the decoder through the log to the store and the bus.
 * Row i is one point: seriesIds[i], timesUs[i], values[i]. Rows are in arrival order.
 */
export interface Frame {
  /** Position in the log; ascending by one for every committed frame. */
  readonly seq: number;
  /** Server wall clock when the frame was closed, Unix milliseconds. */
  readonly arrivalMs: number;
  readonly count: number;
  readonly seriesIds: Uint32Array;
  /** Event times, integer Unix microseconds, 0 ≤ t < 2^53. */
  readonly timesUs: Float64Array;
  /** Finite. */
  readonly values: Float64Array;
}

/** Bytes of one point in a frame and in a log record: time, value, series id. */
export const POINT_BYTES = 20;
