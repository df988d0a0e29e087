/** One stream between this node and another one, over which each sends the other what it wants: while Redis is away for one of them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../../model/errors.ts";
import { SHARDS } from "../../model/metric-shard.ts";
import type { LiveExchange, LiveExchangeSchema, SeriesNamed } from "../../wire/gen/nodes_pb.ts";
import { shardsIn } from "./wanted-shards.ts";

export type ExchangeInit = MessageInitShape<typeof LiveExchangeSchema>;

export interface ShardFrame {
  readonly shard: number;
  /** An encoded LiveFrame. */
  readonly frame: Uint8Array;
}

/** This node, as a line needs it. */
export interface LineDeps {
  readonly nodeId: string;
  /** What this node wants now, a bit a shard. */
  wantedShards(): Uint8Array;
  /** Newest values of all series of this node in these shards. */
  newest(shards: ReadonlySet<number>): AsyncIterable<ShardFrame>;
  /** Names of series of this node, by its ids. */
  namesOf(ids: readonly number[]): SeriesNamed;
  /** Another node has sent something. */
  take(shard: number, frame: Uint8Array): void;
  onNamed(named: SeriesNamed): void;
  /** Who is at the other end is known from now on, or wants something else than before. */
  onChanged(line: StraightLine): void;
}

const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** Questions and answers that wait; whoever asks so much without reading is not there any more. */
const SAID_MAX = 10_000;

export class StraightLine {
  readonly #deps: LineDeps;
  #otherId = "";
  #wanted: Uint8Array = new Uint8Array(SHARDS);
  #said: ExchangeInit[] = [];
  #frames: ShardFrame[] = [];
  #waitingBytes = 0;
  /** Shards whose newest values are to be sent. */
  readonly #owed = new Set<number>();
  #came = Promise.withResolvers<void>();
  #isEnded = false;

  constructor(deps: LineDeps) {
    this.#deps = deps;
    this.say({ nodeId: deps.nodeId, wantedShards: deps.wantedShards() });
  }

  /** The node at the other end; "": it has not said so yet. */
  get otherId(): string {
    return this.#otherId;
  }

  /** By shard: 1 where the other node wants it. */
  get wanted(): Uint8Array {
    return this.#wanted;
  }

  say(message: ExchangeInit): void {
    if (this.#said.length >= SAID_MAX) this.end();
    if (this.#isEnded) return;
    this.#said.push(message);
    this.#came.resolve();
  }

  /** Where too much waits it is left out, and the newest values are sent once that is gone. Returns whether it is on its way. */
  send(shard: number, frame: Uint8Array): boolean {
    if (this.#isEnded) return false;
    const isRoom = this.#waitingBytes + frame.length <= WAITING_BYTES_MAX;
    if (isRoom) {
      this.#frames.push({ shard, frame });
      this.#waitingBytes += frame.length;
    } else this.#owed.add(shard);
    this.#came.resolve();
    return isRoom;
  }

  /** Throws INVALID_ARGUMENT where the other side does not begin with who it is. */
  hear({ nodeId, wantedShards, shard, frame, unknownIds, named }: LiveExchange): void {
    const { take, namesOf, onNamed, onChanged } = this.#deps;
    const isFirst = this.#otherId === "";
    if (isFirst && nodeId === "")
      throw new WatchpostError("INVALID_ARGUMENT", "the first message says which node it is: node_id");
    if (isFirst) this.#otherId = nodeId;
    if (wantedShards !== undefined) this.#want(shardsIn([wantedShards]));
    if (isFirst || wantedShards !== undefined) onChanged(this);
    if (unknownIds.length > 0) this.say({ named: namesOf(unknownIds) });
    if (named !== undefined) onNamed({ ...named, nodeId: this.#otherId });
    if (frame.length > 0 && shard < SHARDS) take(shard, frame);
  }

  /** What is to be sent, until {@link end}. */
  async *outgoing(): AsyncGenerator<ExchangeInit, void> {
    while (!this.#isEnded) {
      const said = this.#said.shift();
      const next = said ?? this.#frames.shift();
      if (next !== undefined) {
        if (said === undefined) this.#waitingBytes -= (next as ShardFrame).frame.length;
        yield next;
      } else if (this.#owed.size > 0) yield* this.#newest();
      else {
        await this.#came.promise;
        this.#came = Promise.withResolvers();
      }
    }
  }

  /** What waits is dropped. Idempotent. */
  end(): void {
    this.#isEnded = true;
    this.#came.resolve();
  }

  #want(wanted: Uint8Array): void {
    for (let shard = 0; shard < SHARDS; shard++) {
      if (wanted[shard] === 0) this.#owed.delete(shard);
      else if (this.#wanted[shard] === 0) this.#owed.add(shard);
    }
    this.#wanted = wanted;
    this.#came.resolve();
  }

  async *#newest(): AsyncGenerator<ExchangeInit, void> {
    const owed = new Set(this.#owed);
    this.#owed.clear();
    for await (const page of this.#deps.newest(owed)) {
      if (this.#isEnded) return;
      yield page;
    }
  }
}
