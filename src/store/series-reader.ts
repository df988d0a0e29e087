/**
 * The points of one series after the other, in order of time, each once, to the steps. What lies within one step and
 * overlaps nothing is taken from a block's index, or from rollup rows, without reading it; what overlaps is brought
 * together, and the last write wins.
 */
import type { Block } from "./block.ts";
import { firstNotBefore } from "./column.ts";
import type { FoundChunks } from "./found-chunks.ts";
import { OpenRows } from "./open-rows.ts";
import type { RangeQuery } from "./protocol.ts";
import type { QuerySources } from "./query.ts";
import { RollupRows, type Part } from "./rollup-rows.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { SeriesRows } from "./series-rows.ts";
import type { Slice } from "./slice.ts";
import { stepOf, type Steps } from "./steps.ts";

export class SeriesReader {
  readonly #query: RangeQuery;
  readonly #sources: QuerySources;
  readonly #steps: Steps;
  readonly #rollups: RollupRows;
  readonly #asOfS: number;
  readonly #recent = new RowBuffer();
  readonly #rows = new RowBuffer();
  readonly #open = new OpenRows();
  #pointsRead = 0;
  /** The chunk that is in #rows. */
  #inRows: { readonly block: Block; readonly chunk: number } | null = null;

  constructor(query: RangeQuery, sources: QuerySources, steps: Steps) {
    this.#query = query;
    this.#sources = sources;
    this.#steps = steps;
    this.#asOfS = query.asOfS ?? Infinity;
    this.#rollups = new RollupRows(query, sources, steps.takesSummaries);
  }

  get resolutionUs(): number {
    return this.#rollups.resolutionUs;
  }

  get pointsRead(): number {
    return this.#pointsRead;
  }

  get isCoarse(): boolean {
    return this.#rollups.isCoarse;
  }

  /**
   * Reads the series at `slot` into the steps, which write to `out`. Where that has more than `rowsMax` rows it may stop:
   * returns the time to go on at; null at the end.
   */
  *read(
    slot: number,
    found: FoundChunks,
    out: SeriesRows,
    rowsMax: number,
    slice: Slice,
  ): Generator<void, number | null> {
    yield* this.#sources.headRows.take(slot, this.#recent, slice);
    this.#inRows = null;
    const points = yield* this.#parts(slot, found, slice);
    const parts = yield* this.#rollups.join(points, slot, found, this.#recent, slice);
    const take = this.#steps.take.bind(this.#steps);
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      // What is left of a chunk beside rollup rows may lie outside of the range.
      if (part.fromUs >= this.#query.toUs || part.toUs < this.#query.fromUs) continue;
      this.#open.takeBefore(part.fromUs, take);
      if (out.length > rowsMax) {
        this.#open.clear();
        return part.fromUs;
      }
      const isAlone = this.#open.isEmpty && (i + 1 === parts.length || parts[i + 1].fromUs > part.toUs);
      if (part.isSummary || (isAlone && this.#isWithinStep(part))) this.#addSummary(part);
      else this.#addRows(part, isAlone, take);
      if (slice.over()) yield;
    }
    this.#open.takeBefore(Infinity, take);
    this.#steps.end();
    return null;
  }

  /** Of points, by time. */
  *#parts(slot: number, found: FoundChunks, slice: Slice): Generator<void, Part[]> {
    const parts: Part[] = [];
    const places = found.points(slot);
    for (let order = 0; order < places.length; order++) {
      const { block, chunk } = places[order];
      if (block.arrivalFromS > this.#asOfS) continue;
      const index = this.#sources.reader.index(block);
      if (index === null) continue;
      const [fromUs, toUs] = [index.fromUs[chunk], index.toUs[chunk]];
      parts.push({ block, chunk, order, fromUs, toUs, isSummary: false, isWhole: true });
      if (slice.over()) yield;
    }
    const { timesUs, length } = this.#recent;
    if (length > 0) {
      const [fromUs, toUs, order] = [timesUs[0], timesUs[length - 1], places.length];
      parts.push({ block: null, chunk: 0, order, fromUs, toUs, isSummary: false, isWhole: true });
    }
    return parts.sort((a, b) => a.fromUs - b.fromUs);
  }

  #addRows(part: Part, isAlone: boolean, take: Steps["take"]): void {
    const rows = this.#rowsOf(part);
    const fromUs = Math.max(part.fromUs, this.#query.fromUs);
    const from = firstNotBefore(rows.timesUs, 0, rows.length, fromUs);
    const to = firstNotBefore(rows.timesUs, from, rows.length, Math.min(part.toUs + 1, this.#query.toUs));
    this.#pointsRead += to - from;
    if (!isAlone) this.#open.add(rows, from, to, part.order);
    else if (to > from) take(rows.timesUs, rows.values, from, to);
  }

  /** The latest of each time, ascending; none where the chunk cannot be read. */
  #rowsOf({ block, chunk }: Part): RowBuffer {
    if (block === null) return this.#recent;
    if (this.#inRows?.block === block && this.#inRows.chunk === chunk) return this.#rows;
    const isPartlyKnown = block.arrivalToS > this.#asOfS;
    this.#rows.clear();
    this.#sources.reader.appendChunk(block, chunk, this.#rows, isPartlyKnown);
    if (isPartlyKnown) this.#rows.keepArrived(this.#asOfS);
    if ((this.#sources.reader.index(block)?.superseded[chunk] ?? 0) > 0) this.#rows.keepLatest();
    this.#inRows = { block, chunk };
    return this.#rows;
  }

  /** Whether what the index tells of a chunk is all that is needed of it. */
  #isWithinStep({ block, fromUs, toUs, isWhole }: Part): boolean {
    const query = this.#query;
    const { stepUs } = query;
    if (!this.#steps.takesSummaries || !isWhole || block === null || block.arrivalToS > this.#asOfS) return false;
    if (fromUs < query.fromUs || toUs >= query.toUs) return false;
    return stepOf(fromUs, stepUs) === stepOf(toUs, stepUs);
  }

  #addSummary({ block, chunk, fromUs, toUs }: Part): void {
    const index = this.#sources.reader.index(block!);
    if (index === null) return;
    this.#pointsRead++;
    this.#steps.summary({
      fromUs,
      toUs,
      count: index.counts[chunk] - index.superseded[chunk],
      min: index.mins[chunk],
      max: index.maxs[chunk],
      sum: index.sums[chunk],
      first: index.firsts[chunk],
      last: index.lasts[chunk],
    });
  }
}
