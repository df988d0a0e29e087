/**
 * Questions about ranges of time, which rollups may answer. Each sees the store as it is at its first step; the caller drives it to its
 * end or calls `return`.
 */
import type { Archive } from "./archive.ts";
import type { Head } from "./head.ts";
import { HeadRows } from "./head-rows.ts";
import type { RangeQuery, RangeResult, RunsResult } from "./protocol.ts";
import { rangeOf, type QuerySources } from "./query.ts";
import { readingOrderOf } from "./reading-order.ts";
import { runsOf } from "./runs.ts";
import type { Slice } from "./slice.ts";

export class RangeReading {
  readonly #archive: Archive;
  readonly #head: Head;
  readonly #onWork: () => void;

  /** `onWork`: what was pinned may go now. */
  constructor(archive: Archive, head: Head, onWork: () => void) {
    this.#archive = archive;
    this.#head = head;
    this.#onWork = onWork;
  }

  *range(asked: RangeQuery, slice: Slice): Generator<void, RangeResult> {
    const order = readingOrderOf(this.#archive.visible(asked));
    return yield* this.#read(order.query, slice, (sources) => rangeOf(order, sources, slice));
  }

  /** What is known of the points of each step together. */
  *runs(asked: RangeQuery, slice: Slice): Generator<void, RunsResult> {
    const query = this.#archive.visible({ ...asked, func: "avg" });
    return yield* this.#read(query, slice, (sources) => runsOf(query, sources, slice));
  }

  *#read<T>(query: RangeQuery, slice: Slice, read: (sources: QuerySources) => Generator<void, T>): Generator<void, T> {
    const { blocks, rollups, areBlocksMissing } = this.#archive.sourcesOf(query);
    const pinned = [...blocks, ...rollups.flatMap((tier) => tier.blocks)];
    const head = this.#head.pin();
    for (const block of pinned) block.pins++;
    try {
      const headRows = yield* HeadRows.find(query, this.#head, head, slice);
      return yield* read({ blocks, rollups, areBlocksMissing, headRows, reader: this.#archive.reader });
    } finally {
      this.#head.unpin(head);
      for (const block of pinned) block.pins--;
      this.#onWork();
    }
  }
}
