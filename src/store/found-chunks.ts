/** Which chunks may hold points of the asked series, some series at a time: from the blocks' indexes. */
import type { Block } from "./block.ts";
import type { BlockReader } from "./block-reader.ts";
import { firstAtLeast, groupBySlot, type Grouped } from "./column.ts";
import type { RangeQuery } from "./protocol.ts";
import type { QuerySources } from "./query.ts";
import type { Slice } from "./slice.ts";

/** Series whose chunks are looked up together, and about how many chunks at the most. */
const SERIES_MAX = 1024;
const CHUNKS_MAX = 1_000_000;

/** One chunk of a block. */
export interface Place {
  readonly block: Block;
  readonly chunk: number;
}

/** Of the asked series [from, to). */
export class FoundChunks {
  readonly from: number;
  readonly to: number;
  readonly #tiers: readonly Tier[];

  private constructor(from: number, to: number, tiers: readonly Tier[]) {
    this.from = from;
    this.to = to;
    this.#tiers = tiers;
  }

  /** As many series from `from` on as fit. */
  static *of(query: RangeQuery, from: number, sources: QuerySources, slice: Slice): Generator<void, FoundChunks> {
    const all = [sources.blocks, ...sources.rollups.map(({ blocks }) => blocks)];
    const to = Math.min(query.seriesIds.length, from + seriesAtOnce(all));
    const asked = new AskedSeries(query.seriesIds, from, to);
    const tiers: Tier[] = [];
    for (const blocks of all) tiers.push(yield* tierOf(query, asked, blocks, sources.reader, slice));
    return new FoundChunks(from, to, tiers);
  }

  /** Chunks of the points of a series, in order of writing. */
  points(slot: number): Place[] {
    return this.#tiers[0].of(slot - this.from);
  }

  /** Rows of the rollup at position `tier`, in order of writing. */
  rollup(tier: number, slot: number): Place[] {
    return this.#tiers[tier + 1].of(slot - this.from);
  }
}

class Tier {
  readonly #blocks: readonly Block[];
  readonly #chunks: readonly number[];
  readonly #bySlot: Grouped;

  constructor(blocks: readonly Block[], chunks: readonly number[], bySlot: Grouped) {
    this.#blocks = blocks;
    this.#chunks = chunks;
    this.#bySlot = bySlot;
  }

  of(slot: number): Place[] {
    const { starts, order } = this.#bySlot;
    const places: Place[] = [];
    for (let i = starts[slot]; i < starts[slot + 1]; i++) {
      places.push({ block: this.#blocks[order[i]], chunk: this.#chunks[order[i]] });
    }
    return places;
  }
}

/** The asked series by id. */
class AskedSeries {
  readonly ids: Uint32Array;
  /** Position within [from, to) of ids[i]. */
  readonly slots: Uint32Array;

  constructor(seriesIds: Uint32Array, from: number, to: number) {
    const asked = seriesIds.subarray(from, to);
    this.slots = Uint32Array.from(asked, (_, slot) => slot).sort((a, b) => asked[a] - asked[b]);
    this.ids = Uint32Array.from(this.slots, (slot) => asked[slot]);
  }
}

function seriesAtOnce(tiers: readonly (readonly Block[])[]): number {
  let perSeries = 1;
  for (const blocks of tiers) {
    for (const { chunks, seriesFrom, seriesTo } of blocks) perSeries += chunks / (seriesTo - seriesFrom + 1);
  }
  return Math.max(1, Math.min(SERIES_MAX, Math.floor(CHUNKS_MAX / perSeries)));
}

function* tierOf(
  { fromUs, toUs }: RangeQuery,
  { ids, slots }: AskedSeries,
  blocks: readonly Block[],
  reader: BlockReader,
  slice: Slice,
): Generator<void, Tier> {
  const found = { slots: [] as number[], blocks: [] as Block[], chunks: [] as number[] };
  for (const block of blocks) {
    let at = firstAtLeast(ids, 0, ids.length, block.seriesFrom);
    if (at === ids.length || ids[at] > block.seriesTo) continue;
    const index = reader.index(block);
    if (index === null) continue;
    let chunk = 0;
    for (; at < ids.length && chunk < index.count; at++) {
      chunk = firstAtLeast(index.seriesIds, chunk, index.count, ids[at]);
      for (; chunk < index.count && index.seriesIds[chunk] === ids[at]; chunk++) {
        if (index.toUs[chunk] < fromUs || index.fromUs[chunk] >= toUs) continue;
        found.slots.push(slots[at]);
        found.blocks.push(block);
        found.chunks.push(chunk);
      }
    }
    if (slice.over()) yield;
  }
  return new Tier(found.blocks, found.chunks, yield* groupBySlot(found.slots, ids.length, slice));
}
