/**
 * Which log sequences are not delivered to an upstream yet. What is stored of them stays as it is until it is: it is sealed
 * into blocks of its own, and not merged.
 */
import {
  firstEndingAfter,
  intersectionOf,
  unionOfAll,
  type SequenceRange,
  type SequenceRanges,
} from "../model/sequence-ranges.ts";
import type { UndeliveredPoints } from "./backlog-protocol.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Generation } from "./head.ts";
import { heldOf } from "./held-sequences.ts";
import type { Slice } from "./slice.ts";

/** Of log sequences, both inclusive. */
export interface SequenceSpan {
  readonly seqFrom: number;
  readonly seqTo: number;
}

/** Rows of a generation, from where the piece before ended, that are sealed into blocks of their own. */
export interface Piece extends SequenceSpan {
  readonly rowsEnd: number;
}

/** A generation with more boundaries is cut at the newest of them: what lies together is sent together. */
const PIECES_MAX = 16;

export class Undelivered {
  #ranges: SequenceRanges;

  constructor(ranges: SequenceRanges = []) {
    this.#ranges = ranges;
  }

  get ranges(): SequenceRanges {
    return this.#ranges;
  }

  set(ranges: SequenceRanges): void {
    this.#ranges = ranges;
  }

  /**
   * The number of the stretch between two ranges that something lies in, as a whole or not at all; null where it touches a
   * range. Only what lies in one stretch may be merged: what is merged covers all sequences between its first and its last.
   */
  stretchOf(span: SequenceSpan): number | null {
    return touches(this.#ranges, span) ? null : firstEndingAfter(this.#ranges, span.seqFrom);
  }

  /** How a generation is cut so that each piece is undelivered or delivered as a whole; in ascending order, at least one. */
  piecesOf({ firstSeq, lastSeq, records }: Generation): Piece[] {
    const boundaries = this.#ranges.flat().filter((seq) => seq > firstSeq && seq <= lastSeq);
    const starts = [firstSeq, ...boundaries.slice(-(PIECES_MAX - 1))];
    return starts.map((seqFrom, i) => {
      const next = starts[i + 1] ?? Infinity;
      return { seqFrom, seqTo: Math.min(lastSeq, next - 1), rowsEnd: records.firstRowFrom(next) };
    });
  }

  /** What blocks hold of it; they must stay meanwhile. */
  *pointsIn(blocks: readonly Block[], reader: BlockReader, slice: Slice): Generator<void, UndeliveredPoints> {
    const ranges = this.#ranges;
    const touched = blocks.filter((block) => touches(ranges, block));
    const { points, bySeries } = yield* heldOf([], touched, [], reader, slice);
    const spans = touched.map(({ seqFrom, seqTo }): SequenceRange => [seqFrom, seqTo + 1]);
    return { points, bySeries, ranges: intersectionOf(unionOfAll(spans), ranges) };
  }
}

export function touches(ranges: SequenceRanges, { seqFrom, seqTo }: SequenceSpan): boolean {
  const at = firstEndingAfter(ranges, seqFrom);
  return at < ranges.length && ranges[at][0] <= seqTo;
}
