/**
 * What an upstream has not got, newest first: the head, then blocks by the sequence they end with. Whatever a part does not
 * send of its sequences is still ahead in the order, so after it everything above that is delivered. A block sealed from rows
 * that were sent out of the head is passed over where all of them were, and sent again where some were not.
 */
import {
  firstEndingAfter,
  sequencesWithin,
  unionOf,
  type SequenceRange,
  type SequenceRanges,
} from "../model/sequence-ranges.ts";
import type { Archive } from "./archive.ts";
import { partOfBlock } from "./backlog-block.ts";
import { HEAD_PART_ROWS_MAX, partOfHead, type HeadPiece } from "./backlog-head.ts";
import { compareBlocks, type Block } from "./block.ts";
import { BlockReader } from "./block-reader.ts";
import { heldOf, sequencesIn } from "./held-sequences.ts";
import type { GenerationView, Head } from "./head.ts";
import type {
  BacklogBlock,
  BacklogCursor,
  BacklogPart,
  BacklogQuery,
  SequencesHeld,
  UnreadableRows,
} from "./backlog-protocol.ts";
import { Outgoing } from "./outgoing.ts";
import type { Slice } from "./slice.ts";
import { touches } from "./undelivered.ts";
import { WantedSeries } from "./wanted-series.ts";

const [BODY_BYTES_MAX, INDEX_BYTES_MAX] = [16 * 1024 * 1024, 32 * 1024 * 1024];
const ROWS_MAX_MIN = 8192;

/** What was done for a part, and how far that brought the pass. */
interface Step {
  readonly block: BacklogBlock | null;
  readonly replaced: number;
  readonly unreadable: readonly UnreadableRows[];
  /** The lowest sequence that rows may have come with. */
  readonly seqFrom: number;
  readonly cursor: BacklogCursor;
}

export interface BacklogDeps {
  /** The sequence of the newest record since the start; -1 while there is none. */
  absorbedSeq(): number;
  onDamage(sentence: string): void;
  /** What was pinned may go now. */
  onWork(): void;
}

export class Backlog {
  readonly #archive: Archive;
  readonly #head: Head;
  /** Its own: each block is read once, and queries want other ones. */
  readonly #reader: BlockReader;
  readonly #deps: BacklogDeps;
  /** What leaves in the order it came in. */
  readonly outgoing: Outgoing;

