/** Series are deleted on all nodes that have points of them, and told of each. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../../model/errors.ts";
import { DeleteNodeSeriesRequestSchema, DeleteNodeSeriesResponseSchema, Nodes } from "../../wire/gen/nodes_pb.ts";
import type { HistoryDeps } from "./asked-nodes.ts";
import { SERIES_AT_ONCE } from "./series-part.ts";
import { seriesWithNodes, slotsByNode } from "./split-series.ts";

export interface DeletingPorts {
  /** Deletes series of this node; resolves when that is durable. */
  retire(seriesIds: Uint32Array): Promise<void>;
  /** Series that were on other nodes alone are not known any more. */
  forget(seriesIds: Uint32Array): void;
}

export type DeletingDeps = Omit<HistoryDeps, "store" | "clock"> & DeletingPorts;

export interface NodeDeletion {
  readonly node: string;
  /** With an error those that are still there. */
  readonly series: number;
  /** "": there was none. */
  readonly error: string;
}

export interface DeletedSeries {
  /** Those that are gone from all nodes. */
  readonly series: number;
  readonly nodes: readonly NodeDeletion[];
}

const TIMEOUT_MS = 20_000;

/** Fails where this node cannot delete its own: nothing is deleted then. */
export async function deleteOnNodes(deps: DeletingDeps, seriesIds: Uint32Array): Promise<DeletedSeries> {
  const { registry, places, nodeId: ownId, peers, retire, forget } = deps;
  const series = seriesWithNodes(seriesIds, places, ownId);
  const keys = Array.from(seriesIds, (id) => registry.keyOf(id));
  const { [ownId]: own = [], ...others } = Object.fromEntries(slotsByNode(series));
  if (own.length > 0) await retire(Uint32Array.from(own, (slot) => seriesIds[slot]).sort());
  const left = new Set<number>();
  const told = await Promise.all(
    Object.entries(others).map(async ([nodeId, slots]): Promise<NodeDeletion> => {
      let at = 0;
      try {
        for (; at < slots.length; at += SERIES_AT_ONCE) {
          const some = slots.slice(at, at + SERIES_AT_ONCE).map((slot) => keys[slot]);
          await deleteAt(peers, nodeId, some);
        }
        return { node: peers.nameOf(nodeId), series: slots.length, error: "" };
      } catch (error) {
        for (const slot of slots.slice(at)) left.add(slot);
        return { node: peers.nameOf(nodeId), series: slots.length - at, error: messageOf(error) };
      }
    }),
  );
  const elsewhere = series.filter(({ slot, nodeIds }) => !nodeIds.includes(ownId) && !left.has(slot));
  if (elsewhere.length > 0) forget(Uint32Array.from(elsewhere, ({ slot }) => seriesIds[slot]));
  const ofOwn = own.length === 0 ? [] : [{ node: peers.nameOf(ownId), series: own.length, error: "" }];
  return {
    series: seriesIds.length - left.size,
    nodes: [...ofOwn, ...told.sort((a, b) => (a.node < b.node ? -1 : 1))],
  };
}

async function deleteAt(peers: HistoryDeps["peers"], nodeId: string, keys: string[]): Promise<void> {
  const request = toBinary(DeleteNodeSeriesRequestSchema, create(DeleteNodeSeriesRequestSchema, { keys }));
  const late = { signal: AbortSignal.timeout(TIMEOUT_MS), timeoutMs: TIMEOUT_MS };
  fromBinary(DeleteNodeSeriesResponseSchema, await peers.ask(nodeId, Nodes.method.deleteNodeSeries, request, late));
}
