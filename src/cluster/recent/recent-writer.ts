/**
 * Fills the recent window: what came to this node, out of its store by the sequence it came with, some time after it was acknowledged.
 * The head of the store is the queue, so nothing is held here; what it has sealed before Redis was there is a gap.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { RecentPart, RecentQuery } from "../../store/recent-protocol.ts";
import { RecentChunkSchema, RecentSliceSchema, RecentTailSchema } from "../../wire/gen/nodes_pb.ts";
import type { Redis, RedisArgument } from "../redis/redis.ts";
import { pairsOf, slicesIn, tailOf } from "./recent-hashes.ts";
import { RECENT_SHARDS, recentKeys, type RecentKeys } from "./recent-keys.ts";
import { letGo, unlinkChunks, type RecentRoom } from "./recent-room.ts";
import { ADVANCE, BEGIN } from "./recent-scripts.ts";
import { keptSeconds, tellDeleted } from "./tell-deleted.ts";

export interface RecentWriterDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly store: { recent(query: RecentQuery): Promise<RecentPart> };
  /** Of what this node commits. */
  readonly bus: Pick<Bus, "subscribe">;
  readonly registry: { onForgotten(listener: (ids: readonly number[]) => void): () => void };
  readonly prefix: string;
  readonly nodeId: string;
  /** Everything that is committed in this process comes with this sequence or a later one. */
  readonly nextSeq: number;
  readonly windowMs: number;
  readonly budgetBytes: number;
  /** Of points that are written again, in a slice, the bytes alone count. */
  onWritten(points: number, bytes: number): void;
  /** Points were sealed before they could be written, or what was written is gone: the window begins anew behind them. */
  onGap(): void;
  onRoom(room: RecentRoom): void;
  onTrouble(sentence: string): void;
}

const TICK_MS = 1_000;
/** A slice ends when it is so old, or has so many rows. */
const SLICE_MS = 300_000;
const SLICE_ROWS_MAX = 1_000_000;
/** So many rows since the last piece are a slice at once: packing them twice would be for nothing. */
const DIRECT_ROWS = 200_000;
/** Of rows that are written so, a slice has no more, for what reads them has memory for so many. */
const DIRECT_ROWS_MAX = 1 << 18;
const ROOM_EVERY_MS = 60_000;
/** Of Redis' memory beside what stands in a value: its key, and what is listed of it. */
const [KEY_BYTES, LISTED_BYTES] = [120, 300];
const NOTHING: readonly RedisArgument[] = ["", "", "", "", 0];

interface TailPiece {
  readonly field: string;
  readonly throughSeq: number;
  readonly atMs: number;
  readonly bytes: number;
  readonly rows: number;
}

export class RecentWriter {
  readonly #deps: RecentWriterDeps;
  readonly #keys: RecentKeys;
  readonly #ttlS: number;
  /** Tells what this writer knows of from what another Redis has; "": nothing was read yet. */
  #run = "";
  /** Everything up to here is in Redis. */
  #readSeq = -1;
  /** The highest that the store has told of. */
  #toldSeq = -1;
  /** What was written last ends with it: what comes next names it, so that it is seen where something is missing in between. */
  #chainSeq = -1;
  /** Latest event time of all that came so far. */
  #maxUs = -1;
  /** Where the slice that is not there yet begins. */
  #slice = { readSeq: -1, chainSeq: -1, beforeUs: -1, atMs: 0, rows: 0 };
  /** Of that slice, and those that stay pieces, since the head had no rows of them any more. */
  #pieces: TailPiece[] = [];
  #kept: TailPiece[] = [];
  #deleted = new Set<number>();
  #rowsSince = 0;
  #roomAtMs = -Infinity;
  #ticking = Promise.resolve();
  #isTicking = false;
  #cancel = () => {};
  readonly #ends: readonly (() => void)[];
  #isClosed = false;