  constructor(archive: Archive, head: Head, deps: BacklogDeps) {
    this.#archive = archive;
    this.#head = head;
    this.#reader = new BlockReader(BODY_BYTES_MAX, INDEX_BYTES_MAX, deps.onDamage);
    this.#deps = deps;
    this.outgoing = new Outgoing(archive, head, this.#reader, () => deps.onWork());
  }

  /** Read and unpacked so far. */
  get readBytes(): number {
    return this.#reader.readBytes;
  }

  /** Sees the head as it is at its first step; the caller drives it to its end or calls `return`. */
  *part(query: BacklogQuery, slice: Slice): Generator<void, BacklogPart> {
    // What was delivered once and is lost there may not have been told yet; merged, it would be passed over.
    if (query.cursor === null) this.#archive.setUndelivered(unionOf(this.#archive.undelivered.ranges, query.ranges));
    const views = this.#head.pin();
    try {
      return yield* this.#partOf(query, views, slice);
    } finally {
      this.#head.unpin(views);
      this.#deps.onWork();
    }
  }

  *held(ranges: SequenceRanges, slice: Slice): Generator<void, SequencesHeld> {
    const blocks = [...this.#archive.points.all()].filter((block) => touches(ranges, block));
    return yield* this.#reading(blocks, (views) => heldOf(ranges, blocks, views, this.#reader, slice));
  }

  *sequencesOf(fromUs: number, toUs: number, slice: Slice): Generator<void, SequenceRanges> {
    const blocks = [...this.#archive.points.all()].filter((block) => block.toUs >= fromUs && block.fromUs < toUs);
    return yield* this.#reading([], (views) => sequencesIn(fromUs, toUs, blocks, views, slice));
  }

  *#partOf(query: BacklogQuery, views: readonly GenerationView[], slice: Slice): Generator<void, BacklogPart> {
    let cursor = query.cursor ?? this.#start();
    // What was told is sent, whatever block it is in by now.
    const { toldSeq } = cursor;
    const ranges = sequencesWithin(query.ranges, 0, toldSeq);
    const wanted = new WantedSeries(query.seriesIds, this.#archive.retired);
    const rowsMax = Math.max(query.rowsMax, ROWS_MAX_MIN);
    let block: BacklogBlock | null = null;
    let [replaced, seqFrom] = [0, toldSeq];
    const unreadable: UnreadableRows[] = [];
    while (block === null) {
      const piece = pieceOfHead(ranges, views, cursor, Math.min(rowsMax, HEAD_PART_ROWS_MAX));
      const stored = piece === null ? this.#nextBlock(ranges, cursor) : null;
      if (piece === null && stored === null) break;
      const step: Step =
        piece !== null
          ? yield* this.#sendHead(piece, wanted, views, cursor, slice)
          : yield* this.#sendBlock(stored!, wanted, views, cursor, { ...query, rowsMax }, slice);
      ({ block, cursor, seqFrom } = step);
      replaced += step.replaced;
      unreadable.push(...step.unreadable);
      if (slice.over()) yield;
    }
    const headAhead = pieceOfHead(ranges, views, cursor, 1);
    const blockAhead = this.#nextBlock(ranges, cursor);
    const isOver = headAhead === null && blockAhead === null;
    if (isOver) this.#reader.trim(0);
    const aheadSeq = Math.max(headAhead === null ? -1 : lastSeqOf(headAhead), blockAhead?.seqTo ?? -1);
    const fromSeq = Math.min(aheadSeq + 1, toldSeq);
    const delivered = sequencesWithin(ranges, fromSeq, toldSeq);
    return {
      block,
      sequences: hullOf(delivered.length > 0 ? delivered : sequencesWithin(ranges, seqFrom, toldSeq)),
      delivered,
      replaced,
      unreadable,
      next: isOver ? null : { ...cursor, toldSeq: fromSeq },
    };
  }

  /** A pass is over what was committed when it began. */
  #start(): BacklogCursor {
    const endSeq = Math.max(this.#deps.absorbedSeq(), this.#archive.points.lastSeq) + 1;
    return { endSeq, headSeq: endSeq, headRow: 0, block: null, chunk: 0, toldSeq: endSeq };
  }

  *#sendHead(
    piece: HeadPiece,
    wanted: WantedSeries,
    views: readonly GenerationView[],
    cursor: BacklogCursor,
    slice: Slice,
  ): Generator<void, Step> {
    const { block, points, replaced } = yield* partOfHead(piece, wanted, views, slice);
    const { records } = piece.generation;
    const headSeq = records.seqOf(piece.from);
    const headRow = piece.from - records.firstRowFrom(headSeq);
    return {
      block: block === null ? null : { ...block, points },
      replaced,
      unreadable: [],
      seqFrom: headSeq,
      cursor: { ...cursor, headSeq, headRow },
    };
  }

  *#sendBlock(
    stored: Block,
    wanted: WantedSeries,
    head: readonly GenerationView[],
    cursor: BacklogCursor,
    bounds: { readonly rowsMax: number; readonly bytesMax: number },
    slice: Slice,
  ): Generator<void, Step> {
    const { file, id, seqTo } = stored;
    const blocks = this.#newerThan(stored);
    const pinned = [stored, ...blocks];
    for (const each of pinned) each.pins++;
    try {
      const from = cursor.block !== null && comparePlaces(cursor.block, placeOf(stored)) === 0 ? cursor.chunk : 0;
      const newer = { blocks, head };
      const sent = yield* partOfBlock(stored, from, wanted, newer, this.#reader, bounds, slice);
      const { block, seriesIds, nextChunk, replaced, unreadable } = sent;
      return {
        block: block === null ? null : { index: block.index, body: block.body, points: block.points, seriesIds },
        replaced,
        unreadable,
        seqFrom: stored.seqFrom,
        cursor: { ...cursor, block: { seqTo, period: file.period, part: file.part, id }, chunk: nextChunk },
      };
    } finally {
      for (const each of pinned) each.pins--;
    }
  }

  /** Blocks that supersede some of it, where they overlap in series and time. */
  #newerThan(stored: Block): Block[] {
    return this.#archive.points
      .ofPeriod(stored.file.period)
      .filter(
        (block) =>
          compareBlocks(block, stored) > 0 &&
          block.fromUs <= stored.toUs &&
          block.toUs >= stored.fromUs &&
          block.seriesFrom <= stored.seriesTo &&
          block.seriesTo >= stored.seriesFrom,
      );
  }

  /** The first in the order of the pass that is not done. */
  #nextBlock(ranges: SequenceRanges, { block: at, chunk }: BacklogCursor): Block | null {
    let next: Block | null = null;
    for (const block of this.#archive.points.all()) {
      if (next !== null && comparePlaces(placeOf(block), placeOf(next)) > 0) continue;
      const compared = at === null ? 1 : comparePlaces(placeOf(block), at);
      const isDone = compared < 0 || (compared === 0 && chunk === Infinity);
      if (!isDone && touches(ranges, block)) next = block;
    }
    return next;
  }

