/**
 * Frames straight from node to node, without Redis: a node that has none opens a line to each of the others that it knew last, over which
 * both send what the other wants. So dashboards and rules hear what comes to other nodes, and it is known who is silent.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { SHARDS } from "../../model/metric-shard.ts";
import { pause } from "../../model/pause.ts";
import { LiveExchangeSchema, Nodes, type LiveExchange, type NodeRecord } from "../../wire/gen/nodes_pb.ts";
import type { Members } from "../members.ts";
import type { Peers } from "../peers/peers.ts";
import type { Redis } from "../redis/redis.ts";
import { StraightLine, type ExchangeInit, type LineDeps } from "./straight-line.ts";

export interface StraightFramesDeps extends Omit<LineDeps, "onChanged"> {
  readonly redis: Pick<Redis, "isUp" | "follow">;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "bidi">;
  readonly members: Pick<Members, "follow">;
  /** That live and can be reached, this one left out; while Redis is away as they were last. */
  others(): readonly NodeRecord[];
  /** {@link StraightFrames.wanted} or {@link StraightFrames.hearsAll} says something else, maybe. */
  onChanged(): void;
  onTrouble(sentence: string): void;
}

const RETRY_MS = 1_000;
/** Of more nodes each would send what it has too often, and none is heard. */
export const OTHERS_MAX = 50;
/** Lines stay for so long once Redis is back: until what comes over it is heard again. */
const LINGER_MS = 3_000;

export class StraightFrames {
  readonly #deps: StraightFramesDeps;
  readonly #lines = new Set<StraightLine>();
  /** Nodes to which this one opens a line, each with what ends that. */
  readonly #opened = new Map<string, AbortController>();
  /** Lines that others have opened, by the node at the other end. */
  readonly #served = new Map<string, StraightLine>();
  readonly #unfollow: readonly (() => void)[];
  #wanted = new Uint8Array(SHARDS);
  #isNeeded: boolean;
  /** Redis has told of them once. */
  #areOthersKnown: boolean;
  #cancelLinger = () => {};
  #isClosed = false;

  constructor(deps: StraightFramesDeps) {
    this.#deps = deps;
    this.#isNeeded = !deps.redis.isUp;
    this.#areOthersKnown = deps.redis.isUp;
    this.#unfollow = [deps.redis.follow((isUp) => this.#need(!isUp)), deps.members.follow(() => this.#look())];
    this.#look();
  }

  /** By shard: 1 where a node at the end of a line wants it. */
  get wanted(): Uint8Array {
    return this.#wanted;
  }

  /** Lines that are open. */
  get count(): number {
    return this.#lines.size;
  }

