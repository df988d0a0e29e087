/** Points that are in memory alone, asked as a store is asked: the same code makes the answers. */
import { arrivedRows } from "./arrivals.ts";
import { BlockReader } from "./block-reader.ts";
import { firstTimesOf } from "./extents.ts";
import { Head, type GenerationView } from "./head.ts";
import { HeadRows } from "./head-rows.ts";
import type {
  ArrivalQuery,
  ArrivalResult,
  RangeQuery,
  RangeResult,
  RunsResult,
  StandingQuery,
  StandingResult,
} from "./protocol.ts";
import { rangeOf, type QuerySources } from "./query.ts";
import { readingOrderOf } from "./reading-order.ts";
import { runsOf } from "./runs.ts";
import type { Slice } from "./slice.ts";
import { standingOf } from "./standing.ts";
import type { ArrivedRows } from "../codec/row-block.ts";

export class MemoryPoints {
  readonly #head = new Head(Infinity, Infinity);
  readonly #reader = new BlockReader(0, 0, () => {});
  #seq = 0;

  get rows(): number {
    return this.#head.rows;
  }

  /** Rows in order of arrival, behind those that are there. Columns are copied. */
  add({ count, seriesIds, timesUs, values, arrivalsS }: ArrivedRows): void {
    for (let from = 0; from < count;) {
      let to = from + 1;
      while (to < count && arrivalsS[to] === arrivalsS[from]) to++;
      const columns = {
        seriesIds: seriesIds.subarray(from, to),
        timesUs: timesUs.subarray(from, to),
        values: values.subarray(from, to),
      };
      const record = { seq: this.#seq++, arrivalMs: arrivalsS[from] * 1_000, count: to - from, clockUntrusted: false };
      this.#head.absorb({ ...record, ...columns }, 0, 0);
      from = to;
    }
  }

  *range(asked: RangeQuery, slice: Slice): Generator<void, RangeResult> {
    const order = readingOrderOf(asked);
    return yield* rangeOf(order, yield* this.#sources(order.query, slice), slice);
  }

  *runs(asked: RangeQuery, slice: Slice): Generator<void, RunsResult> {
    const query: RangeQuery = { ...asked, func: "avg" };
    return yield* runsOf(query, yield* this.#sources(query, slice), slice);
  }

  arrivals(query: ArrivalQuery, slice: Slice): Generator<void, ArrivalResult> {
    return arrivedRows(query, this.#points(), slice);
  }

  standing(query: StandingQuery, slice: Slice): Generator<void, StandingResult> {
    return standingOf(query, 0, this.#points(), slice);
  }

  extents(seriesIds: Uint32Array, slice: Slice): Generator<void, Float64Array<ArrayBuffer>> {
    return firstTimesOf(seriesIds, this.#points(), slice);
  }

  *#sources(query: RangeQuery, slice: Slice): Generator<void, QuerySources> {
    const headRows = yield* HeadRows.find(query, this.#head, this.#views(), slice);
    return { blocks: [], rollups: [], areBlocksMissing: false, headRows, reader: this.#reader };
  }

  #points() {
    return { blocks: [], areBlocksMissing: false, head: this.#views(), reader: this.#reader };
  }

  #views(): GenerationView[] {
    return this.#head.generations().map((generation) => ({ generation, rows: generation.rows }));
  }
}
