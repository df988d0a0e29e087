/** One question to all nodes that have some of the series: parts of each, and which of them did not answer in time. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Clock } from "../../model/clock.ts";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { MissingNode } from "../../model/missing-node.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { Nodes } from "../../wire/gen/nodes_pb.ts";
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

export interface HistoryDeps {
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
  /** By node id. */
  readonly #missing = new Map<string, string>();
  resolutionUs = 0;
  isCoarse = false;
  isDamaged = false;
  pointsRead = 0;

  /** `ids[slot]`: the asked series. */
  constructor(deps: HistoryDeps, ids: ArrayLike<number>, { signal, timeoutMs = TIMEOUT_MS }: HistoryOptions) {
    this.#deps = deps;
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

  /**
   * Slots in the order given, each node asked for those that it has. A node that does not answer ends its parts early, and is among
   * the missing; what is wrong with the question fails.
   */
  async *partsOf(nodeId: string, slots: readonly number[], ask: SeriesAsk): AsyncGenerator<SeriesPart, void> {
    const { registry, store } = this.#deps;
    if (nodeId === this.#deps.nodeId) {
      const ids = slots.map((slot) => this.#ids[slot]);
      for await (const part of ownSeries(store, ids, ask, this.#signal)) yield this.#noted(part, slots);
      return;
    }
    const there = slots.filter((slot) => registry.has(this.#ids[slot]));
    const keys = there.map((slot) => registry.keyOf(this.#ids[slot]));
    for (let [at, end] = [0, 0]; at < there.length && !this.#missing.has(nodeId); at = end) {
      end = at + keysAtOnce(keys, at);
      const some = there.slice(at, end);
      for await (const part of this.#asked(nodeId, keys.slice(at, end), ask)) yield this.#noted(part, some);
    }
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
      this.#missing.set(nodeId, late.signal.aborted ? "it did not answer in time" : messageOf(error));
    } finally {
      cancelTimer();
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
