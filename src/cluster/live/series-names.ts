/**
 * Names everywhere: each node writes into Redis which series it has points of, and all others know these by ids of their own. So what
 * lists, matches or follows series does not have to know that there are other nodes.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { sourceOfKey } from "../../model/series-key.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { SeriesNamedSchema, type SeriesNamed } from "../../wire/gen/nodes_pb.ts";
import type { Redis } from "../redis/redis.ts";

export interface SeriesNamesDeps {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly registry: SeriesRegistry;
  readonly prefix: string;
  readonly nodeId: string;
  /** Of all nodes that there are, this one left out; those that are gone among them. */
  others(): readonly string[];
  isLive(nodeId: string): boolean;
  /** Further series of that node have a name. */
  onNamed(nodeId: string): void;
  /** So many series of other nodes find no room here (ingest.series_max): they are not known on this node. */
  onLeftOut(series: number): void;
  /** Redis has lost what this node had told it. */
  onEmptied(): void;
  /** Redis knows series of this node that it has not: its disk is of before, and their ids may be given to others. */
  onOutdated(own: Iterable<number>): Promise<void>;
  onTrouble(sentence: string): void;
}

/** Of one other node: its ids to those here. */
interface OtherNames {
  /** By the other node's id; 0: not known. */
  ids: Uint32Array;
  /** As Redis had them when all were read last. */
  count: number;
}

const NAMES_AT_ONCE = 500;
const NONE = new Uint32Array(0);
const CHECK_EVERY_MS = 15_000;
const IDS_MIN = 1_024;

export class SeriesNames {
  readonly #deps: SeriesNamesDeps;
  readonly #own = new Set<number>();
  /** Own ones that Redis does not know yet. */
  #unwritten = new Set<number>();
  readonly #others = new Map<string, OtherNames>();
  /** By the id here: nodes that have points of it. Those of this node alone are not in it. */
  readonly #nodes = new Map<number, string[]>();
  readonly #nowhere = new Set<number>();
  #isWriting = false;
  #hasReadAll = false;
  #cancelCheck = () => {};
  readonly #ends: (() => void)[] = [];
  #isClosed = false;

  private constructor(deps: SeriesNamesDeps) {
    this.#deps = deps;
  }

  /** `own`: series that have points on this node. Resolves once those of the others are known, as far as Redis tells now. */
  static async open(deps: SeriesNamesDeps, own: Iterable<number>): Promise<SeriesNames> {
    const names = new SeriesNames(deps);
    for (const id of own) names.#own.add(id);
    names.#unwritten = new Set(names.#own);
    names.#ends.push(deps.redis.follow((isUp) => isUp && void names.#readAll()));
    names.#ends.push(deps.registry.onForgotten((ids) => names.#forgotten(ids)));
    names.#listen();
    await names.#readAll();
    names.#checkSoon();
    return names;
  }

