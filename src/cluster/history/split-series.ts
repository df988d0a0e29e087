/** Which of some series one node has alone, and which several have. */
import type { SeriesPlaces } from "./asked-nodes.ts";

export interface SplitSeries {
  /** By node id: slots of series that no other node has points of, ascending. */
  readonly alone: ReadonlyMap<string, readonly number[]>;
  /** Slots of those that several nodes have, ascending, with these nodes. */
  readonly shared: readonly SharedSeries[];
}

export interface SharedSeries {
  readonly slot: number;
  readonly nodeIds: readonly string[];
}

/** Whether this node has all that there is of these series. */
export function areAllOwn(seriesIds: Uint32Array, places: SeriesPlaces): boolean {
  return seriesIds.every((id) => places.othersWith(id).length === 0);
}

/** Of what nobody is known to have points this node is asked. */
export function splitSeries(seriesIds: Uint32Array, places: SeriesPlaces, ownId: string): SplitSeries {
  const alone = new Map<string, number[]>();
  const shared: SharedSeries[] = [];
  for (const [slot, id] of seriesIds.entries()) {
    const others = places.othersWith(id);
    const isOwn = others.length === 0 || places.isOwn(id);
    if (isOwn && others.length > 0) shared.push({ slot, nodeIds: [ownId, ...others] });
    else if (others.length > 1) shared.push({ slot, nodeIds: others });
    else {
      const nodeId = isOwn ? ownId : others[0];
      const slots = alone.get(nodeId);
      if (slots === undefined) alone.set(nodeId, [slot]);
      else slots.push(slot);
    }
  }
  return { alone, shared };
}

/** By node: the slots it has. */
export function slotsByNode(shared: readonly SharedSeries[]): Map<string, number[]> {
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
