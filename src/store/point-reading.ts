/**
 * Questions about points alone, whatever rollups there are. Each sees the store as it is at its first step; the caller drives
 * it to its end or calls `return`.
 */
import type { Archive } from "./archive.ts";
import { arrivedRows, type ArrivalSources } from "./arrivals.ts";
import { firstTimesOf } from "./extents.ts";
import type { Head } from "./head.ts";
import { idRange } from "./head-rows.ts";
import type { ArrivalQuery, ArrivalResult, StandingQuery, StandingResult } from "./protocol.ts";
import type { Slice } from "./slice.ts";
import { standingOf } from "./standing.ts";

export class PointReading {
  readonly #archive: Archive;
  readonly #head: Head;
  readonly #onWork: () => void;

  /** `onWork`: what was pinned may go now. */
  constructor(archive: Archive, head: Head, onWork: () => void) {
    this.#archive = archive;
    this.#head = head;
    this.#onWork = onWork;
  }

  /** Every write of points by when it arrived. */
  arrivals(asked: ArrivalQuery, slice: Slice): Generator<void, ArrivalResult> {
    return this.#read(asked.seriesIds, asked.toS, (sources) => {
      const query = { ...asked, fromUs: Math.max(asked.fromUs, this.#archive.earliestVisibleUs) };
      return arrivedRows(query, sources, slice);
    });
  }

  /** What stood at a time, as was known at another. */
  standing(query: StandingQuery, slice: Slice): Generator<void, StandingResult> {
    return this.#read(query.seriesIds, query.arrivedBeforeS, (sources) =>
      standingOf(query, this.#archive.earliestVisibleUs, sources, slice),
    );
  }

  /** The earliest event time of each series, NaN where nothing is stored; `seriesIds` ascending, each once. */
  extents(seriesIds: Uint32Array, slice: Slice): Generator<void, Float64Array<ArrayBuffer>> {
    return this.#read(seriesIds, Infinity, (sources) => firstTimesOf(seriesIds, sources, slice));
  }

  /** Blocks where everything arrived at `arrivedBeforeS` or later are left out. */
  *#read<T>(
    seriesIds: Uint32Array,
    arrivedBeforeS: number,
    read: (sources: ArrivalSources) => Generator<void, T>,
  ): Generator<void, T> {
    const { points, reader } = this.#archive;
    const [firstId, lastId] = idRange(seriesIds);
    const all = seriesIds.length === 0 ? [] : points.overlapping(0, Infinity, firstId, lastId);
    const blocks = all.filter(({ arrivalFromS }) => arrivalFromS < arrivedBeforeS);
    const areBlocksMissing = points.areMissing(0, Infinity);
    const head = this.#head.pin();
    for (const block of blocks) block.pins++;
    try {
      return yield* read({ blocks, head, reader, areBlocksMissing });
    } finally {
      this.#head.unpin(head);
      for (const block of blocks) block.pins--;
      this.#onWork();
    }
  }
}