  /** It has points on this node from now on. */
  add(seriesId: number): void {
    if (this.#own.has(seriesId)) return;
    this.#own.add(seriesId);
    this.#nowhere.delete(seriesId);
    this.#unwritten.add(seriesId);
    void this.#write();
  }

  /** Series with points on this node. */
  get own(): ReadonlySet<number> {
    return this.#own;
  }

  /** Whether there are points of it on this node. */
  isOwn(seriesId: number): boolean {
    return this.#own.has(seriesId);
  }

  /** Ids of other nodes that have points of it. */
  othersWith(seriesId: number): readonly string[] {
    return this.#nodes.get(seriesId) ?? [];
  }

  /** Series of which there were points on nodes that are forgotten, and are nowhere now. */
  get nowhere(): ReadonlySet<number> {
    return this.#nowhere;
  }

  /** How many series another node has alone. */
  onlyOf(nodeId: string): number {
    const isOnly = (id: number) => id !== 0 && !this.#own.has(id) && this.othersWith(id).length === 1;
    return this.idsOf(nodeId).reduce((sum, id) => sum + Number(isOnly(id)), 0);
  }

  /** By the ids of another node: those here; 0, or left out: it is not known (yet). Good until something waits. */
  idsOf(nodeId: string): Uint32Array {
    return this.#others.get(nodeId)?.ids ?? NONE;
  }

  /** The inverse of {@link idOf}, of several. */
  otherIdsOf(nodeId: string, seriesIds: ArrayLike<number>): Uint32Array {
    const slots = new Map(Array.from(seriesIds, (id, slot) => [id, slot]));
    const otherIds = new Uint32Array(seriesIds.length);
    this.#others.get(nodeId)?.ids.forEach((id, otherId) => {
      const slot = id === 0 ? undefined : slots.get(id);
      if (slot !== undefined) otherIds[slot] = otherId;
    });
    return otherIds;
  }

  /** Series of another node that are known. */
  countOf(nodeId: string): number {
    return this.#others.get(nodeId)?.ids.reduce((sum, id) => sum + (id === 0 ? 0 : 1), 0) ?? 0;
  }

  /** Asks Redis for names that are not known. Resolves once they are, as far as it has them. */
  async learn(nodeId: string, otherIds: readonly number[]): Promise<void> {
    for (let at = 0; at < otherIds.length; at += NAMES_AT_ONCE) {
      const ids = otherIds.slice(at, at + NAMES_AT_ONCE);
      const keys = (await this.#deps.redis.call("HMGET", this.#keyOf(nodeId), ...ids)) as (Buffer | null)[];
      this.#know(
        nodeId,
        ids,
        keys.map((key) => key?.toString() ?? ""),
      );
    }
  }

  /** Names of series of this node, as {@link hear} takes them. */
  namesOf(ids: readonly number[]): SeriesNamed {
    const { registry, nodeId } = this.#deps;
    const keys = ids.map((id) => (registry.has(id) ? registry.keyOf(id) : ""));
    return create(SeriesNamedSchema, { nodeId, ids: [...ids], keys });
  }

  /** Another node says names of its series. */
  hear({ nodeId, ids, keys }: SeriesNamed): void {
    if (nodeId !== this.#deps.nodeId) this.#know(nodeId, ids, keys);
  }

  /** Series of a node that cannot be told are deleted: nobody knows them as its own any more. Rejects where Redis does not hear of it. */
  async forgetSeries(nodeId: string, keys: ReadonlySet<string>): Promise<void> {
    const { redis } = this.#deps;
    for await (const page of this.#namesIn(nodeId)) {
      const ids = page.ids.filter((_, i) => keys.has(page.keys[i]));
      if (ids.length === 0) continue;
      await redis.call("HDEL", this.#keyOf(nodeId), ...ids);
      const gone = ids.map(() => "");
      this.#know(nodeId, ids, gone);
      await redis.publish(
        this.#channel,
        toBinary(SeriesNamedSchema, create(SeriesNamedSchema, { nodeId, ids, keys: gone })),
      );
    }
  }

  /** Nothing of a node that there is no more is left in Redis. Rejects where that does not hear of it. */
  async forgetNode(nodeId: string): Promise<void> {
    this.drop(nodeId);
    await this.#deps.redis.call("DEL", this.#keyOf(nodeId));
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelCheck();
    for (const end of this.#ends.splice(0)) end();
  }

  #keyOf(nodeId: string): string {
    return `{${this.#deps.prefix}}:names:${nodeId}`;
  }

  get #channel(): string {
    return `{${this.#deps.prefix}}:named`;
  }

  #listen(): void {
    const { redis } = this.#deps;
    const take = (bytes: Uint8Array) => this.hear(fromBinary(SeriesNamedSchema, bytes));
    const subscribe = () => {
      if (this.#isClosed || !redis.isUp) return;
      redis.subscribe(this.#channel, take).then(
        (end) => {
          unfollow();
          this.#ends.push(end);
        },
        () => {},
      );
    };
    const unfollow = redis.follow((isUp) => isUp && subscribe());
    this.#ends.push(unfollow);
    subscribe();
  }

  /** Of nodes of which not all is known: after an outage, and from time to time, since what is published may be lost. */
  async #readAll(): Promise<void> {
    const { redis, others, isLive, onTrouble } = this.#deps;
    if (!redis.isUp || this.#isClosed) return;
    try {
      await this.#write();
      const there = new Set(others());
      for (const nodeId of [...this.#others.keys()]) if (!there.has(nodeId)) this.drop(nodeId);
      for (const nodeId of there) {
        const count = Number(await redis.call("HLEN", this.#keyOf(nodeId)));
        const knownCount = this.#others.get(nodeId)?.count ?? 0;
        if (!isLive(nodeId) && count < this.countOf(nodeId)) await this.#writeOther(nodeId);
        else if (count !== knownCount) await this.#readOne(nodeId, count);
      }
      if (!this.#hasReadAll) this.#findNowhere();
      const ownCount = Number(await redis.call("HLEN", this.#keyOf(this.#deps.nodeId)));
      const told = this.#own.size - this.#unwritten.size;
      if (ownCount > told) await this.#forgetLost();
      if (ownCount < told) {
        this.#deps.onEmptied();
        this.#unwritten = new Set(this.#own);
        await this.#write();
      }
    } catch (error) {
      if (redis.isUp && !this.#isClosed) onTrouble(`names of series are not told to other nodes: ${messageOf(error)}`);
    }
  }

  /** Names of before the start, which are of nodes that were forgotten. */
  #findNowhere(): void {
    const { registry } = this.#deps;
    this.#hasReadAll = true;
    for (let id = 1; id < registry.idEnd; id++) {
      if (registry.has(id) && !this.#own.has(id) && !this.#nodes.has(id)) this.#nowhere.add(id);
    }
  }

  async #readOne(nodeId: string, count: number): Promise<void> {
    for await (const { ids, keys } of this.#namesIn(nodeId)) this.#know(nodeId, ids, keys);
    this.#namesOf(nodeId).count = count;
  }

  /** A Redis that was emptied does not get it from the node itself, which is gone: what is known here must outlive this process. */
  async #writeOther(nodeId: string): Promise<void> {
    const { redis, registry } = this.#deps;
    const pairs: [number, string][] = [];
    for (const [otherId, id] of this.idsOf(nodeId).entries()) {
      if (id !== 0 && registry.has(id)) pairs.push([otherId, registry.keyOf(id)]);
    }
    for (let at = 0; at < pairs.length; at += NAMES_AT_ONCE) {
      await redis.call("HSET", this.#keyOf(nodeId), ...pairs.slice(at, at + NAMES_AT_ONCE).flat());
    }
    this.#namesOf(nodeId).count = pairs.length;
  }

  /** There is no such node any more, or it comes again with all its names. */
  drop(nodeId: string): void {
    for (const id of this.idsOf(nodeId)) {
      if (id !== 0) this.#setNodes(id, (nodes) => nodes.filter((each) => each !== nodeId));
    }
    this.#others.delete(nodeId);
  }

  /** All that Redis has of a node, by pages. */
  async *#namesIn(
    nodeId: string,
  ): AsyncGenerator<{ readonly ids: readonly number[]; readonly keys: readonly string[] }> {
    for (let cursor = "0"; ;) {
      const page = await this.#deps.redis.call("HSCAN", this.#keyOf(nodeId), cursor, "COUNT", NAMES_AT_ONCE);
      const [next, pairs] = page as [Buffer, Buffer[]];
      const cells = pairs.map((cell) => cell.toString());
      yield { ids: cells.filter((_, i) => i % 2 === 0).map(Number), keys: cells.filter((_, i) => i % 2 === 1) };
      cursor = next.toString();
      if (cursor === "0") return;
    }
  }

  /** Before other series get their ids. */
  async #forgetLost(): Promise<void> {
    let isOutdated = false;
    for await (const { ids } of this.#namesIn(this.#deps.nodeId)) {
      for (const id of ids) {
        if (this.#own.has(id) || this.#unwritten.has(id)) continue;
        this.#unwritten.add(id);
        isOutdated = true;
      }
    }
    if (!isOutdated) return;
    await this.#write();
    await this.#deps.onOutdated(this.#own);
  }

  #checkSoon(): void {
    this.#cancelCheck = this.#deps.clock.after(CHECK_EVERY_MS, () => {
      void this.#readAll().then(() => this.#isClosed || this.#checkSoon());
    });
  }

  /** Own names, into Redis first: who hears of them may look for more. */
  async #write(): Promise<void> {
    const { redis, nodeId, onTrouble } = this.#deps;
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#unwritten.size > 0 && redis.isUp && !this.#isClosed) {
        const ids = [...this.#unwritten].slice(0, NAMES_AT_ONCE);
        const named = this.namesOf(ids);
        const { keys } = named;
        const pairs = ids.flatMap((id, i) => (keys[i] === "" ? [] : [id, keys[i]]));
        const gone = ids.filter((_, i) => keys[i] === "");
        if (pairs.length > 0) await redis.call("HSET", this.#keyOf(nodeId), ...pairs);
        if (gone.length > 0) await redis.call("HDEL", this.#keyOf(nodeId), ...gone);
        for (const id of ids) this.#unwritten.delete(id);
        await redis.publish(this.#channel, toBinary(SeriesNamedSchema, named));
      }
    } catch (error) {
      // Those that are left are written once it is up again, or with the next look.
      if (redis.isUp && !this.#isClosed) onTrouble(`names of series are not told to other nodes: ${messageOf(error)}`);
    } finally {
      this.#isWriting = false;
    }
  }

  #forgotten(ids: readonly number[]): void {
    for (const id of ids) {
      this.#nodes.delete(id);
      this.#nowhere.delete(id);
      if (this.#own.delete(id)) this.#unwritten.add(id);
    }
    const gone = new Set(ids);
    for (const names of this.#others.values()) {
      // A node that still has it makes it known again: by its next point, or once its names are looked at.
      for (let i = 0; i < names.ids.length; i++) {
        if (names.ids[i] === 0 || !gone.has(names.ids[i])) continue;
        names.ids[i] = 0;
        names.count = -1;
      }
    }
    void this.#write();
  }

  #namesOf(nodeId: string): OtherNames {
    let names = this.#others.get(nodeId);
    if (names === undefined) this.#others.set(nodeId, (names = { ids: new Uint32Array(IDS_MIN), count: 0 }));
    return names;
  }

  #know(nodeId: string, ids: readonly number[], keys: readonly string[]): void {
    const names = this.#namesOf(nodeId);
    let leftOut = 0;
    ids.forEach((otherId, i) => {
      if (otherId >= names.ids.length) {
        const grown = new Uint32Array(Math.max(otherId + 1, names.ids.length * 2));
        grown.set(names.ids);
        names.ids = grown;
      }
      const key = keys[i];
      const known = names.ids[otherId];
      if (key === "") {
        names.ids[otherId] = 0;
        if (known !== 0) this.#setNodes(known, (nodes) => nodes.filter((each) => each !== nodeId));
        return;
      }
      const id = this.#deps.registry.idOf(key) ?? this.#deps.registry.add(key, sourceOfKey(key));
      if (typeof id === "string") {
        leftOut++;
        return;
      }
      names.ids[otherId] = id;
      this.#setNodes(id, (nodes) => (nodes.includes(nodeId) ? nodes : [...nodes, nodeId]));
    });
    if (leftOut > 0) this.#deps.onLeftOut(leftOut);
    this.#deps.onNamed(nodeId);
  }

  #setNodes(id: number, change: (nodes: string[]) => string[]): void {
    const nodes = change(this.#nodes.get(id) ?? []);
    if (nodes.length > 0) this.#nodes.set(id, nodes);
    else this.#nodes.delete(id);
    if (nodes.length === 0 && !this.#own.has(id)) this.#nowhere.add(id);
    else this.#nowhere.delete(id);
  }
}
