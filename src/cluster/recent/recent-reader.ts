/** Reads the recent window in place of a node that does not answer: its points come into memory, and are asked as a store is. */
import { fromBinary } from "@bufbuild/protobuf";
import { decodeRows, type ArrivedRows } from "../../codec/row-block.ts";
import type { Clock } from "../../model/clock.ts";
import { MemoryPoints } from "../../store/memory-points.ts";
import { recentShardOf } from "../../store/recent-protocol.ts";
import { RecentChunkSchema, type RecentSlice } from "../../wire/gen/nodes_pb.ts";
import { Breather } from "../history/breather.ts";
import { ownSeries, type OwnStore } from "../history/own-series.ts";
import type { SeriesAsk, SeriesPart } from "../history/series-part.ts";
import type { Redis } from "../redis/redis.ts";
import { ChunkCache } from "./chunk-cache.ts";
import { RECENT_SHARDS, recentKeys, type RecentKeys } from "./recent-keys.ts";
import { covers, coversStanding, groupsOf, isInParts, reachOf, type RecentReach } from "./recent-reach.ts";
import { pairsOf, slicesIn, tailOf } from "./recent-hashes.ts";
import { tellDeleted } from "./tell-deleted.ts";

export interface RecentReaderDeps {
  readonly redis: Pick<Redis, "call">;
  readonly clock: Clock;
  readonly prefix: string;
  readonly windowMs: number;
  readonly names: {
    /** Ids by which a node knows these series of the local registry; 0 where that is not known. */
    otherIdsOf(nodeId: string, seriesIds: ArrayLike<number>): Uint32Array;
    /** Series of a node that are known here. */
    countOf(nodeId: string): number;
  };
  /** Event times before it are not served any more. */
  earliestUs(): number;
  onRead(points: number): void;
}

/** What Redis has of one node. */
export interface RecentNode {
  readonly reach: RecentReach;
  /**
   * As the node would answer of series, by their ids here. `onPartial` is called, once or more often, where that may be less than the node
   * has. Fails as Redis does.
   */
  parts(
    seriesIds: ArrayLike<number>,
    ask: SeriesAsk,
    signal: AbortSignal,
    onPartial: () => void,
  ): AsyncGenerator<SeriesPart, void>;
}

/** Rows that are in memory at once; whoever asks for more than that is not told the rest. */
const ROWS_MAX = 6_000_000;
const KNOWN_MS = 500;

interface Piece {
  readonly slice: RecentSlice;
  /** Undefined: they stand by shards. */
  readonly blocks: readonly Uint8Array[] | undefined;
}

interface NodeReading {
  readonly nodeId: string;
  /** In order. */
  readonly pieces: readonly Piece[];
  readonly reach: RecentReach;
  /** Series that were deleted, by the node's ids. */
  readonly deleted: ReadonlySet<number>;
}

export class RecentReader {
  readonly #deps: RecentReaderDeps;
  readonly #keys: RecentKeys;
  readonly #chunks: ChunkCache;
  /** By node, for {@link KNOWN_MS}. */
  readonly #read = new Map<string, Promise<RecentNode | undefined>>();

  constructor(deps: RecentReaderDeps) {
    this.#deps = deps;
    this.#keys = recentKeys(deps.prefix);
    this.#chunks = new ChunkCache(deps.redis);
  }

  /** As it was a moment ago: many questions come together. Undefined: there is nothing of it. Fails as Redis does. */
  of(nodeId: string): Promise<RecentNode | undefined> {
    const known = this.#read.get(nodeId);
    if (known !== undefined) return known;
    const reading = this.#of(nodeId);
    this.#read.set(nodeId, reading);
    this.#deps.clock.after(KNOWN_MS, () => this.#read.delete(nodeId));
    return reading;
  }

