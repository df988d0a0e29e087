/** What is said between the event loop and the store worker about points that an upstream has not got. */
import type { SequenceRange, SequenceRanges } from "../model/sequence-ranges.ts";

export interface UndeliveredPoints extends Pick<SequencesHeld, "points" | "bySeries"> {
  /** Sequences that some of them came from; other points of these may still be there. */
  readonly ranges: SequenceRanges;
}

/** A pass over what an upstream has not got, newest first, part by part. */
export interface BacklogQuery {
  /**
   * Undelivered from then on, until the store is told otherwise. From one part of a pass to the next they may only become less:
   * where some are to be sent again a new pass begins.
   */
  readonly ranges: SequenceRanges;
  /** Ascending, each once; null: all. */
  readonly seriesIds: Uint32Array | null;
  /** Rows of a part's block, at least 8,192; bytes of its body, about. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** Of the part before; null: the pass begins. Good for as long as the store is open, whatever is sealed or dropped meanwhile. */
  readonly cursor: BacklogCursor | null;
}

export interface BacklogPart {
  /** Null: there is nothing to send of these sequences. */
  readonly block: BacklogBlock | null;
  /**
   * What this part is of, within the ranges. A stored block may hold rows of sequences around them, which are sent again. No
   * later value of a row sent has a sequence before its end. Null: there was nothing in the ranges.
   */
  readonly sequences: SequenceRange | null;
  /**
   * What has been delivered, once this part and all before it in the pass are acknowledged: mostly the end of `sequences`.
   * The deliveries of a whole pass make up its ranges, as far as they were committed when it began.
   */
  readonly delivered: SequenceRanges;
  /** Rows left out: another value has taken their place since; they cannot be read, which is told as damage as well. */
  readonly replaced: number;
  readonly unreadable: readonly UnreadableRows[];
  /** Null: this was the last part. */
  readonly next: BacklogCursor | null;
}

/** Rows that cannot be read are met again by every pass that comes by; the place tells that they are the same. */
export interface UnreadableRows {
  readonly place: string;
  readonly points: number;
}

/** As codec/FORMAT.md has it; values replaced within it stand before the ones that replaced them. */
export interface BacklogBlock {
  readonly index: Uint8Array;
  readonly body: Uint8Array;
  /** Rows. */
  readonly points: number;
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
}

/** How far a pass has come. */
export interface BacklogCursor {
  /** What came from this sequence on is not of the pass. */
  readonly endSeq: number;
  /** Rows of the head from this row of this record on are done. */
  readonly headSeq: number;
  readonly headRow: number;
  /** The block being sent, and its next chunk; null while the head is. */
  readonly block: {
    readonly seqTo: number;
    readonly period: number;
    readonly part: number;
    readonly id: number;
  } | null;
  readonly chunk: number;
  /** Deliveries were told down to this sequence. */
  readonly toldSeq: number;
}

/** How much some sequences brought, as far as it is stored; of blocks that hold other sequences as well all of them counts. */
export interface SequencesHeld {
  /** Rows, superseded ones included. */
  readonly points: number;
  /** Of blocks; what is not sealed yet has none. */
  readonly bytes: number;
  /** Event times, both inclusive, and the earliest arrival in Unix seconds; Infinity and -Infinity where there are no points. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly arrivalFromS: number;
  /** Null where there are too many blocks to look into. */
  readonly bySeries: HeldBySeries | null;
}

/** Points of each series, and event times between which they lie, both inclusive. */
export interface HeldBySeries {
  /** Ascending, each once. */
  readonly seriesIds: Uint32Array;
  readonly points: Float64Array;
  readonly fromUs: Float64Array;
  readonly toUs: Float64Array;
}

/** Buffers of a part that move instead of being copied. */
export function buffersOfPart({ block }: BacklogPart): ArrayBuffer[] {
  return block === null ? [] : [block.index, block.body, block.seriesIds].map((bytes) => bytes.buffer as ArrayBuffer);
}
