/** What is stored of some log sequences, and which ones brought what is stored of a time. */
import { unionOfAll, type SequenceRange, type SequenceRanges } from "../model/sequence-ranges.ts";
import { eachInPage, endOfPage } from "./backlog-head.ts";
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { PAGE_SHIFT, type GenerationView } from "./head.ts";
import type { SequencesHeld } from "./backlog-protocol.ts";
import { runOfRow } from "./seal.ts";
import { SeriesCounts } from "./series-counts.ts";
import type { Slice } from "./slice.ts";

/** Of blocks whose indexes are read to count by series: at 28 bytes each so many chunks take a second or two. */
const COUNTED_CHUNKS_MAX = 4_000_000;

/** `blocks` are those that touch the ranges; they and the views stay pinned meanwhile. */
export function* heldOf(
  ranges: SequenceRanges,
  blocks: readonly Block[],
  views: readonly GenerationView[],
  reader: BlockReader,
  slice: Slice,
): Generator<void, SequencesHeld> {
  let [points, bytes, fromUs, toUs, arrivalFromS] = [0, 0, Infinity, -Infinity, Infinity];
  const isCounted = blocks.reduce((sum, { chunks }) => sum + chunks, 0) <= COUNTED_CHUNKS_MAX;
  const bySeries = new SeriesCounts();
  for (const block of blocks) {
    points += block.points;
    bytes += block.indexBytes + block.bodyBytes;
    fromUs = Math.min(fromUs, block.fromUs);
    toUs = Math.max(toUs, block.toUs);
    arrivalFromS = Math.min(arrivalFromS, block.arrivalFromS);
    const index = isCounted ? reader.index(block) : null;
    for (let chunk = 0; index !== null && chunk < index.count; chunk++) {
      bySeries.add(index.seriesIds[chunk], index.counts[chunk], index.fromUs[chunk], index.toUs[chunk]);
    }
    if (slice.over()) yield;
  }
  for (const { generation, rows } of views) {
    for (const [fromSeq, toSeq] of ranges) {
      const from = generation.records.firstRowFrom(fromSeq);
      const to = Math.min(rows, generation.records.firstRowFrom(toSeq));
      if (from >= to) continue;
      points += to - from;
      arrivalFromS = Math.min(arrivalFromS, generation.runArrivalsS[runOfRow(generation.runRows, from)]);
      for (let at = from; at < to; at = endOfPage(at, to)) {
        eachInPage({ generation, from: at, to: endOfPage(at, to) }, (page, row) => {
          const timeUs = page.timesUs[row];
          bySeries.add(page.seriesIds[row], 1, timeUs, timeUs);
          fromUs = Math.min(fromUs, timeUs);
          toUs = Math.max(toUs, timeUs);
        });
        if (slice.over()) yield;
      }
    }
  }
  return { points, bytes, fromUs, toUs, arrivalFromS, bySeries: isCounted ? bySeries.columns() : null };
}

/** `blocks` are those that touch [fromUs, toUs); the views stay pinned meanwhile. */
export function* sequencesIn(
  fromUs: number,
  toUs: number,
  blocks: readonly Block[],
  views: readonly GenerationView[],
  slice: Slice,
): Generator<void, SequenceRanges> {
  const found = blocks.map(({ seqFrom, seqTo }): SequenceRange => [seqFrom, seqTo + 1]);
  for (const { generation, rows } of views) {
    const { pages, records } = generation;
    /** Rows of the record found last. */
    let knownRow = 0;
    for (let at = 0; at < rows; at = endOfPage(at, rows)) {
      const { fromUs: firstUs, toUs: lastUs } = pages[at >>> PAGE_SHIFT];
      if (lastUs < fromUs || firstUs >= toUs) continue;
      eachInPage({ generation, from: at, to: endOfPage(at, rows) }, (page, row, arrived) => {
        if (arrived < knownRow || page.timesUs[row] < fromUs || page.timesUs[row] >= toUs) return;
        const seq = records.seqOf(arrived);
        found.push([seq, seq + 1]);
        knownRow = records.firstRowFrom(seq + 1);
      });
      if (slice.over()) yield;
    }
  }
  return unionOfAll(found);
}
