/** What is said between the event loop and the store worker about points on their way out, in the order they arrived in. */

/** Where reading goes on. Good for as long as the store holds what was not sent, over restarts, too. */
export interface OutgoingPlace {
  /** Everything that came with a sequence below it is read. */
  readonly seq: number;
  /** Of what came since: blocks up to this one are read; null: none is. */
  readonly block: OutgoingBlock | null;
  /** Of that block: the first chunk that is not read; it has none where it is read whole. */
  readonly chunk: number | null;
}

export interface OutgoingBlock {
  readonly seqTo: number;
  readonly period: number;
  readonly part: number;
  readonly id: number;
}

export interface OutgoingQuery {
  readonly place: OutgoingPlace;
  /** Everything that came with a sequence below it is where it was to go. Never less than before. */
  readonly sentSeq: number;
  /** Ascending, each once; null: all. */
  readonly seriesIds: Uint32Array | null;
  /** Rows after which the part ends with what they came with: a record of the log, or a chunk. */
  readonly rowsMax: number;
}

/**
 * Of one series, rows stand in order of arrival, or of time where several arrivals are sealed together; of two values of one
 * time the later one is the one that stands.
 */
export interface OutgoingPart {
  readonly seriesIds: Uint32Array;
  readonly timesUs: Float64Array;
  readonly values: Float64Array;
  readonly next: OutgoingPlace;
  /** Whether there was nothing more when it was read: what comes next is to be waited for. */
  readonly isLast: boolean;
  /** Of the earliest row, Unix seconds; NaN where there is none. */
  readonly arrivalS: number;
  /** Rows that cannot be read, which is told as damage as well. */
  readonly unreadable: number;
}

export const OUTGOING_START: OutgoingPlace = { seq: 0, block: null, chunk: null };

/** Buffers of a part that move instead of being copied. */
export function buffersOfOutgoing({ seriesIds, timesUs, values }: OutgoingPart): ArrayBuffer[] {
  return [seriesIds, timesUs, values].map((column) => column.buffer as ArrayBuffer);
}
