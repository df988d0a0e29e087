/** One question to all nodes that have some of the series: parts of each, and which of them did not answer in time. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { MissingNode } from "../../model/missing-node.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { Nodes } from "../../wire/gen/nodes_pb.ts";
import type { RecentNode } from "../recent/recent-reader.ts";
import { reachText, type RecentReach } from "../recent/recent-reach.ts";
import { ownSeries, type OwnStore } from "./own-series.ts";
import { askBytes, partOf, keysAtOnce, type SeriesAsk, type SeriesPart } from "./series-part.ts";

export interface NodeCall {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Other nodes, by their ids. */
export interface HistoryPeers {
  /** Messages of the answer. Fails as the node does; UNAVAILABLE where it is not known or not reached. */
  call(nodeId: string, method: DescMethod, request: Uint8Array, call: NodeCall): AsyncIterable<Uint8Array>;
  /** The one message of an answer. Fails as {@link call} does. */
  ask(nodeId: string, method: DescMethod, request: Uint8Array, call: NodeCall): Promise<Uint8Array>;
  nameOf(nodeId: string): string;
  /** Ids of those that live. */
  live(): readonly string[];
}

/** Which nodes have points of a series. */
export interface SeriesPlaces {
  isOwn(seriesId: number): boolean;
  /** Ids of other nodes. */
  othersWith(seriesId: number): readonly string[];
}

/** What Redis keeps of the points of nodes. */
export interface RecentWindow {
  /** Undefined: there is nothing of it. Fails as Redis does. */
  of(nodeId: string): Promise<RecentNode | undefined>;
}

export interface HistoryDeps {
  /** In place of nodes that do not answer; left out: there is none. */
  readonly recent?: RecentWindow | undefined;
  readonly store: OwnStore;
  readonly registry: SeriesRegistry;
  readonly places: SeriesPlaces;
  readonly peers: HistoryPeers;
  readonly nodeId: string;
  readonly clock: Clock;
}

export interface HistoryOptions {
  readonly signal?: AbortSignal;
  /** Of the whole question; other nodes have most of it. */
  readonly timeoutMs?: number;
  /** Called with the name of each node that is missing in what has no room to say so. */
  onMissing?(node: string): void;
  /** Nodes alone are asked. */
  readonly withoutRecent?: boolean;
}

const TIMEOUT_MS = 30_000;
/** What is left is for what comes of the answers. */
const TIMEOUT_SHARE = 0.75;
/** Of a query that asks for too much no node could give an answer. */
const OF_THE_QUESTION = new Set(["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"]);

export class AskedNodes implements Disposable {
  readonly #deps: HistoryDeps;
  readonly #ids: ArrayLike<number>;
  readonly #deadlineMs: number;
  readonly #left = new AbortController();
  readonly #signal: AbortSignal;
  /** By node id: why it does not answer, … */
  readonly #silent = new Map<string, string>();
  /** … and of those of which something is missing for that what is to be said. */
  readonly #missing = new Map<string, string>();
  readonly #recent: RecentWindow | undefined;
  resolutionUs = 0;
  isCoarse = false;
  isDamaged = false;
  pointsRead = 0;

  /** `ids[slot]`: the asked series. */
  constructor(deps: HistoryDeps, ids: ArrayLike<number>, options: HistoryOptions) {
    const { signal, timeoutMs = TIMEOUT_MS, withoutRecent = false } = options;
    this.#deps = deps;
    this.#recent = withoutRecent ? undefined : deps.recent;
    this.#ids = ids;
    this.#deadlineMs = deps.clock.monotonicMs() + timeoutMs * TIMEOUT_SHARE;
    this.#signal = signal === undefined ? this.#left.signal : AbortSignal.any([signal, this.#left.signal]);
  }