  *#reading<T>(
    blocks: readonly Block[],
    read: (views: readonly GenerationView[]) => Generator<void, T>,
  ): Generator<void, T> {
    const views = this.#head.pin();
    for (const block of blocks) block.pins++;
    try {
      return yield* read(views);
    } finally {
      this.#head.unpin(views);
      for (const block of blocks) block.pins--;
      this.#deps.onWork();
    }
  }
}

type BlockPlace = NonNullable<BacklogCursor["block"]>;

function placeOf({ seqTo, file, id }: Block): BlockPlace {
  return { seqTo, period: file.period, part: file.part, id };
}

/** Negative when `a` is sent before `b`. What takes the place of a block in its file has a higher id: it is still to come. */
function comparePlaces(a: BlockPlace, b: BlockPlace): number {
  return b.seqTo - a.seqTo || b.period - a.period || a.part - b.part || a.id - b.id;
}

/** The newest rows of the head in the ranges that are not done, at most `rowsMax`. */
function pieceOfHead(
  ranges: SequenceRanges,
  views: readonly GenerationView[],
  { headSeq, headRow }: BacklogCursor,
  rowsMax: number,
): HeadPiece | null {
  for (const { generation, rows } of views.toReversed()) {
    const { records } = generation;
    const doneFrom = records.firstRowFrom(headSeq);
    const isWithin = doneFrom < Infinity && records.seqOf(doneFrom) === headSeq;
    const end = Math.min(rows, isWithin ? doneFrom + headRow : doneFrom);
    const { firstSeq, lastSeq } = generation;
    for (let at = firstEndingAfter(ranges, lastSeq); at >= 0; at--) {
      // There may be none that reaches past the generation.
      if (at === ranges.length) continue;
      const [fromSeq, toSeq] = ranges[at];
      if (toSeq <= firstSeq) break;
      const to = Math.min(end, records.firstRowFrom(toSeq));
      const from = Math.max(records.firstRowFrom(fromSeq), to - rowsMax);
      if (from < to) return { generation, from, to };
    }
  }
  return null;
}

function lastSeqOf({ generation, to }: HeadPiece): number {
  return generation.records.seqOf(to - 1);
}

function hullOf(ranges: SequenceRanges): SequenceRange | null {
  return ranges.length === 0 ? null : [ranges[0][0], ranges[ranges.length - 1][1]];
}
