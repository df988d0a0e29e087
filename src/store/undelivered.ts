/**
 * Which log sequences are not delivered to an upstream yet, or not sent by remote write. What is stored of them stays as it is
 * until it is: it is sealed into blocks of its own, and not merged.
 */
import {
  firstEndingAfter,
  intersectionOf,
  unionOf,
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
  /** What remote write has not sent; from where on it has not read it either. */
  #unsent: SequenceRanges;
  #unreadFrom: number;
  /** Both. */
  #held: SequenceRanges;

  /** `unsentFrom`: of remote write; Infinity: there is none. */
  constructor(ranges: SequenceRanges = [], unsentFrom = Infinity) {
    this.#ranges = ranges;
    this.#unsent = rangesFrom(unsentFrom);
    this.#unreadFrom = unsentFrom;
    this.#held = unionOf(ranges, this.#unsent);
  }

  /** Of the upstream. */
  get ranges(): SequenceRanges {
    return this.#ranges;
  }

  set(ranges: SequenceRanges): void {
    this.#ranges = ranges;
    this.#held = unionOf(ranges, this.#unsent);
  }

  /** What is sealed is cut at both, so that neither a pass nor one that begins anew after a crash reads what was sent. */
  setUnsent(from: number, unreadFrom: number): void {
    this.#unsent = rangesFrom(from);
    this.#unreadFrom = unreadFrom;
    this.#held = unionOf(this.#ranges, this.#unsent);
  }

  /**
   * The number of the stretch between two ranges that something lies in, as a whole or not at all; null where it touches a
   * range. Only what lies in one stretch may be merged: what is merged covers all sequences between its first and its last.
   */
  stretchOf(span: SequenceSpan): number | null {
    return touches(this.#held, span) ? null : firstEndingAfter(this.#held, span.seqFrom);
  }

  /** How a generation is cut so that each piece is undelivered or delivered as a whole; in ascending order, at least one. */
  piecesOf({ firstSeq, lastSeq, records }: Generation): Piece[] {
    const isWithin = (seq: number) => seq > firstSeq && seq <= lastSeq;
    const boundaries = this.#ranges
      .flat()
      .filter(isWithin)
      .slice(-(PIECES_MAX - 1));
    const ofUnsent = [...this.#unsent.flat(), this.#unreadFrom].filter(isWithin);
    const starts = [...new Set([firstSeq, ...boundaries, ...ofUnsent])].sort((a, b) => a - b);
    return starts.map((seqFrom, i) => {
      const next = starts[i + 1] ?? Infinity;
      return { seqFrom, seqTo: Math.min(lastSeq, next - 1), rowsEnd: records.firstRowFrom(next) };
    });
  }

  /** What blocks hold that the upstream has not got; they must stay meanwhile. */
  pointsIn(blocks: readonly Block[], reader: BlockReader, slice: Slice): Generator<void, UndeliveredPoints> {
    return this.#pointsOf(this.#ranges, blocks, reader, slice);
  }

  /** The same of what remote write has not sent. */
  unsentIn(blocks: readonly Block[], reader: BlockReader, slice: Slice): Generator<void, UndeliveredPoints> {
    return this.#pointsOf(this.#unsent, blocks, reader, slice);
  }

  *#pointsOf(
    ranges: SequenceRanges,
    blocks: readonly Block[],
    reader: BlockReader,
    slice: Slice,
  ): Generator<void, UndeliveredPoints> {
    const touched = blocks.filter((block) => touches(ranges, block));
    const { points, bySeries } = yield* heldOf([], touched, [], reader, slice);
    const spans = touched.map(({ seqFrom, seqTo }): SequenceRange => [seqFrom, seqTo + 1]);
    return { points, bySeries, ranges: intersectionOf(unionOfAll(spans), ranges) };
  }
}

function rangesFrom(seq: number): SequenceRanges {
  return seq === Infinity ? [] : [[seq, Infinity]];
}

export function touches(ranges: SequenceRanges, { seqFrom, seqTo }: SequenceSpan): boolean {
  const at = firstEndingAfter(ranges, seqFrom);
  return at < ranges.length && ranges[at][0] <= seqTo;
}