  /** In order of names. */
  get missing(): MissingNode[] {
    const { peers } = this.#deps;
    const missing = [...this.#missing].map(([nodeId, why]) => ({ name: peers.nameOf(nodeId), why }));
    return missing.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The slots of one request to the node after the other, as {@link partsOf} asks for them: rows of each are in an order of their own. */
  *requestsOf(nodeId: string, slots: readonly number[]): Generator<readonly number[], void> {
    if (nodeId === this.#deps.nodeId) return yield slots;
    const { there, keys } = this.#known(slots);
    for (let at = 0, end = 0; at < there.length; at = end) {
      end = at + keysAtOnce(keys, at);
      yield there.slice(at, end);
    }
  }

  #known(slots: readonly number[]) {
    const { registry } = this.#deps;
    const there = slots.filter((slot) => registry.has(this.#ids[slot]));
    return { there, keys: there.map((slot) => registry.keyOf(this.#ids[slot])) };
  }

  /**
   * Slots in the order given, each node asked for those that it has. Where one does not answer its parts are those of the recent window, and it
   * is among the missing unless these are all; one that breaks off in the middle ends its parts early. What is wrong with the question fails.
   */
  async *partsOf(nodeId: string, slots: readonly number[], ask: SeriesAsk): AsyncGenerator<SeriesPart, void> {
    const { store } = this.#deps;
    if (nodeId === this.#deps.nodeId) {
      const ids = slots.map((slot) => this.#ids[slot]);
      for await (const part of ownSeries(store, ids, ask, this.#signal)) yield this.#noted(part, slots);
      return;
    }
    const { there, keys } = this.#known(slots);
    let at = 0;
    for (let end = 0; at < there.length && !this.#silent.has(nodeId); at = end) {
      end = at + keysAtOnce(keys, at);
      const some = there.slice(at, end);
      let hasTold = false;
      for await (const part of this.#asked(nodeId, keys.slice(at, end), ask)) {
        hasTold = true;
        yield this.#noted(part, some);
      }
      if (!this.#silent.has(nodeId)) continue;
      if (hasTold) return void this.#missing.set(nodeId, this.#silent.get(nodeId)!);
      break;
    }
    if (at < there.length) yield* this.#inPlaceOf(nodeId, there.slice(at), ask);
  }

  /** Whatever is still under way is ended. */
  [Symbol.dispose](): void {
    this.#left.abort();
  }

  async *#asked(nodeId: string, keys: readonly string[], ask: SeriesAsk): AsyncGenerator<SeriesPart, void> {
    const { clock, peers } = this.#deps;
    const late = new AbortController();
    const timeoutMs = Math.max(1, this.#deadlineMs - clock.monotonicMs());
    const cancelTimer = clock.after(timeoutMs, () => late.abort());
    const signal = AbortSignal.any([this.#signal, late.signal]);
    try {
      const answer = peers.call(nodeId, Nodes.method.querySeries, askBytes(keys, ask), { signal, timeoutMs });
      for await (const bytes of untilAborted(answer, signal)) yield partOf(bytes, ask.reading);
    } catch (error) {
      if (this.#signal.aborted) throw error;
      if (!late.signal.aborted && error instanceof WatchpostError && OF_THE_QUESTION.has(error.status)) throw error;
      this.#silent.set(nodeId, late.signal.aborted ? "it did not answer in time" : messageOf(error));
    } finally {
      cancelTimer();
    }
  }

  async *#inPlaceOf(nodeId: string, slots: readonly number[], ask: SeriesAsk): AsyncGenerator<SeriesPart, void> {
    const why = this.#silent.get(nodeId)!;
    let reach: RecentReach | undefined;
    const onPartial = () => void this.#missing.set(nodeId, reach === undefined ? why : `${why}; ${reachText(reach)}`);
    // When a series began nobody knows but the node.
    if (ask.reading === "first_times" || this.#recent === undefined) return onPartial();
    try {
      const recent = await this.#recent.of(nodeId);
      if (recent === undefined) return onPartial();
      reach = recent.reach;
      const ids = slots.map((slot) => this.#ids[slot]);
      for await (const part of recent.parts(ids, ask, this.#signal, onPartial)) yield this.#noted(part, slots);
    } catch (error) {
      if (this.#signal.aborted) throw error;
      onPartial();
    }
  }

  #noted(part: SeriesPart, slots: readonly number[]): SeriesPart {
    this.resolutionUs = Math.max(this.resolutionUs, part.resolutionUs);
    this.isCoarse ||= part.isCoarse;
    this.isDamaged ||= part.isDamaged;
    this.pointsRead += part.pointsRead;
    const next = part.next && { ...part.next, slot: slots[part.next.slot] };
    return { ...part, slots: part.slots.map((slot) => slots[slot]), next };
  }
}

/** Also where the source does not hear of it. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const messages = source[Symbol.asyncIterator]();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const onAbort = () => reject(new WatchpostError("CANCELLED", "the query was cancelled by its caller"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([messages.next(), aborted]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    Promise.resolve(messages.return?.()).catch(() => {});
  }
}
