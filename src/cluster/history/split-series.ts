/** Which of some series one node has alone, and which several have. */
import type { SeriesPlaces } from "./asked-nodes.ts";

export interface SplitSeries {
  /** By node id: slots of series that no other node has points of, ascending. */
  readonly alone: ReadonlyMap<string, readonly number[]>;
  /** Those that several nodes have, ascending. */
  readonly shared: readonly PlacedSeries[];
}

/** A series and the nodes that have points of it. */
export interface PlacedSeries {
  readonly slot: number;
  readonly nodeIds: readonly string[];
}

/** Whether this node has all that there is of these series. */
export function areAllOwn(seriesIds: Uint32Array, places: SeriesPlaces): boolean {
  return seriesIds.every((id) => places.othersWith(id).length === 0);
}

/** Each series with the nodes that have it, in the order of slots. Of what nobody is known to have points this node is asked. */
export function seriesWithNodes(seriesIds: Uint32Array, places: SeriesPlaces, ownId: string): PlacedSeries[] {
  return Array.from(seriesIds, (id, slot) => {
    const others = places.othersWith(id);
    return { slot, nodeIds: others.length === 0 || places.isOwn(id) ? [ownId, ...others] : others };
  });
}

export function splitSeries(series: readonly PlacedSeries[]): SplitSeries {
  const isShared = ({ nodeIds }: PlacedSeries) => nodeIds.length > 1;
  return { alone: slotsByNode(series.filter((each) => !isShared(each))), shared: series.filter(isShared) };
}

/** By node: the slots it has. */
export function slotsByNode(shared: readonly PlacedSeries[]): Map<string, number[]> {
  const byNode = new Map<string, number[]>();
  for (const { slot, nodeIds } of shared) {
    for (const nodeId of nodeIds) {
      const slots = byNode.get(nodeId);
      if (slots === undefined) byNode.set(nodeId, [slot]);
      else slots.push(slot);
    }
  }
  return byNode;
}
