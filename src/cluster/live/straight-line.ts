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
  newest(shards: ReadonlySet<number>): AsyncIterator<ShardFrame>;
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
/** Beats without a word of the other side, after which it is not there any more. */
const SILENT_BEATS_MAX = 4;

export class StraightLine {
  readonly #deps: LineDeps;
  #otherId = "";
  #wanted: Uint8Array = new Uint8Array(SHARDS);
  #said: ExchangeInit[] = [];
  #frames: ShardFrame[] = [];
  #waitingBytes = 0;
  /** Shards whose newest values are to be sent. */
  readonly #owed = new Set<number>();
  #newest: AsyncIterator<ShardFrame> | undefined;
  /** Answers come in the order of the questions. */
  readonly #questions: (() => void)[] = [];
  #silentBeats = 0;
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

  /** Something comes over it, and something is heard at its other end. */
  get isOpen(): boolean {
    return this.#otherId !== "" && !this.#isEnded;
  }

  get isEnded(): boolean {
    return this.#isEnded;
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

  /** Resolves once the names of these series of the other node were told, or the line has ended. */
  ask(unknownIds: readonly number[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#questions.push(resolve);
    this.say({ unknownIds: [...unknownIds] });
    if (this.#isEnded) this.end();
    return promise;
  }

  /** Where too much waits it is left out, and the newest values are sent instead. Returns whether it is on its way. */
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

  /** Of a clock: the other side hears that this one is there, and a line over which nothing comes ends. */
  beat(): void {
    if (++this.#silentBeats > SILENT_BEATS_MAX) this.end();
    else this.say({});
  }

  /** Throws INVALID_ARGUMENT where the other side does not begin with who it is. */
  hear({ nodeId, wantedShards, shard, frame, unknownIds, named }: LiveExchange): void {
    const { take, namesOf, onNamed, onChanged } = this.#deps;
    this.#silentBeats = 0;
    const isFirst = this.#otherId === "";
    if (isFirst && nodeId === "")
      throw new WatchpostError("INVALID_ARGUMENT", "the first message says which node it is: node_id");
    if (isFirst) this.#otherId = nodeId;
    if (wantedShards !== undefined) this.#want(shardsIn([wantedShards]));
    if (isFirst || wantedShards !== undefined) onChanged(this);
    if (unknownIds.length > 0) this.say({ named: namesOf(unknownIds) });
    if (named !== undefined) {
      onNamed({ ...named, nodeId: this.#otherId });
      this.#questions.shift()?.();
    }
    if (frame.length > 0 && shard < SHARDS) take(shard, frame);
  }

  /** What is to be sent, until {@link end}. Newest values have their turn between what comes. */
  async *outgoing(): AsyncGenerator<ExchangeInit, void> {
    while (!this.#isEnded) {
      for (let said = this.#said.shift(); said !== undefined; said = this.#said.shift()) yield said;
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        this.#waitingBytes -= frame.frame.length;
        yield frame;
      }
      const newest = await this.#nextNewest();
      if (newest !== undefined) yield newest;
      if (frame !== undefined || newest !== undefined || this.#newest !== undefined) continue;
      await this.#came.promise;
      this.#came = Promise.withResolvers();
    }
  }

  /** What waits is dropped. Idempotent. */
  end(): void {
    this.#isEnded = true;
    this.#came.resolve();
    for (const answered of this.#questions.splice(0)) answered();
  }

  #want(wanted: Uint8Array): void {
    for (let shard = 0; shard < SHARDS; shard++) {
      if (wanted[shard] === 0) this.#owed.delete(shard);
      else if (this.#wanted[shard] === 0) this.#owed.add(shard);
    }
    this.#wanted = wanted;
    this.#came.resolve();
  }

  async #nextNewest(): Promise<ShardFrame | undefined> {
    if (this.#newest === undefined && this.#owed.size > 0) {
      this.#newest = this.#deps.newest(new Set(this.#owed));
      this.#owed.clear();
    }
    const next = await this.#newest?.next();
    if (next?.done !== false) this.#newest = undefined;
    return next?.done === false ? next.value : undefined;
  }
}
