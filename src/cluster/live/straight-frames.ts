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
/** Each side says that it is there. */
const BEAT_MS = 2_000;
/** Of more nodes each would send what it has too often, and none is heard. */
export const OTHERS_MAX = 50;
/** Lines stay for so long once Redis is back: until all others have been seen again, and what comes over it is heard. */
const LINGER_MS = 6_000;

interface Opened {
  readonly address: string;
  readonly over: AbortController;
  /** While the call lasts. */
  line: StraightLine | undefined;
}

export class StraightFrames {
  readonly #deps: StraightFramesDeps;
  readonly #lines = new Set<StraightLine>();
  /** Addresses of the other nodes, by their ids: while Redis is away, and some time after it, all that were there when it went. */
  #others = new Map<string, string>();
  /** Lines that this node opens, by the node at the other end. */
  readonly #opened = new Map<string, Opened>();
  /** Lines that others have opened, by the node at the other end. */
  readonly #served = new Map<string, StraightLine>();
  readonly #unfollow: readonly (() => void)[];
  #wanted = new Uint8Array(SHARDS);
  #isNeeded: boolean;
  /** Redis has told of them. */
  #areOthersKnown: boolean;
  #cancelLinger = () => {};
  #cancelBeat = () => {};
  #isClosed = false;

  constructor(deps: StraightFramesDeps) {
    this.#deps = deps;
    this.#isNeeded = !deps.redis.isUp;
    this.#areOthersKnown = deps.redis.isUp || deps.others().length > 0;
    this.#unfollow = [deps.redis.follow((isUp) => this.#need(!isUp)), deps.members.follow(() => this.#look())];
    this.#beatSoon();
    this.#look();
  }

  /** By shard: 1 where a node at the end of a line wants it. */
  get wanted(): Uint8Array {
    return this.#wanted;
  }

