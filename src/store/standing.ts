/** What stood at a time: of each series the latest point of all that had arrived by then. */
import { eachHeadRow } from "./arrived-head.ts";
import { placesOf, type ArrivalSources } from "./arrivals.ts";
import type { BlockReader } from "./block-reader.ts";
import type { Place } from "./found-chunks.ts";
import type { StandingQuery, StandingResult } from "./protocol.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { Slice } from "./slice.ts";

/** `fromUs`: what is before it is not served any more. */
export function* standingOf(
  { seriesIds, arrivedBeforeS, beforeUs }: StandingQuery,
  fromUs: number,
  { blocks, head, reader, areBlocksMissing }: ArrivalSources,
  slice: Slice,
): Generator<void, StandingResult> {
  const timesUs = new Float64Array(seriesIds.length).fill(NaN);
  const values = new Float64Array(seriesIds.length).fill(NaN);
  const rows = new RowBuffer();
  const isKnown = (timeUs: number, arrivalS: number) =>
    timeUs >= fromUs && timeUs < beforeUs && arrivalS < arrivedBeforeS;
  for (let slot = 0; slot < seriesIds.length; slot++) {
    const places = [...placesOf(blocks, seriesIds[slot], fromUs, beforeUs, reader)];
    // How far back the best one stands in order of writing.
    let standing = -1;
    for (const order of latestFirst(places, reader)) {
      const { block, chunk } = places[order];
      const index = reader.index(block);
      if (index === null) continue;
      if (index.toUs[chunk] < timesUs[slot]) break;
      const isWhole = block.arrivalToS < arrivedBeforeS && index.toUs[chunk] < beforeUs;
      const last = isWhole
        ? { timeUs: index.toUs[chunk], value: index.lasts[chunk] }
        : lastIn(places[order], reader, rows, isKnown);
      if (last === null || last.timeUs < timesUs[slot]) continue;
      if (last.timeUs === timesUs[slot] && order < standing) continue;
      timesUs[slot] = last.timeUs;
      values[slot] = last.value;
      standing = order;
      if (slice.over()) yield;
    }
    if (slice.over()) yield;
  }
  yield* eachHeadRow(seriesIds, head, slice, (slot, timeUs, value, arrivalS) => {
    if (!isKnown(timeUs, arrivalS) || timeUs < timesUs[slot]) return;
    timesUs[slot] = timeUs;
    values[slot] = value;
  });
  return { timesUs, values, isDamaged: areBlocksMissing || blocks.some(({ damaged }) => damaged) };
}

/** Positions of places: that with the latest point first. */
function latestFirst(places: readonly Place[], reader: BlockReader): number[] {
  const toUs = places.map(({ block, chunk }) => reader.index(block)?.toUs[chunk] ?? -Infinity);
  return [...places.keys()].sort((a, b) => toUs[b] - toUs[a]);
}

function lastIn(
  { block, chunk }: Place,
  reader: BlockReader,
  rows: RowBuffer,
  isKnown: (timeUs: number, arrivalS: number) => boolean,
): { readonly timeUs: number; readonly value: number } | null {
  rows.clear();
  reader.appendChunk(block, chunk, rows, true);
  rows.keep(0, isKnown);
  const last = rows.length - 1;
  return last < 0 ? null : { timeUs: rows.timesUs[last], value: rows.values[last] };
}
