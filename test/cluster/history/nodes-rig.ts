/** Several nodes in one process, each with a store and ids of its own, and one store that has all that they have. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary, type DescMethod } from "@bufbuild/protobuf";
import type { HistoryDeps, NodeCall } from "../../../src/cluster/history/asked-nodes.ts";
import type { DeletingDeps } from "../../../src/cluster/history/delete-on-nodes.ts";
import type { OwnStore } from "../../../src/cluster/history/own-series.ts";
import { nodeHistoryMethods } from "../../../src/cluster/history/service.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { SeriesRegistry } from "../../../src/model/series-registry.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { ENDLESS_SLICE, runToEnd } from "../../../src/store/slice.ts";
import { ANONYMOUS, type CallContext, type MethodImpl } from "../../../src/wire/service.ts";
import { NOVEMBER_US, openStore, recordOf, type Opened, type OpenOptions } from "../../store/harness.ts";
import { tempDir } from "../../support/server-process.ts";

/** A point of the series at a position. */
export type SeriesPoint = readonly [series: number, timeUs: number, value: number];

export interface RigNode {
  readonly nodeId: string;
  readonly open: Opened;
  readonly registry: SeriesRegistry;
  readonly methods: readonly MethodImpl[];
  readonly history: HistoryDeps & DeletingDeps;
  /** Ids of this node, by the position of the series. */
  readonly ids: Uint32Array;
  readonly retired: number[];
}

export interface NodesRig extends Disposable {
  readonly nodes: readonly RigNode[];
  /** Has all that the nodes have; the id of a series is its position and one. */
  readonly whole: Opened;
  readonly keys: readonly string[];
  /** A record that arrives a second after the one before, at the node at a position. */
  write(node: number, points: readonly SeriesPoint[]): void;
  /** What becomes of a call, in place of the node's answer. */
  answer?: ((nodeId: string, call: NodeCall) => AsyncIterable<Uint8Array> | undefined) | undefined;
  /** What its answers break off with, behind the first message. */
  broken?: ((nodeId: string) => Error | undefined) | undefined;
  readonly calls: string[];
  /** Deletions that nodes owe. */
  readonly owed: readonly (readonly [nodeId: string, keys: readonly string[]])[];
}

export function ownStoreOf({ store }: Opened): OwnStore {
  return {
    range: async (query) => runToEnd(store.range(query, ENDLESS_SLICE)),
    runs: async (query) => runToEnd(store.ranges.runs(query, ENDLESS_SLICE)),
    arrivals: async (query) => runToEnd(store.reading.arrivals(query, ENDLESS_SLICE)),
    standing: async (query) => runToEnd(store.reading.standing(query, ENDLESS_SLICE)),
    extents: async (seriesIds) => runToEnd(store.reading.extents(seriesIds, ENDLESS_SLICE)),
  };
}

export function contextOf(signal: AbortSignal): CallContext {
  return { signal, principal: ANONYMOUS, headers: new Map(), peer: "test" };
}

/** `orders[node]`: the positions of series in the order in which the node gets to know them; `site`: how their sites begin. */
export function openNodes(
  orders: readonly (readonly number[])[],
  { site = "x", ...options }: Partial<OpenOptions> & { readonly site?: string } = {},
): NodesRig {
  const folder = tempDir("nodes");
  const opened = new DisposableStack();
  opened.use(folder);
  const openOne = (name: string) => {
    const dir = join(folder.path, name);
    mkdirSync(dir);
    return opened.use(openStore({ dir, ...options }));
  };
  const keys = orders[0].map((_, i) =>
    seriesKey(`m${i % 2}`, `s${String(i).padStart(3, "0")}`, [["site", `${site}${i % 3}`]]),
  );
  const whole = openOne("whole");
  const having = new Map<string, Set<string>>();
  const calls: string[] = [];
  const owed: NodesRig["owed"][number][] = [];
  const nodes = orders.map((order, position): RigNode => {
    const nodeId = `node-${position}`;
    const open = openOne(nodeId);
    const registry = new SeriesRegistry({ seriesMax: 1e6, seriesPerSourceMax: 1e6 });
    const ids = new Uint32Array(keys.length);
    for (const series of order) ids[series] = registry.add(keys[series], `s${series}`) as number;
    const store = ownStoreOf(open);
    const retired: number[] = [];
    const isOwn = (id: number) => having.get(registry.keyOf(id))?.has(nodeId) === true;
    const othersWith = (id: number) => [...(having.get(registry.keyOf(id)) ?? [])].filter((other) => other !== nodeId);
    const retire = async (seriesIds: Uint32Array) => {
      retired.push(...seriesIds);
      open.store.retire(seriesIds);
      for (const id of seriesIds) having.get(registry.keyOf(id))?.delete(nodeId);
      registry.forget(seriesIds);
    };
    const methods = nodeHistoryMethods({ store, registry, retire });
    const history: HistoryDeps & DeletingDeps = {
      retire,
      owe: async (other, keysOwed) => void owed.push([other, keysOwed]),
      ...{ store, registry, nodeId, clock: systemClock, places: { isOwn, othersWith } },
      peers: { call, ask, live: () => nodes.map((node) => node.nodeId), nameOf: (id) => `name of ${id}` },
    };
    return { nodeId, open, registry, methods, history, ids, retired };
  });

  function call(nodeId: string, method: DescMethod, request: Uint8Array, options: NodeCall): AsyncIterable<Uint8Array> {
    calls.push(nodeId);
    const answer = rig.answer?.(nodeId, options);
    if (answer !== undefined) return answer;
    const messages = runAt(nodeId, method, request, options) as AsyncIterable<Uint8Array>;
    const failure = rig.broken?.(nodeId);
    return failure === undefined ? messages : brokenOff(messages, failure);
  }

  async function ask(nodeId: string, method: DescMethod, request: Uint8Array, options: NodeCall): Promise<Uint8Array> {
    rig.answer?.(nodeId, options);
    const answer = await (runAt(nodeId, method, request, options) as Promise<never>);
    return toBinary(method.output, create(method.output, answer));
  }

  function runAt(nodeId: string, method: DescMethod, request: Uint8Array, options: NodeCall): unknown {
    const impl = nodes.find((node) => node.nodeId === nodeId)?.methods.find((each) => each.method.name === method.name);
    if (impl === undefined) throw new WatchpostError("UNAVAILABLE", `no node ${nodeId} with ${method.name}`);
    const message = fromBinary(method.input, request) as never;
    const run = impl.run as (message: never, context: CallContext) => unknown;
    return run(message, contextOf(options.signal));
  }

  let seq = 0;
  const rig: NodesRig = {
    ...{ nodes, whole, keys, calls, owed },
    write(node, points) {
      const { nodeId, open, ids } = nodes[node];
      const arrivalMs = NOVEMBER_US / 1_000 + ++seq * 1_000;
      const times = (idOf: (series: number) => number) =>
        points.map(([series, timeUs, value]) => [idOf(series), timeUs, value] as const);
      whole.store.absorb(
        recordOf(
          seq,
          times((series) => series + 1),
          { arrivalMs },
        ),
      );
      open.store.absorb(
        recordOf(
          seq,
          times((series) => ids[series]),
          { arrivalMs },
        ),
      );
      for (const [series] of points) {
        const key = keys[series];
        having.set(key, (having.get(key) ?? new Set()).add(nodeId));
      }
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
  return rig;
}

async function* brokenOff(messages: AsyncIterable<Uint8Array>, failure: Error): AsyncGenerator<Uint8Array, void> {
  for await (const message of messages) {
    yield message;
    throw failure;
  }
}