  /** Lines over which something comes. */
  get count(): number {
    let count = 0;
    for (const line of this.#lines) if (line.isOpen) count++;
    return count;
  }

  /** Whether all that comes to other nodes can be heard here: over Redis, or a line to each of them. */
  get hearsAll(): boolean {
    if (this.#deps.redis.isUp) return true;
    return this.#areOthersKnown && [...this.#others.keys()].every((nodeId) => this.#lineTo(nodeId) !== undefined);
  }

  /** To all who want it. False: nobody does, or has room for it. */
  send(shard: number, frame: Uint8Array): boolean {
    if (this.#wanted[shard] === 0) return false;
    let isSent = false;
    for (const line of this.#lines) if (line.wanted[shard] === 1 && line.send(shard, frame)) isSent = true;
    return isSent;
  }

  /** Asks a node for names of its series; undefined: there is no line to it. */
  ask(nodeId: string, unknownIds: readonly number[]): Promise<void> | undefined {
    return this.#lineTo(nodeId)?.ask(unknownIds);
  }

  /** This node wants other shards than before. */
  wantedChanged(): void {
    for (const line of this.#lines) line.say({ wantedShards: this.#deps.wantedShards() });
  }

  /** A line that another node opens. Throws as {@link StraightLine.hear} does. */
  async *serve(messages: AsyncIterable<LiveExchange>): AsyncGenerator<ExchangeInit, void> {
    const line = this.#begin((begun) => {
      const { otherId } = begun;
      // A node that opens another one has lost the one before.
      this.#served.get(otherId)?.end();
      this.#served.set(otherId, begun);
      // Of two that were opened at once one stays.
      if (otherId < this.#deps.nodeId) this.#opened.get(otherId)?.over.abort();
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
      const { otherId } = line;
      if (this.#served.get(otherId) === line) {
        this.#served.delete(otherId);
        // Whoever has waited for it to end opens one at once.
        const opened = this.#opened.get(otherId);
        if (opened !== undefined && opened.line === undefined) opened.over.abort();
      }
      this.#end(line);
    }
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#cancelLinger();
    this.#cancelBeat();
    for (const end of this.#unfollow) end();
    for (const { over } of this.#opened.values()) over.abort();
    for (const line of this.#lines) line.end();
  }

  /** Of several the one that was opened last. */
  #lineTo(nodeId: string): StraightLine | undefined {
    let found: StraightLine | undefined;
    for (const line of this.#lines) if (line.isOpen && line.otherId === nodeId) found = line;
    return found;
  }

  #need(isNeeded: boolean): void {
    this.#cancelLinger();
    const set = (now: boolean) => {
      this.#isNeeded = now;
      this.#areOthersKnown ||= !now;
      this.#look();
    };
    if (isNeeded) set(true);
    else this.#cancelLinger = this.#deps.clock.after(LINGER_MS, () => set(false));
    this.#deps.onChanged();
  }

  #look(): void {
    if (this.#isClosed) return;
    const others = new Map(this.#deps.others().map(({ nodeId, address }) => [nodeId, address]));
    // After an outage all seem to be gone, until each has been seen again.
    this.#others = this.#isNeeded ? new Map([...this.#others, ...others]) : others;
    if (this.#isNeeded && this.#others.size > OTHERS_MAX) {
      const count = this.#others.size;
      this.#deps.onTrouble(`without Redis no other node is heard: there are ${count}, and at most ${OTHERS_MAX}`);
    }
    for (const [nodeId, { address, over }] of this.#opened) if (this.#needed(nodeId) !== address) over.abort();
    for (const nodeId of this.#others.keys())
      if (this.#needed(nodeId) !== undefined && !this.#opened.has(nodeId)) void this.#keep(nodeId);
    this.#deps.onChanged();
  }

  /** Opens a line again where it ends, as long as it is needed and the other node has not opened one. */
  async #keep(nodeId: string): Promise<void> {
    for (let address = this.#needed(nodeId); address !== undefined; address = this.#needed(nodeId)) {
      const opened: Opened = { address, over: new AbortController(), line: undefined };
      this.#opened.set(nodeId, opened);
      if (!this.#served.has(nodeId)) await this.#open(opened);
      await pause(RETRY_MS, this.#deps.clock, opened.over.signal);
    }
    this.#opened.delete(nodeId);
  }

  /** Where a line is to be opened to; undefined: none is. */
  #needed(nodeId: string): string | undefined {
    const isNeeded = this.#isNeeded && !this.#isClosed && this.#others.size <= OTHERS_MAX;
    return isNeeded ? this.#others.get(nodeId) : undefined;
  }

  async #open(opened: Opened): Promise<void> {
    const { peers, onTrouble } = this.#deps;
    const line = (opened.line = this.#begin(() => {}));
    const {
      address,
      over: { signal },
    } = opened;
    try {
      const answers = peers.bidi(address, Nodes.method.exchangeLive, encoded(line), { signal });
      for await (const answer of answers) line.hear(fromBinary(LiveExchangeSchema, answer));
    } catch (error) {
      if (!signal.aborted) onTrouble(`what comes to another node is not heard without Redis: ${messageOf(error)}`);
    } finally {
      opened.line = undefined;
      this.#end(line);
    }
  }

  #beatSoon(): void {
    this.#cancelBeat = this.#deps.clock.after(BEAT_MS, () => {
      for (const line of this.#lines) line.beat();
      for (const { line, over } of this.#opened.values()) if (line?.isEnded) over.abort();
      if (this.#lines.size > 0) this.#changed();
      this.#beatSoon();
    });
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
    for (const line of this.#lines) {
      if (line.isOpen) line.wanted.forEach((isWanted, shard) => (wanted[shard] |= isWanted));
    }
    this.#wanted = wanted;
    this.#deps.onChanged();
  }
}

async function* encoded(line: StraightLine): AsyncGenerator<Uint8Array, void> {
  for await (const message of line.outgoing()) yield toBinary(LiveExchangeSchema, create(LiveExchangeSchema, message));
}