  async #of(nodeId: string): Promise<RecentNode | undefined> {
    const { redis } = this.#deps;
    const [node, tail, deleted] = await Promise.all([
      redis.call("HGETALL", this.#keys.node(nodeId)),
      redis.call("HGETALL", this.#keys.tail(nodeId)),
      redis.call("SMEMBERS", this.#keys.deleted(nodeId)),
    ]);
    const known = pairsOf(node);
    const tails = [...pairsOf(tail).values()].map(tailOf);
    const pieces = [
      ...slicesIn(known).map((slice): Piece => ({ slice, blocks: undefined })),
      ...tails.map(({ slice, chunk }): Piece => ({ slice: slice!, blocks: chunk?.blocks ?? [] })),
    ].sort((a, b) => a.slice.throughSeq - b.slice.throughSeq);
    if (pieces.length === 0) return undefined;
    const of = (field: string) => known.get(field)?.toString() ?? "";
    const untilMs = of("at") === "end" ? Infinity : Number(of("at"));
    const slices = pieces.map(({ slice }) => slice);
    const reach = reachOf(slices, Number(of("through")), untilMs);
    const ids = new Set((deleted as Buffer[]).map((id) => Number(id.toString())));
    const reading: NodeReading = { nodeId, pieces, reach, deleted: ids };
    return { reach, parts: (...asked) => this.#parts(reading, ...asked) };
  }

  /** What Redis has of series of a node, by the node's ids, is read no more. Fails as Redis does. */
  async forget(nodeId: string, otherIds: readonly number[]): Promise<void> {
    await tellDeleted(this.#deps.redis, this.#keys, nodeId, otherIds, this.#deps.windowMs);
    this.#read.delete(nodeId);
  }

  /** Ids of a node, for {@link forget}: they are known as long as the series are. */
  otherIdsOf(nodeId: string, seriesIds: ArrayLike<number>): Uint32Array {
    return this.#deps.names.otherIdsOf(nodeId, seriesIds);
  }

  async *#parts(
    reading: NodeReading,
    seriesIds: ArrayLike<number>,
    asked: SeriesAsk,
    signal: AbortSignal,
    onPartial: () => void,
  ): AsyncGenerator<SeriesPart, void> {
    const { names, earliestUs, clock } = this.#deps;
    const { nodeId, reach, deleted } = reading;
    const ask = { ...asked, fromUs: Math.max(asked.fromUs, earliestUs()) };
    if (ask.fromUs >= ask.toUs) return;
    if (ask.reading !== "standing" && !covers(reach, ask)) onPartial();
    const otherIds = names.otherIdsOf(nodeId, seriesIds);
    const breather = new Breather(clock);
    const rows = reading.pieces.reduce((sum, { slice }) => sum + (touches(slice, ask) ? slice.rows : 0), 0);
    const groups = groupsOf(otherIds, ask, rows / Math.max(1, names.countOf(nodeId)));
    let told = 0;
    for (const [i, slots] of groups.entries()) {
      const isKnown = (slot: number) => otherIds[slot] !== 0 && !deleted.has(otherIds[slot]);
      const localIds = new Map(slots.filter(isKnown).map((slot, at) => [otherIds[slot], at + 1]));
      if (slots.some((slot) => otherIds[slot] === 0)) onPartial();
      const points = await this.#pointsOf(reading, localIds, ask, signal, breather, onPartial);
      const ids = slots.map((slot) => localIds.get(otherIds[slot]) ?? 0);
      const found = new Set<number>();
      let last: SeriesPart | undefined;
      for await (const part of ownSeries(storeOf(points, breather), ids, ask, signal)) {
        if (last !== undefined) yield last;
        const { next } = part;
        last = {
          ...part,
          slots: part.slots.map((at) => slots[at]),
          next: next && { ...next, slot: slots[next.slot] },
        };
        told += part.columns[0].length;
        for (const [at, slot] of ask.reading === "standing" ? last.slots.entries() : []) {
          if (coversStanding(reach, part.columns[0][at], ask)) found.add(slot);
        }
      }
      if (ask.reading === "standing" && slots.some((slot) => isKnown(slot) && !found.has(slot))) onPartial();
      const isEnd = isInParts(ask) && told >= ask.partRows! && i + 1 < groups.length;
      if (last !== undefined && isEnd) {
        yield { ...last, next: last.next ?? { slot: groups[i + 1][0], fromUs: ask.fromUs } };
        return;
      }
      if (last !== undefined) yield last;
    }
  }

  /** `localIds`: by the node's ids those that the points have in memory. */
  async #pointsOf(
    { nodeId, pieces }: NodeReading,
    localIds: ReadonlyMap<number, number>,
    ask: SeriesAsk,
    signal: AbortSignal,
    breather: Breather,
    onPartial: () => void,
  ): Promise<MemoryPoints> {
    const points = new MemoryPoints();
    if (localIds.size === 0) return points;
    const shards = new Set([...localIds.keys()].map((id) => recentShardOf(id, RECENT_SHARDS)));
    for (const { slice, blocks } of pieces) {
      if (!touches(slice, ask)) continue;
      const keys = slice.shards
        .filter((shard) => shards.has(shard))
        .map((shard) => this.#keys.chunk(nodeId, shard, slice.throughSeq));
      const chunks = blocks === undefined ? await this.#chunks.of(keys) : [];
      if (chunks.includes(null)) onPartial();
      const stored = chunks.flatMap((chunk) => (chunk === null ? [] : fromBinary(RecentChunkSchema, chunk).blocks));
      for (const block of blocks ?? stored) {
        signal.throwIfAborted();
        points.add(wantedOf(decodeRows(block), localIds, ask));
        await breather.breathe();
        if (points.rows <= ROWS_MAX) continue;
        onPartial();
        return points;
      }
    }
    this.#deps.onRead(points.rows);
    return points;
  }
}

function touches({ fromUs, toUs }: RecentSlice, ask: SeriesAsk): boolean {
  return toUs >= ask.fromUs && fromUs < ask.toUs;
}

/** By the ids of memory. */
function wantedOf(rows: ArrivedRows, localIds: ReadonlyMap<number, number>, { fromUs, toUs }: SeriesAsk): ArrivedRows {
  const { seriesIds, timesUs, values, arrivalsS } = rows;
  let count = 0;
  for (let i = 0; i < rows.count; i++) {
    const timeUs = timesUs[i];
    if (timeUs < fromUs || timeUs >= toUs) continue;
    const id = localIds.get(seriesIds[i]);
    if (id === undefined) continue;
    seriesIds[count] = id;
    timesUs[count] = timeUs;
    values[count] = values[i];
    arrivalsS[count++] = arrivalsS[i];
  }
  return { count, seriesIds, timesUs, values, arrivalsS };
}

function storeOf(points: MemoryPoints, breather: Breather): OwnStore {
  const { slice } = breather;
  return {
    range: (query) => breather.run(points.range(query, slice)),
    runs: (query) => breather.run(points.runs(query, slice)),
    arrivals: (query) => breather.run(points.arrivals(query, slice)),
    standing: (query) => breather.run(points.standing(query, slice)),
    extents: (seriesIds) => breather.run(points.extents(seriesIds, slice)),
  };
}
