/** Series are deleted on all nodes that have points of them, and told of each. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../../model/errors.ts";
import { DeleteNodeSeriesRequestSchema, DeleteNodeSeriesResponseSchema, Nodes } from "../../wire/gen/nodes_pb.ts";
import type { HistoryDeps, RecentWindow } from "./asked-nodes.ts";
import { keysAtOnce } from "./series-part.ts";
import { seriesWithNodes, slotsByNode } from "./split-series.ts";

export interface DeletingDeps extends Omit<HistoryDeps, "store" | "clock"> {
  /** The node deletes these once it is back: resolves when that is sure. */
  owe(nodeId: string, keys: readonly string[]): Promise<void>;
  /** Deletes series of this node; resolves when that is durable. */
  retire(seriesIds: Uint32Array): Promise<void>;
  readonly recent?: (RecentWindow & ForgettingWindow) | undefined;
}

/** What Redis keeps of nodes, where series are to be read no more. */
export interface ForgettingWindow {
  /** Ids of a node; they are known as long as the series are. */
  otherIdsOf(nodeId: string, seriesIds: ArrayLike<number>): Uint32Array;
  forget(nodeId: string, otherIds: readonly number[]): Promise<void>;
}

export interface NodeDeletion {
  readonly node: string;
  /** With an error those that may still be there. */
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

/**
 * Nodes that have no points of them are told, too, for they know their names; what fails there is of no account. One that has some and
 * is not reached owes it, and what Redis keeps of it is read no more. Fails where this node cannot delete its own: nothing is deleted then.
 */
export async function deleteOnNodes(deps: DeletingDeps, seriesIds: Uint32Array): Promise<DeletedSeries> {
  const { registry, places, nodeId: ownId, peers, retire, owe, recent } = deps;
  const having = slotsByNode(seriesWithNodes(seriesIds, places, ownId));
  const keys = Array.from(seriesIds, (id) => registry.keyOf(id));
  const otherIds = new Map(
    Array.from(having, ([nodeId, slots]) => [
      nodeId,
      recent?.otherIdsOf(
        nodeId,
        slots.map((slot) => seriesIds[slot]),
      ),
    ]),
  );
  await retire(seriesIds.slice().sort());
  const left = new Set<number>();
  const others = new Set([...having.keys(), ...peers.live()]);
  others.delete(ownId);
  const told = await Promise.all(
    Array.from(others, async (nodeId): Promise<NodeDeletion[]> => {
      const slots = having.get(nodeId) ?? [];
      const node = peers.nameOf(nodeId);
      try {
        for (let [at, end] = [0, 0]; at < keys.length; at = end) {
          end = at + keysAtOnce(keys, at);
          await deleteAt(peers, nodeId, keys.slice(at, end));
        }
        return slots.length === 0 ? [] : [{ node, series: slots.length, error: "" }];
      } catch (error) {
        for (const slot of slots) left.add(slot);
        if (slots.length === 0) return [];
        const known = [...(otherIds.get(nodeId) ?? [])].filter((id) => id !== 0);
        // A Redis that is away shows nothing of them now; the answer says that they are still there.
        await recent?.forget(nodeId, known).catch(() => {});
        const owed = owe(
          nodeId,
          Array.from(slots, (slot) => keys[slot]),
        ).then(
          () => "it deletes them once it is back",
          (failure: unknown) => `delete again once it is back, for it cannot be told: ${messageOf(failure)}`,
        );
        return [{ node, series: slots.length, error: `${messageOf(error)}; ${await owed}` }];
      }
    }),
  );
  const own = having.get(ownId)?.length ?? 0;
  const ofOwn = own === 0 ? [] : [{ node: peers.nameOf(ownId), series: own, error: "" }];
  const ofOthers = told.flat().sort((a, b) => (a.node < b.node ? -1 : 1));
  return { series: seriesIds.length - left.size, nodes: [...ofOwn, ...ofOthers] };
}

async function deleteAt(peers: HistoryDeps["peers"], nodeId: string, keys: string[]): Promise<void> {
  const request = toBinary(DeleteNodeSeriesRequestSchema, create(DeleteNodeSeriesRequestSchema, { keys }));
  const late = { signal: AbortSignal.timeout(TIMEOUT_MS), timeoutMs: TIMEOUT_MS };
  fromBinary(DeleteNodeSeriesResponseSchema, await peers.ask(nodeId, Nodes.method.deleteNodeSeries, request, late));
}