  /** Whether all that comes to other nodes can be heard here: over Redis, or a line to each of them. */
  get hearsAll(): boolean {
    if (this.#deps.redis.isUp) return true;
    return this.#areOthersKnown && this.#deps.others().every(({ nodeId }) => this.#lineTo(nodeId) !== undefined);
  }

  /** To all who want it. False: nobody does, or has room for it. */
  send(shard: number, frame: Uint8Array): boolean {
    if (this.#wanted[shard] === 0) return false;
    let isSent = false;
    for (const line of this.#lines) if (line.wanted[shard] === 1 && line.send(shard, frame)) isSent = true;
    return isSent;
  }

  /** Asks a node for names of its series. False: there is no line to it. */
  ask(nodeId: string, unknownIds: readonly number[]): boolean {
    const line = this.#lineTo(nodeId);
    line?.say({ unknownIds: [...unknownIds] });
    return line !== undefined;
  }

  /** This node wants other shards than before. */
  wantedChanged(): void {
    for (const line of this.#lines) line.say({ wantedShards: this.#deps.wantedShards() });
  }

  /** A line that another node opens. Throws as {@link StraightLine.hear} does. */
  async *serve(messages: AsyncIterable<LiveExchange>): AsyncGenerator<ExchangeInit, void> {
    const line = this.#begin((begun) => {
      const { nodeId } = this.#deps;
      this.#served.set(begun.otherId, begun);
      // Of two that were opened at once one stays.
      if (begun.otherId < nodeId) this.#opened.get(begun.otherId)?.abort();
    });
    let failure: unknown;
    const hear = async () => {
      for await (const message of messages) line.hear(message);
    };
    void hear()
      .catch((error: unknown) => (failure = error))
      .finally(() => line.end());
    try {
      yield* line.outgoing();
      if (failure !== undefined) throw failure;
    } finally {
      if (this.#served.get(line.otherId) === line) this.#served.delete(line.otherId);
      this.#end(line);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLinger();
    for (const end of this.#unfollow) end();
    for (const opened of this.#opened.values()) opened.abort();
    for (const line of this.#lines) line.end();
  }

  #lineTo(nodeId: string): StraightLine | undefined {
    for (const line of this.#lines) if (line.otherId === nodeId) return line;
    return undefined;
  }

  #need(isNeeded: boolean): void {
    this.#cancelLinger();
    this.#areOthersKnown ||= !isNeeded;
    const set = (now: boolean) => {
      this.#isNeeded = now;
      this.#look();
    };
    if (isNeeded) set(true);
    else this.#cancelLinger = this.#deps.clock.after(LINGER_MS, () => set(false));
    this.#deps.onChanged();
  }

  #look(): void {
    if (this.#isClosed) return;
    const others = this.#isNeeded ? this.#deps.others() : [];
    const areTooMany = others.length > OTHERS_MAX;
    if (areTooMany)
      this.#deps.onTrouble(
        `without Redis no other node is heard: there are ${others.length}, and at most ${OTHERS_MAX}`,
      );
    const ids = areTooMany ? [] : others.map(({ nodeId }) => nodeId);
    for (const [nodeId, opened] of this.#opened) if (!ids.includes(nodeId)) opened.abort();
    for (const nodeId of ids) if (!this.#opened.has(nodeId)) void this.#keep(nodeId);
    this.#deps.onChanged();
  }

  /** Opens a line again where it ends, as long as it is needed and the other node has not opened one. */
  async #keep(nodeId: string): Promise<void> {
    for (let record = this.#needed(nodeId); record !== undefined; record = this.#needed(nodeId)) {
      const opened = new AbortController();
      this.#opened.set(nodeId, opened);
      if (!this.#served.has(nodeId)) await this.#open(record.address, opened.signal);
      await pause(RETRY_MS, this.#deps.clock, opened.signal);
    }
    this.#opened.delete(nodeId);
  }

  #needed(nodeId: string): NodeRecord | undefined {
    if (!this.#isNeeded || this.#isClosed) return undefined;
    return this.#deps.others().find((record) => record.nodeId === nodeId);
  }

  async #open(address: string, signal: AbortSignal): Promise<void> {
    const { peers, onTrouble } = this.#deps;
    const line = this.#begin(() => {});
    try {
      const answers = peers.bidi(address, Nodes.method.exchangeLive, encoded(line), { signal });
      for await (const answer of answers) line.hear(fromBinary(LiveExchangeSchema, answer));
    } catch (error) {
      if (!signal.aborted) onTrouble(`what comes to another node is not heard without Redis: ${messageOf(error)}`);
    } finally {
      this.#end(line);
    }
  }

  #begin(onKnown: (line: StraightLine) => void): StraightLine {
    let isKnown = false;
    const onChanged = (changed: StraightLine) => {
      if (!isKnown) onKnown(changed);
      isKnown = true;
      this.#changed();
    };
    const line = new StraightLine({ ...this.#deps, onChanged });
    this.#lines.add(line);
    if (this.#isClosed) line.end();
    return line;
  }

  #end(line: StraightLine): void {
    line.end();
    this.#lines.delete(line);
    this.#changed();
  }

  #changed(): void {
    const wanted = new Uint8Array(SHARDS);
    for (const line of this.#lines) line.wanted.forEach((isWanted, shard) => (wanted[shard] |= isWanted));
    this.#wanted = wanted;
    this.#deps.onChanged();
  }
}

async function* encoded(line: StraightLine): AsyncGenerator<Uint8Array, void> {
  for await (const message of line.outgoing()) yield toBinary(LiveExchangeSchema, create(LiveExchangeSchema, message));
}