  constructor(deps: RecentWriterDeps) {
    this.#deps = deps;
    this.#keys = recentKeys(deps.prefix);
    this.#ttlS = keptSeconds(deps.windowMs);
    this.#ends = [
      deps.bus.subscribe(({ count }) => {
        const wasFew = this.#rowsSince < DIRECT_ROWS;
        this.#rowsSince += count;
        if (wasFew && this.#rowsSince >= DIRECT_ROWS && !this.#isTicking) this.#tickIn(0);
      }),
      deps.registry.onForgotten((ids) => ids.forEach((id) => this.#deleted.add(id))),
    ];
    this.#tickIn(0);
  }

  /** With what came last: the others know that nothing comes after it. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancel();
    this.#ends.forEach((end) => end());
    await this.#ticking;
    await this.#tick(true);
  }

  /** Resolves once all that was absorbed before is there, as far as Redis takes it. */
  write(): Promise<void> {
    return (this.#ticking = this.#ticking.then(() => this.#tick(false)));
  }

  #tickIn(ms: number): void {
    this.#cancel();
    this.#cancel = this.#deps.clock.after(ms, () => {
      this.#isTicking = true;
      void this.write().then(() => {
        this.#isTicking = false;
        if (!this.#isClosed) this.#tickIn(this.#rowsSince >= DIRECT_ROWS ? 0 : TICK_MS);
      });
    });
  }

  async #tick(isLast: boolean): Promise<void> {
    const { redis, clock, onTrouble } = this.#deps;
    if (redis.isFull) await this.#makeRoom().catch(() => {});
    if (!redis.isUp) return;
    try {
      if (this.#run === "") await this.#resume();
      await this.#tellDeleted();
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#roomAtMs >= ROOM_EVERY_MS) await this.#makeRoom();
      const rows = this.#rowsSince;
      const isDirect = rows >= DIRECT_ROWS;
      const isFull = this.#slice.rows + rows >= SLICE_ROWS_MAX || nowMs - this.#slice.atMs >= SLICE_MS;
      this.#rowsSince = 0;
      const isKnown =
        isDirect || isFull
          ? await this.#writeSlices(isDirect ? DIRECT_ROWS_MAX : SLICE_ROWS_MAX, isLast)
          : await this.#writePiece(isLast);
      if (!isKnown) this.#run = "";
    } catch (error) {
      // It may have been done all the same.
      this.#run = "";
      if (!redis.isUp || this.#isClosed) return;
      onTrouble(`the recent window is not written: ${messageOf(error)}`);
      if (error instanceof WatchpostError && error.status === "RESOURCE_EXHAUSTED")
        await this.#makeRoom().catch(() => {});
    }
  }

  /** Goes on where this node was, in this process or in one before. */
  async #resume(): Promise<void> {
    const { redis, nodeId, nextSeq, onGap } = this.#deps;
    const keys = this.#keys;
    const node = pairsOf(await redis.call("HGETALL", keys.node(nodeId)));
    const tail = pairsOf(await redis.call("HGETALL", keys.tail(nodeId)));
    const run = node.get("run")?.toString() ?? "";
    const throughSeq = Number(node.get("through")?.toString() ?? NaN);
    this.#pieces = [];
    // A sequence that is not given yet was given by another past of this directory.
    if (run === "" || !(throughSeq < Math.max(nextSeq, this.#toldSeq + 1))) {
      if (this.#toldSeq >= 0) onGap();
      await this.#begin();
    } else {
      const pieces = [...tail].map(([field, bytes]) => ({
        field,
        bytes: bytes.length + KEY_BYTES,
        slice: tailOf(bytes).slice,
      }));
      for (const slice of [...slicesIn(node), ...pieces.map(({ slice: each }) => each)]) {
        this.#maxUs = Math.max(this.#maxUs, slice?.beforeUs ?? -1, slice?.toUs ?? -1);
      }
      this.#kept = pieces.map(({ field, bytes, slice }) => ({
        ...{ field, bytes, throughSeq: Number(field), atMs: slice?.atMs ?? 0, rows: slice?.rows ?? 0 },
      }));
      [this.#run, this.#readSeq, this.#chainSeq] = [run, throughSeq, throughSeq];
      await redis.call("DEL", keys.deleted(nodeId));
    }
    this.#nextSlice();
  }

  /** Of what comes from now on, and of what the head has still. */
  async #begin(): Promise<void> {
    const { redis, nodeId } = this.#deps;
    const keys = this.#keys;
    const run = crypto.randomUUID();
    const names = [keys.order, keys.sizes, keys.node(nodeId), keys.tail(nodeId), keys.deleted(nodeId)];
    const gone = (await redis.run(BEGIN, names, [nodeId, run, this.#ttlS])) as Buffer[];
    await Promise.all(gone.map((field) => unlinkChunks(redis, keys, `${nodeId}/${field.toString()}`)));
    [this.#run, this.#readSeq, this.#chainSeq, this.#maxUs, this.#kept] = [run, -1, -1, -1, []];
  }

  async #read(afterSeq: number, rowsMax: number, shards: number): Promise<RecentPart> {
    const part = await this.#deps.store.recent({ afterSeq, rowsMax, shards });
    this.#toldSeq = Math.max(this.#toldSeq, part.throughSeq);
    return part;
  }

  async #writePiece(isLast: boolean): Promise<boolean> {
    const { clock, onWritten } = this.#deps;
    for (;;) {
      const atMs = clock.nowMs();
      const part = await this.#read(this.#readSeq, SLICE_ROWS_MAX, 1);
      this.#noteGap(part);
      const slice = sliceOf(part, { afterSeq: this.#chainSeq, beforeUs: this.#maxUs, atMs });
      const chunk = { blocks: part.blocks.map(({ bytes }) => bytes) };
      const value = toBinary(RecentTailSchema, create(RecentTailSchema, { slice, chunk }));
      const piece = {
        field: `${part.throughSeq}`,
        throughSeq: part.throughSeq,
        atMs,
        bytes: value.length + KEY_BYTES,
        rows: part.rows,
      };
      const pieces = part.rows === 0 ? this.#pieces : [...this.#pieces, piece];
      const chainSeq = part.rows === 0 ? this.#chainSeq : part.throughSeq;
      const written = part.rows === 0 ? NOTHING : [piece.field, value, "", "", 0];
      const at = { chainSeq, atMs, isAll: part.isLast, isLast };
      if (!(await this.#advance(at, pieces, written, []))) return false;
      [this.#pieces, this.#chainSeq] = [pieces, chainSeq];
      this.#slice.rows += part.rows;
      this.#went(part);
      if (part.rows > 0) onWritten(part.rows, value.length);
      if (part.isLast) return true;
    }
  }

  /** All that is in pieces, and what came since. */
  async #writeSlices(rowsMax: number, isLast: boolean): Promise<boolean> {
    const { redis, clock, nodeId, onWritten } = this.#deps;
    for (;;) {
      const atMs = clock.nowMs();
      const part = await this.#read(this.#slice.readSeq, rowsMax, RECENT_SHARDS);
      if (part.afterSeq > this.#slice.readSeq && this.#pieces.length > 0) {
        // The head has sealed what they hold, so they stay as they are; the slice may have some of it again.
        this.#kept.push(...this.#pieces.splice(0));
        this.#nextSlice();
      }
      this.#noteGap(part);
      const shards = Map.groupBy(part.blocks, ({ shard }) => shard);
      const chunks = [...shards].map(([shard, blocks]) => {
        const chunk = create(RecentChunkSchema, { blocks: blocks.map(({ bytes }) => bytes) });
        return { key: this.#keys.chunk(nodeId, shard, part.throughSeq), value: toBinary(RecentChunkSchema, chunk) };
      });
      await Promise.all(chunks.map(({ key, value }) => redis.call("SET", key, value, "EX", this.#ttlS)));
      const bytes = chunks.reduce((sum, { value }) => sum + value.length + KEY_BYTES, LISTED_BYTES);
      const afterSeq = Math.min(this.#slice.chainSeq, part.afterSeq);
      const facts = sliceOf(part, { afterSeq, beforeUs: this.#slice.beforeUs, atMs });
      const slice = create(RecentSliceSchema, { ...facts, bytes, shards: [...shards.keys()] });
      const written = ["", "", `${part.throughSeq}`, toBinary(RecentSliceSchema, slice), bytes];
      const left = this.#pieces.filter(({ throughSeq }) => throughSeq > part.throughSeq);
      const gone = this.#pieces.filter(({ throughSeq }) => throughSeq <= part.throughSeq);
      const ownSeq = part.rows === 0 ? this.#slice.chainSeq : part.throughSeq;
      const chainSeq = left.at(-1)?.throughSeq ?? ownSeq;
      const at = { chainSeq, atMs, isAll: part.isLast, isLast };
      if (!(await this.#advance(at, left, part.rows === 0 ? NOTHING : written, gone))) return false;
      [this.#pieces, this.#chainSeq] = [left, chainSeq];
      this.#went(part);
      const again = gone.reduce((sum, { rows }) => sum + rows, 0);
      if (part.rows > 0) onWritten(Math.max(0, part.rows - again), bytes);
      this.#nextSlice();
      this.#slice.readSeq = part.throughSeq;
      this.#slice.chainSeq = ownSeq;
      if (part.isLast) return true;
    }
  }

  /** False where what was written before is gone. */
  async #advance(
    { chainSeq, atMs, isAll, isLast }: { chainSeq: number; atMs: number; isAll: boolean; isLast: boolean },
    pieces: readonly TailPiece[],
    written: readonly RedisArgument[],
    gone: readonly TailPiece[],
  ): Promise<boolean> {
    const { redis, nodeId, windowMs } = this.#deps;
    const keys = this.#keys;
    const kept = this.#kept.filter((piece) => piece.atMs >= atMs - windowMs);
    const old = this.#kept.filter((piece) => piece.atMs < atMs - windowMs);
    const tailBytes = [...kept, ...pieces].reduce((sum, { bytes }) => sum + bytes, 0);
    // What is not all does not reach until now.
    const at = !isAll ? "" : isLast ? "end" : `${Math.floor(atMs)}`;
    const names = [keys.order, keys.sizes, keys.node(nodeId), keys.tail(nodeId)];
    const facts = [nodeId, this.#run, chainSeq, at, this.#ttlS, tailBytes];
    const fields = [...old, ...gone].map(({ field }) => field);
    if ((await redis.run(ADVANCE, names, [...facts, ...written, ...fields])) !== 1) return false;
    this.#kept = kept;
    return true;
  }

  /** What the head has no more, and nobody has written, is left out. */
  #noteGap({ afterSeq, sealedToUs }: RecentPart): void {
    if (afterSeq <= this.#readSeq) return;
    if (this.#readSeq >= 0) this.#deps.onGap();
    this.#kept.push(...this.#pieces.splice(0));
    this.#maxUs = Math.max(this.#maxUs, sealedToUs);
    [this.#readSeq, this.#chainSeq] = [afterSeq, afterSeq];
    this.#nextSlice();
  }

  #went({ throughSeq, toUs }: RecentPart): void {
    this.#readSeq = Math.max(this.#readSeq, throughSeq);
    this.#maxUs = Math.max(this.#maxUs, toUs);
  }

  #nextSlice(): void {
    const atMs = this.#deps.clock.monotonicMs();
    this.#slice = { readSeq: this.#readSeq, chainSeq: this.#chainSeq, beforeUs: this.#maxUs, atMs, rows: 0 };
  }

  async #tellDeleted(): Promise<void> {
    const { redis, nodeId, windowMs } = this.#deps;
    if (this.#deleted.size === 0) return;
    const ids = [...this.#deleted];
    await tellDeleted(redis, this.#keys, nodeId, ids, windowMs);
    for (const id of ids) this.#deleted.delete(id);
  }

  async #makeRoom(): Promise<void> {
    const { redis, clock, windowMs, budgetBytes, onRoom } = this.#deps;
    this.#roomAtMs = clock.monotonicMs();
    onRoom(await letGo(redis, this.#keys, windowMs, budgetBytes));
  }
}

function sliceOf(
  { throughSeq, fromUs, toUs, rows }: RecentPart,
  facts: { readonly afterSeq: number; readonly beforeUs: number; readonly atMs: number },
) {
  return { ...facts, throughSeq, rows, ...(rows > 0 && { fromUs, toUs }) };
}
